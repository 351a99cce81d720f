// The ledger's tables, as migrations: entry n leads from format n to n + 1.

const format1 = `
CREATE TABLE study (
  StudyInstanceUID TEXT PRIMARY KEY,
  StudyDate TEXT, StudyTime TEXT, AccessionNumber TEXT, ReferringPhysicianName TEXT,
  PatientName TEXT, PatientID TEXT, StudyID TEXT,
  -- PatientID with its issuer: compared, never shown.
  patient TEXT NOT NULL,
  attributes TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open',
  version INTEGER NOT NULL DEFAULT 0,
  evidence TEXT,
  -- Set when the caller said that the study is complete.
  claim TEXT,
  lastReceived INTEGER NOT NULL
) STRICT;
CREATE INDEX study_date ON study (StudyDate);
CREATE INDEX study_patient ON study (PatientID);
CREATE INDEX study_name ON study (PatientName COLLATE NOCASE);
CREATE INDEX study_accession ON study (AccessionNumber);
CREATE INDEX study_unsettled ON study (state) WHERE state <> 'ready';

CREATE TABLE series (
  SeriesInstanceUID TEXT PRIMARY KEY,
  StudyInstanceUID TEXT NOT NULL REFERENCES study ON DELETE CASCADE,
  Modality TEXT, SeriesNumber TEXT, PerformedProcedureStepStartDate TEXT, PerformedProcedureStepStartTime TEXT,
  attributes TEXT NOT NULL,
  instances INTEGER NOT NULL DEFAULT 0,
  embeddable INTEGER NOT NULL DEFAULT 0,
  indexed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX series_study ON series (StudyInstanceUID);
CREATE INDEX series_modality ON series (Modality);

CREATE TABLE instance (
  -- AUTOINCREMENT: a number is never given twice, not even after a delete.
  receipt INTEGER PRIMARY KEY AUTOINCREMENT,
  SOPInstanceUID TEXT NOT NULL UNIQUE,
  SeriesInstanceUID TEXT NOT NULL REFERENCES series ON DELETE CASCADE,
  StudyInstanceUID TEXT NOT NULL,
  SOPClassUID TEXT NOT NULL, TransferSyntaxUID TEXT NOT NULL, InstanceNumber TEXT,
  digest TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  attributes TEXT NOT NULL,
  stage TEXT NOT NULL DEFAULT 'accepted',
  stageSince INTEGER NOT NULL,
  reason TEXT,
  embeddable INTEGER NOT NULL DEFAULT 0,
  indexed INTEGER NOT NULL DEFAULT 0,
  -- How often its event was sent; part of the event's msgID.
  attempt INTEGER NOT NULL DEFAULT 0
) STRICT;
-- Covers the facts of a series without reading its instances' rows.
CREATE INDEX instance_series ON instance (SeriesInstanceUID, stage, reason);
CREATE INDEX instance_study ON instance (StudyInstanceUID);
CREATE INDEX instance_digest ON instance (digest);
CREATE INDEX instance_unfinished ON instance (stage, stageSince) WHERE stage IN ('accepted', 'decoded', 'embedded');
CREATE INDEX instance_unfinished_study ON instance (StudyInstanceUID) WHERE stage IN ('accepted', 'decoded', 'embedded');
CREATE INDEX instance_set_aside ON instance (stage) WHERE stage = 'set-aside';

-- Counts that status needs at once, also with a million instances.
CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO tally VALUES ('instances', 0), ('embeddable', 0), ('indexed', 0), ('set-aside', 0);
CREATE TRIGGER instance_added AFTER INSERT ON instance BEGIN
  UPDATE tally SET value = value + 1 WHERE name = 'instances';
  UPDATE series SET instances = instances + 1 WHERE SeriesInstanceUID = new.SeriesInstanceUID;
END;
CREATE TRIGGER instance_counted AFTER UPDATE OF embeddable, indexed ON instance
WHEN new.embeddable <> old.embeddable OR new.indexed <> old.indexed BEGIN
  UPDATE tally SET value = value + new.embeddable - old.embeddable WHERE name = 'embeddable';
  UPDATE tally SET value = value + new.indexed - old.indexed WHERE name = 'indexed';
  UPDATE series SET embeddable = embeddable + new.embeddable - old.embeddable, indexed = indexed + new.indexed - old.indexed
    WHERE SeriesInstanceUID = new.SeriesInstanceUID;
END;
CREATE TRIGGER instance_staged AFTER UPDATE OF stage ON instance
WHEN (new.stage = 'set-aside') <> (old.stage = 'set-aside') BEGIN
  UPDATE tally SET value = value + (new.stage = 'set-aside') - (old.stage = 'set-aside') WHERE name = 'set-aside';
END;
CREATE TRIGGER instance_removed AFTER DELETE ON instance BEGIN
  UPDATE tally SET value = value - 1 WHERE name = 'instances';
  UPDATE tally SET value = value - old.embeddable WHERE name = 'embeddable';
  UPDATE tally SET value = value - old.indexed WHERE name = 'indexed';
  UPDATE tally SET value = value - (old.stage = 'set-aside') WHERE name = 'set-aside';
  UPDATE series SET instances = instances - 1, embeddable = embeddable - old.embeddable, indexed = indexed - old.indexed
    WHERE SeriesInstanceUID = old.SeriesInstanceUID;
  DELETE FROM series WHERE SeriesInstanceUID = old.SeriesInstanceUID AND instances = 0;
  DELETE FROM study WHERE StudyInstanceUID = old.StudyInstanceUID
    AND NOT EXISTS (SELECT 1 FROM series WHERE StudyInstanceUID = old.StudyInstanceUID);
END;

CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  subject TEXT NOT NULL, msgID TEXT NOT NULL, payload TEXT NOT NULL,
  queuedAt INTEGER NOT NULL,
  -- Of an InstanceAccepted event: the sweep leaves alone what is still to be sent.
  receipt INTEGER
) STRICT;
CREATE INDEX outbox_receipt ON outbox (receipt) WHERE receipt IS NOT NULL;

CREATE TABLE deletion (
  receipt INTEGER PRIMARY KEY,
  SOPInstanceUID TEXT NOT NULL, SeriesInstanceUID TEXT NOT NULL, StudyInstanceUID TEXT NOT NULL,
  digest TEXT NOT NULL, deletedAt INTEGER NOT NULL
) STRICT;

CREATE TABLE standing_region (
  id TEXT PRIMARY KEY, region TEXT NOT NULL, exemplar BLOB NOT NULL
) STRICT;

CREATE TABLE alert (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  standingRegion TEXT NOT NULL, StudyInstanceUID TEXT NOT NULL, alert TEXT NOT NULL,
  UNIQUE (standingRegion, StudyInstanceUID)
) STRICT;
CREATE INDEX alert_study ON alert (StudyInstanceUID);
`

