// A ledger of a million generated instances: one a series through the ledger's own acceptance, the others copied in SQL.
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import type { DicomJson } from "../../src/domain/instance.ts"
import { internal } from "../../src/domain/caller.ts"
import { Digest } from "../../src/domain/instance.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"
import { makeAccept, makeOutbox } from "../../src/ledger/accept.ts"
import { makeExpectations } from "../../src/ledger/expectations.ts"
import { openDatabase } from "../../src/ledger/open-database.ts"
import { migrations } from "../../src/ledger/schema.ts"
import { makeStages } from "../../src/ledger/stages.ts"

export const studies = 5000
export const seriesOfStudy = 4
export const instancesOfSeries = 50

export const studyUid = (study: number) => `2.25.31${String(study).padStart(8, "0")}`
export const patientId = (study: number) => `PID${String(study >> 1).padStart(6, "0")}`

const families = "Garcia Smith Müller Nguyen Johnson Li Kowalski Okafor Rossi Yılmaz Ivanov Haddad".split(" ")
const given = "Ana John Max Linh Mary Wei Jan Ada Luca Deniz Olga Sami Eva Noah Ida".split(" ")
const modalities = ["CT", "MR", "PT", "CR"] as const
const classes = { CT: "2", MR: "4", PT: "128", CR: "1" } as const

/** Twenty years, a study every day and a half. */
export const studyDate = (study: number) =>
  new Date(Date.UTC(2006, 0, 1 + Math.floor((study * 7305) / studies))).toISOString().slice(0, 10).replaceAll("-", "")

const text = (vr: string, ...Value: ReadonlyArray<unknown>) => ({ vr, Value })

const attributesOf = (study: number, series: number): DicomJson => {
  const modality = modalities[(study + series) % 3 === 0 ? series : 0]!
  const name = `${families[study % families.length]}^${given[(study * 7) % given.length]}^${String.fromCharCode(65 + (study % 26))}`
  return {
    "00080005": text("CS", "ISO_IR 192"),
    "00080016": text("UI", `1.2.840.10008.5.1.4.1.1.${classes[modality]}`),
    "00080018": text("UI", `${studyUid(study)}.${series}.1`),
    "00080020": text("DA", studyDate(study)),
    "00080021": text("DA", studyDate(study)),
    "00080030": text("TM", `${String(study % 24).padStart(2, "0")}3000`),
    "00080050": text("SH", `ACC${String(study).padStart(7, "0")}`),
    "00080060": text("CS", modality),
    "00080090": text("PN", { Alphabetic: `${families[(study * 5) % families.length]}^Referrer` }),
    "00081030": text("LO", ["Thorax", "Abdomen", "Head", "Knee"][study % 4]),
    "0008103E": text("LO", `${modality} ${series}`),
    "00100010": text("PN", { Alphabetic: name }),
    "00100020": text("LO", patientId(study)),
    "00100030": text("DA", "19600101"),
    "00100040": text("CS", study % 2 === 0 ? "F" : "M"),
    "00101010": text("AS", "050Y"),
    "00180015": text("CS", "CHEST"),
    "0020000D": text("UI", studyUid(study)),
    "0020000E": text("UI", `${studyUid(study)}.${series}`),
    "00200010": text("SH", `S${study}`),
    "00200011": text("IS", series),
    "00200013": text("IS", 1),
    "00200032": text("DS", -250, -250, 100.5),
    "00200037": text("DS", 1, 0, 0, 0, 1, 0),
    "00280010": text("US", 512),
    "00280011": text("US", 512),
    "00280030": text("DS", 0.9765625, 0.9765625),
    "00280100": text("US", 16),
    "00400244": text("DA", studyDate(study)),
    "00400275": text("SQ", {
      "00400009": text("SH", `SPS${study}`),
      "00401001": text("SH", `RP${study}`),
    }),
  }
}

/** The odd studies are of the origin `north`, the even ones of `south`. */
const acceptFirsts = (db: DatabaseSync) => {
  const outbox = makeOutbox(db)
  const accept = makeAccept(db, outbox, makeExpectations(db), makeStages(db, outbox).requeue)
  for (let study = 0; study < studies; study++) {
    for (let series = 0; series < seriesOfStudy; series++) {
      const attributes = attributesOf(study, series)
      accept(
        [
          {
            StudyInstanceUID: StudyInstanceUID.make(studyUid(study)),
            SeriesInstanceUID: SeriesInstanceUID.make(`${studyUid(study)}.${series}`),
            SOPInstanceUID: SOPInstanceUID.make(`${studyUid(study)}.${series}.1`),
            SOPClassUID: String(attributes["00080016"]?.Value?.[0]),
            TransferSyntaxUID: "1.2.840.10008.1.2.1",
            digest: Digest.make(String(study * seriesOfStudy + series).padStart(64, "0")),
            bytes: 525_000,
            attributes,
          },
        ],
        undefined,
        { ...internal, origin: study % 2 === 0 ? "south" : "north" },
        { now: 0, steady: 0 },
      )
    }
  }
}

const copies = `
WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < ${instancesOfSeries})
INSERT INTO instance (SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, SOPClassUID, TransferSyntaxUID, InstanceNumber,
  digest, bytes, attributes, stage, stageSince)
SELECT SeriesInstanceUID || '.' || n, SeriesInstanceUID, StudyInstanceUID, SOPClassUID, TransferSyntaxUID, CAST(n AS TEXT),
  printf('%064d', 1000000 + receipt * 100 + n), bytes,
  replace(replace(attributes, SeriesInstanceUID || '.1"', SeriesInstanceUID || '.' || n || '"'),
    '"00200013":{"vr":"IS","Value":[1]}', '"00200013":{"vr":"IS","Value":[' || n || ']}'),
  'indexed', stageSince
FROM instance CROSS JOIN number WHERE receipt > ? AND receipt <= ? ORDER BY receipt, n`

/** In `dir`/ledger.db; takes about a minute. */
export const makeQidoArchive = (dir: string) => {
  const db = openDatabase(join(dir, "ledger.db"), migrations)
  try {
    db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")
    db.exec("BEGIN")
    acceptFirsts(db)
    db.exec("DELETE FROM outbox; UPDATE instance SET stage = 'indexed'; COMMIT")
    const insert = db.prepare(copies)
    const firsts = studies * seriesOfStudy
    for (let from = 0; from < firsts; from += 2000) {
      db.exec("BEGIN")
      insert.run(from, Math.min(firsts, from + 2000))
      db.exec("COMMIT")
    }
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  } finally {
    db.close()
  }
}
