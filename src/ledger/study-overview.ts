// A study at a glance, for those who follow the gateway's work on it.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import type { DicomJson, InstanceStage } from "../domain/instance.ts"
import type { StudyState } from "../domain/study.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { InstanceReference, StudyOverview } from "./Ledger.ts"
import { scopeCondition, visibleCondition } from "./rows.ts"

export const makeOverview = (db: DatabaseSync) => {
  // Both counts are answered by indexes; the instances' rows are long.
  const instances = db.prepare("SELECT sum(instances) AS n FROM series WHERE StudyInstanceUID = ?")
  const unfinished = db.prepare(
    "SELECT count(*) AS n FROM instance WHERE StudyInstanceUID = ? AND stage IN ('accepted', 'decoded', 'embedded')",
  )
  return {
    of: (uid: StudyInstanceUID, caller: Caller): StudyOverview | undefined => {
      const { sql, values } = visibleCondition(caller, "study")
      const row = db
        .prepare(`SELECT state, version, origin, attributes FROM study WHERE StudyInstanceUID = ? AND ${sql}`)
        .get(uid, ...values)
      if (row === undefined) return undefined
      return {
        state: row["state"] as StudyState,
        version: Number(row["version"]),
        origin: String(row["origin"]),
        attributes: JSON.parse(String(row["attributes"])) as DicomJson,
        instances: Number(instances.get(uid)?.["n"] ?? 0),
        unfinished: Number(unfinished.get(uid)?.["n"] ?? 0),
      }
    },
    references: (uid: StudyInstanceUID, limit: number, caller: Caller): ReadonlyArray<InstanceReference> => {
      const { sql, values } = scopeCondition({ StudyInstanceUID: uid }, caller)
      return db
        .prepare(
          `SELECT SeriesInstanceUID, SOPClassUID, SOPInstanceUID, stage FROM instance WHERE ${sql} ORDER BY receipt LIMIT ?`,
        )
        .all(...values, limit)
        .map((row) => ({
          SeriesInstanceUID: row["SeriesInstanceUID"] as SeriesInstanceUID,
          SOPClassUID: String(row["SOPClassUID"]),
          SOPInstanceUID: row["SOPInstanceUID"] as SOPInstanceUID,
          stage: row["stage"] as InstanceStage,
        }))
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