/** Whose studies a caller may see goes by the study's origin. */
const format2 = `
ALTER TABLE study ADD COLUMN origin TEXT NOT NULL DEFAULT '';
CREATE INDEX study_origin ON study (origin);
`

/** Columns hold what searches compare, whatever way a sender wrote it; counts and orders come from indexes alone. */
const format3 = `
ALTER TABLE study ADD COLUMN PatientNameOther TEXT NOT NULL DEFAULT '';
ALTER TABLE study ADD COLUMN ReferringPhysicianNameOther TEXT NOT NULL DEFAULT '';
UPDATE study SET attributes = level_attributes(
  (SELECT attributes FROM instance WHERE instance.StudyInstanceUID = study.StudyInstanceUID ORDER BY receipt LIMIT 1), 'study');
UPDATE study SET
  StudyDate = column_value(attributes, '00080020'), StudyTime = column_value(attributes, '00080030'),
  AccessionNumber = column_value(attributes, '00080050'), StudyID = column_value(attributes, '00200010'),
  PatientID = column_value(attributes, '00100020'),
  PatientName = column_value(attributes, '00100010'), PatientNameOther = other_names(attributes, '00100010'),
  ReferringPhysicianName = column_value(attributes, '00080090'),
  ReferringPhysicianNameOther = other_names(attributes, '00080090');
UPDATE series SET attributes = level_attributes(
  (SELECT attributes FROM instance WHERE instance.SeriesInstanceUID = series.SeriesInstanceUID ORDER BY receipt LIMIT 1), 'series');
UPDATE series SET
  Modality = column_value(attributes, '00080060'), SeriesNumber = column_value(attributes, '00200011'),
  PerformedProcedureStepStartDate = column_value(attributes, '00400244'),
  PerformedProcedureStepStartTime = column_value(attributes, '00400245');
UPDATE instance SET InstanceNumber = column_value(attributes, '00200013')
  WHERE CAST(CAST(InstanceNumber AS INTEGER) AS TEXT) <> InstanceNumber;

DROP INDEX study_name;
CREATE INDEX study_name ON study (PatientName);
CREATE INDEX study_name_other ON study (PatientNameOther) WHERE PatientNameOther > '';
CREATE INDEX study_referring_other ON study (ReferringPhysicianNameOther) WHERE ReferringPhysicianNameOther > '';
CREATE INDEX study_referring ON study (ReferringPhysicianName);
CREATE INDEX study_id ON study (StudyID);
DROP INDEX study_date;
CREATE INDEX study_date ON study (StudyDate, StudyTime);
-- Cover the searches of series and instances, whose rows are long.
DROP INDEX series_study;
CREATE INDEX series_study ON series
  (StudyInstanceUID, Modality, SeriesNumber, PerformedProcedureStepStartDate, PerformedProcedureStepStartTime, instances);
DROP INDEX series_modality;
CREATE INDEX series_modality ON series (Modality, StudyInstanceUID, instances);
DROP INDEX study_origin;
CREATE INDEX study_origin ON study (origin, StudyInstanceUID);
CREATE INDEX instance_search ON instance (SeriesInstanceUID, SOPClassUID, InstanceNumber);
`

