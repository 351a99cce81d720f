// The worklist's tables, as migrations: entry n leads from format n to n + 1.

const format1 = `
CREATE TABLE workitem (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  SOPInstanceUID TEXT NOT NULL UNIQUE,
  ProcedureStepState TEXT NOT NULL,
  -- Never leaves this table: who knows it holds the item.
  TransactionUID TEXT,
  attributes TEXT NOT NULL,
  -- Of who made it.
  origin TEXT NOT NULL,
  -- The study it is about, and that study's origin while the gateway holds it.
  StudyInstanceUID TEXT, studyOrigin TEXT,
  -- A second study that it tells of: both must be the caller's to see.
  alsoOrigin TEXT,
  -- The gateway's own work: what it is about, so that it is made once; emptied when that is deleted.
  subject TEXT UNIQUE,
  own INTEGER NOT NULL DEFAULT 0,
  finishedAt INTEGER
) STRICT;
CREATE INDEX workitem_state ON workitem (ProcedureStepState, sequence);
CREATE INDEX workitem_study ON workitem (StudyInstanceUID);
CREATE INDEX workitem_finished ON workitem (finishedAt) WHERE finishedAt IS NOT NULL;

-- Deleted items answer 410 for a while.
CREATE TABLE gone (SOPInstanceUID TEXT PRIMARY KEY, deletedAt INTEGER NOT NULL) STRICT;

CREATE TABLE subscriber (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  AE TEXT NOT NULL,
  -- Whose studies its events may tell of; callers with other rights who use the same AE title are another subscriber.
  sees TEXT NOT NULL,
  UNIQUE (AE, sees)
) STRICT;

-- The empty filter is the global subscription.
CREATE TABLE global_subscription (
  subscriber INTEGER NOT NULL REFERENCES subscriber ON DELETE CASCADE,
  filter TEXT NOT NULL, deletionLock INTEGER NOT NULL,
  PRIMARY KEY (subscriber, filter)
) STRICT;

CREATE TABLE subscription (
  subscriber INTEGER NOT NULL REFERENCES subscriber ON DELETE CASCADE,
  workitem INTEGER NOT NULL REFERENCES workitem ON DELETE CASCADE,
  deletionLock INTEGER NOT NULL,
  -- Made by a filtered subscription, and gone with it.
  filtered INTEGER NOT NULL,
  PRIMARY KEY (subscriber, workitem)
) STRICT;
CREATE INDEX subscription_workitem ON subscription (workitem, deletionLock);

-- What a subscriber is still to be told. The number is also the order.
CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subscriber INTEGER NOT NULL REFERENCES subscriber ON DELETE CASCADE,
  type INTEGER NOT NULL,
  report TEXT NOT NULL,
  queuedAt INTEGER NOT NULL
) STRICT;
CREATE INDEX event_subscriber ON event (subscriber, id);
CREATE INDEX event_age ON event (queuedAt);
`

// Counted at every creation.
const format2 = `
CREATE INDEX workitem_unfinished ON workitem (origin) WHERE finishedAt IS NULL AND own = 0;
`

export const migrations: ReadonlyArray<string> = [format1, format2]
