// Deletion of rows, with the record of it and the event, in one transaction; what is left of a study says who it is of now.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import type { Caller } from "../domain/caller.ts"
import { InstanceDeleted, subjects } from "../events/events.ts"
import type { Outbox } from "./accept.ts"
import type { DeletionCause } from "./deletions.ts"
import type { Deletion, Scope } from "./Ledger.ts"
import { seriesColumns, seriesValues, studyColumns, studyValues } from "./levels.ts"
import { attributesOf, refOf, scopeCondition } from "./rows.ts"

const encodeDeleted = Schema.encodeSync(Schema.fromJsonString(InstanceDeleted))

/** The row follows the oldest instance that is left: after a correction that is one sent with the new attributes. */
const makeFollow = (
  db: DatabaseSync,
  table: "study" | "series",
  columns: ReadonlyArray<string>,
  values: typeof studyValues,
) => {
  const key = table === "study" ? "StudyInstanceUID" : "SeriesInstanceUID"
  const oldest = db.prepare(`SELECT attributes FROM instance WHERE ${key} = ? ORDER BY receipt LIMIT 1`)
  const before = db.prepare(`SELECT attributes FROM ${table} WHERE ${key} = ?`)
  const update = db.prepare(`UPDATE ${table} SET ${columns.map((name) => `${name} = ?`).join(", ")} WHERE ${key} = ?`)
  return (uid: string) => {
    const left = oldest.get(uid)
    if (left === undefined) return
    const now = values(attributesOf(left))
    // `attributes` holds all that the other columns are made of.
    if (now.at(-1) !== before.get(uid)?.["attributes"]) update.run(...now, uid)
  }
}

export const makeDelete = (db: DatabaseSync, outbox: Outbox) => {
  const record = db.prepare(
    `INSERT INTO deletion (receipt, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, digest, deletedAt, origin, cause)
     VALUES (?, ?, ?, ?, ?, ?, (SELECT origin FROM study WHERE StudyInstanceUID = ?), ?)`,
  )
  const remove = db.prepare("DELETE FROM instance WHERE receipt = ?")
  const forget = db.prepare("DELETE FROM outbox WHERE receipt = ?")
  // An alert tells of a series that is to be gone.
  const alerts = db.prepare(
    `DELETE FROM alert WHERE StudyInstanceUID = ? AND NOT EXISTS
     (SELECT 1 FROM series WHERE series.SeriesInstanceUID = json_extract(alert.alert, '$.hit.SeriesInstanceUID'))`,
  )
  const held = db.prepare("SELECT 1 FROM hold WHERE StudyInstanceUID = ?")
  const ready = db.prepare("SELECT 1 FROM study WHERE StudyInstanceUID = ? AND state = 'ready'")
  const followStudy = makeFollow(db, "study", studyColumns, studyValues)
  const followSeries = makeFollow(db, "series", seriesColumns, seriesValues)

  return (scope: Scope, caller: Caller, cause: DeletionCause, now: number): Deletion => {
    const { sql, values } = scopeCondition(scope, caller)
    const instances = db
      .prepare(`SELECT * FROM instance WHERE ${sql}`)
      .all(...values)
      .map(refOf)
    const studies = new Set(instances.map(({ StudyInstanceUID }) => StudyInstanceUID))
    for (const uid of studies) {
      if (held.get(uid) !== undefined) return { instances: [], held: true }
      // Whoever chose it looked before this moment.
      if (cause === "retention" && ready.get(uid) === undefined) return { instances: [] }
    }
    for (const { receipt, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, digest } of instances) {
      record.run(receipt, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, digest, now, StudyInstanceUID, cause)
      remove.run(receipt)
      forget.run(receipt)
      outbox.add(
        subjects.instanceDeleted(StudyInstanceUID),
        `deleted:${receipt}`,
        encodeDeleted({ _tag: "InstanceDeleted", StudyInstanceUID, SOPInstanceUID, receipt, digest }),
        now,
      )
    }
    for (const uid of studies) {
      alerts.run(uid)
      followStudy(uid)
    }
    for (const uid of new Set(instances.map(({ SeriesInstanceUID }) => SeriesInstanceUID))) followSeries(uid)
    return { instances }
  }
}