/** A standing region outlives the study it was drawn on, and so does the origin whose it is. */
const format4 = `
ALTER TABLE standing_region ADD COLUMN origin TEXT NOT NULL DEFAULT '';
UPDATE standing_region SET origin = coalesce((SELECT study.origin FROM study
  WHERE study.StudyInstanceUID = json_extract(standing_region.region, '$.StudyInstanceUID')), '');
`

/** Deletions in their order, and whose the studies were; holds. */
const format5 = `
CREATE TABLE deletion_in_order (
  -- A journal that knows of deletions up to one has only to be told the later ones.
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  receipt INTEGER NOT NULL UNIQUE,
  SOPInstanceUID TEXT NOT NULL, SeriesInstanceUID TEXT NOT NULL, StudyInstanceUID TEXT NOT NULL,
  digest TEXT NOT NULL, deletedAt INTEGER NOT NULL,
  origin TEXT NOT NULL DEFAULT '', cause TEXT NOT NULL DEFAULT 'request'
) STRICT;
INSERT INTO deletion_in_order (receipt, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, digest, deletedAt)
  SELECT receipt, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, digest, deletedAt FROM deletion ORDER BY deletedAt, receipt;
DROP TABLE deletion;
ALTER TABLE deletion_in_order RENAME TO deletion;
CREATE INDEX deletion_study ON deletion (StudyInstanceUID);
CREATE INDEX deletion_series ON deletion (SeriesInstanceUID);
CREATE INDEX deletion_instance ON deletion (SOPInstanceUID);

CREATE TABLE deleted_study (
  StudyInstanceUID TEXT NOT NULL, origin TEXT NOT NULL,
  instances INTEGER NOT NULL, firstAt INTEGER NOT NULL, lastAt INTEGER NOT NULL,
  PRIMARY KEY (StudyInstanceUID, origin)
) STRICT, WITHOUT ROWID;
CREATE INDEX deleted_study_last ON deleted_study (lastAt);
INSERT INTO deleted_study SELECT StudyInstanceUID, origin, count(*), min(deletedAt), max(deletedAt) FROM deletion GROUP BY 1, 2;
CREATE TRIGGER deletion_counted AFTER INSERT ON deletion BEGIN
  INSERT INTO deleted_study VALUES (new.StudyInstanceUID, new.origin, 1, new.deletedAt, new.deletedAt)
    ON CONFLICT DO UPDATE SET instances = instances + 1, lastAt = excluded.lastAt;
END;

-- A study that nobody may delete, and why.
CREATE TABLE hold (
  StudyInstanceUID TEXT PRIMARY KEY, reason TEXT NOT NULL, heldAt INTEGER NOT NULL, heldBy TEXT NOT NULL
) STRICT;
CREATE INDEX study_received ON study (lastReceived);
`

