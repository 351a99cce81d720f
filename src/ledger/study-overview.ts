// A study at a glance, for those who follow the gateway's work on it.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import type { DicomJson, InstanceStage } from "../domain/instance.ts"
import type { StudyState } from "../domain/study.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { StudyOverview } from "./Ledger.ts"
import { visibleCondition } from "./rows.ts"

/** Instances that are named one by one. */
const maxReferences = 2000

export const makeOverview = (db: DatabaseSync) => {
  const counts = db.prepare(
    "SELECT count(*) AS instances, sum(stage NOT IN ('accepted', 'decoded', 'embedded')) AS finished FROM instance WHERE StudyInstanceUID = ?",
  )
  const references = db.prepare(
    "SELECT SeriesInstanceUID, SOPClassUID, SOPInstanceUID, stage FROM instance WHERE StudyInstanceUID = ? ORDER BY receipt LIMIT ?",
  )
  return {
    of: (uid: StudyInstanceUID, caller: Caller): StudyOverview | undefined => {
      const { sql, values } = visibleCondition(caller, "study")
      const row = db
        .prepare(`SELECT state, version, origin, attributes FROM study WHERE StudyInstanceUID = ? AND ${sql}`)
        .get(uid, ...values)
      if (row === undefined) return undefined
      const count = counts.get(uid)
      return {
        state: row["state"] as StudyState,
        version: Number(row["version"]),
        origin: String(row["origin"]),
        attributes: JSON.parse(String(row["attributes"])) as DicomJson,
        instances: Number(count?.["instances"] ?? 0),
        finished: Number(count?.["finished"] ?? 0),
        references: references.all(uid, maxReferences).map((instance) => ({
          SeriesInstanceUID: instance["SeriesInstanceUID"] as SeriesInstanceUID,
          SOPClassUID: String(instance["SOPClassUID"]),
          SOPInstanceUID: instance["SOPInstanceUID"] as SOPInstanceUID,
          stage: instance["stage"] as InstanceStage,
        })),
      }
    },
    unsettled: (caller: Caller): ReadonlyArray<StudyInstanceUID> => {
      const { sql, values } = visibleCondition(caller, "study")
      return db
        .prepare(`SELECT StudyInstanceUID FROM study WHERE state <> 'ready' AND ${sql}`)
        .all(...values)
        .map((row) => row["StudyInstanceUID"] as StudyInstanceUID)
    },
  }
}