/** Versions of a study with their evidence, what each made searchable, and which standing regions were matched against it. */
const format6 = `
-- In the ledger's steady time: since when nothing came, and since when it is waited for.
ALTER TABLE study ADD COLUMN quietSince INTEGER NOT NULL DEFAULT 0;
ALTER TABLE study ADD COLUMN openedAt INTEGER NOT NULL DEFAULT 0;
UPDATE study SET quietSince = lastReceived, openedAt = lastReceived;
ALTER TABLE study ADD COLUMN expected INTEGER;
ALTER TABLE study ADD COLUMN expectedFrom TEXT;
-- Set when the maximum wait is over: what came later belongs to the next version.
ALTER TABLE study ADD COLUMN cutoff INTEGER;
UPDATE study SET state = 'reopened' WHERE state = 'open' AND version > 0;

CREATE TABLE study_version (
  StudyInstanceUID TEXT NOT NULL REFERENCES study ON DELETE CASCADE,
  version INTEGER NOT NULL,
  evidence TEXT NOT NULL, readyAt INTEGER NOT NULL,
  -- The newest revision of standing regions when all of them had been matched against this version.
  matched INTEGER,
  PRIMARY KEY (StudyInstanceUID, version)
) STRICT, WITHOUT ROWID;
INSERT INTO study_version (StudyInstanceUID, version, evidence, readyAt, matched)
  SELECT StudyInstanceUID, version, evidence, lastReceived, 0 FROM study WHERE version > 0 AND evidence IS NOT NULL;

CREATE INDEX version_unmatched ON study_version (StudyInstanceUID, version) WHERE matched IS NULL;

-- The version in which an instance was searchable for the first time.
CREATE TABLE covered (
  receipt INTEGER PRIMARY KEY REFERENCES instance ON DELETE CASCADE, version INTEGER NOT NULL
) STRICT;
INSERT INTO covered SELECT instance.receipt, study.version FROM study JOIN series USING (StudyInstanceUID)
  JOIN instance USING (SeriesInstanceUID) WHERE study.version > 0 AND instance.stage = 'indexed';

INSERT INTO tally SELECT 'study-' || name, (SELECT count(*) FROM study WHERE state = name)
  FROM (SELECT 'open' AS name UNION SELECT 'quiet' UNION SELECT 'ready' UNION SELECT 'reopened');
CREATE TRIGGER study_added AFTER INSERT ON study BEGIN
  UPDATE tally SET value = value + 1 WHERE name = 'study-' || new.state;
END;
CREATE TRIGGER study_moved AFTER UPDATE OF state ON study WHEN new.state <> old.state BEGIN
  UPDATE tally SET value = value - 1 WHERE name = 'study-' || old.state;
  UPDATE tally SET value = value + 1 WHERE name = 'study-' || new.state;
END;
CREATE TRIGGER study_removed AFTER DELETE ON study BEGIN
  UPDATE tally SET value = value - 1 WHERE name = 'study-' || old.state;
END;
-- An instance that was deleted is not waited for.
CREATE TRIGGER instance_unexpected AFTER DELETE ON instance BEGIN
  UPDATE study SET expected = expected - 1 WHERE StudyInstanceUID = old.StudyInstanceUID AND expected > 0;
END;

-- Counts what waits, and says since when, without reading events.
CREATE INDEX outbox_queued ON outbox (queuedAt);

ALTER TABLE standing_region ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
INSERT INTO tally VALUES ('revision', 0);
CREATE TABLE alert_by_version (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  standingRegion TEXT NOT NULL, StudyInstanceUID TEXT NOT NULL, studyVersion INTEGER NOT NULL, alert TEXT NOT NULL,
  UNIQUE (standingRegion, StudyInstanceUID, studyVersion)
) STRICT;
-- The number of a deleted alert is not given again.
INSERT INTO sqlite_sequence SELECT 'alert_by_version', seq FROM sqlite_sequence WHERE name = 'alert';
INSERT INTO alert_by_version
  SELECT id, standingRegion, StudyInstanceUID, json_extract(alert, '$.studyVersion'), alert FROM alert;
DROP TABLE alert;
ALTER TABLE alert_by_version RENAME TO alert;
CREATE INDEX alert_study ON alert (StudyInstanceUID);
`

/** Models with vectors of their own; what one beside the serving model lacks is told in the commit that made it searchable. */
const format7 = `
CREATE TABLE model (
  id TEXT PRIMARY KEY, preset TEXT NOT NULL,
  dimension INTEGER NOT NULL, inputSize INTEGER NOT NULL, gridSize INTEGER NOT NULL,
  role TEXT NOT NULL, since INTEGER NOT NULL, served INTEGER NOT NULL,
  -- Receipts of the instances that were there before it: looked at up to the first, to be looked at up to the second.
  walked INTEGER NOT NULL, walkTo INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX model_serving ON model (role) WHERE role = 'serving';
CREATE TABLE unembedded (
  model TEXT NOT NULL REFERENCES model ON DELETE CASCADE, receipt INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, reason TEXT,
  PRIMARY KEY (model, receipt)
) STRICT, WITHOUT ROWID;
CREATE INDEX unembedded_receipt ON unembedded (receipt);
CREATE TRIGGER instance_searchable AFTER UPDATE OF stage ON instance
WHEN new.stage = 'indexed' AND old.stage <> 'indexed' BEGIN
  INSERT OR IGNORE INTO unembedded (model, receipt) SELECT id, new.receipt FROM model WHERE role = 'other';
END;
CREATE TRIGGER instance_unwanted AFTER DELETE ON instance BEGIN
  DELETE FROM unembedded WHERE receipt = old.receipt;
END;
-- Vectors of a standing region's slices, for each model; '' until the first start says which model made them.
CREATE TABLE exemplar (
  standingRegion TEXT NOT NULL REFERENCES standing_region ON DELETE CASCADE, model TEXT NOT NULL, exemplar BLOB NOT NULL,
  PRIMARY KEY (standingRegion, model)
) STRICT;
INSERT INTO exemplar SELECT id, '', exemplar FROM standing_region;
ALTER TABLE standing_region DROP COLUMN exemplar;
`

export const migrations: ReadonlyArray<string> = [format1, format2, format3, format4, format5, format6, format7]
