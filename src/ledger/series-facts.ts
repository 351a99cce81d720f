// What region search knows of each series.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import type { SeriesInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { SeriesFacts } from "./Ledger.ts"
import { visibleCondition } from "./rows.ts"

/** Why no frame of a series is searchable: the most frequent reason among its instances. */
const seriesReason = `(SELECT reason FROM instance WHERE instance.SeriesInstanceUID = series.SeriesInstanceUID
  AND stage IN ('stored-only', 'set-aside') GROUP BY reason ORDER BY count(*) DESC LIMIT 1)`
const seriesUnfinished = `EXISTS (SELECT 1 FROM instance WHERE instance.SeriesInstanceUID = series.SeriesInstanceUID
  AND stage IN ('accepted', 'decoded', 'embedded'))`

export const makeSeriesFacts = (db: DatabaseSync) => {
  const facts = `SELECT series.SeriesInstanceUID, series.StudyInstanceUID, Modality, indexed, StudyDate, patient,
      CASE WHEN indexed > 0 OR ${seriesUnfinished} THEN NULL ELSE ${seriesReason} END AS notSearchable
     FROM series JOIN study USING (StudyInstanceUID)`
  return (caller: Caller): ReadonlyArray<SeriesFacts> => {
    const { sql, values } = visibleCondition(caller, "series")
    const rows = db.prepare(`${facts} WHERE ${sql}`).all(...values)
    return rows.map((row) => ({
      StudyInstanceUID: row["StudyInstanceUID"] as StudyInstanceUID,
      SeriesInstanceUID: row["SeriesInstanceUID"] as SeriesInstanceUID,
      Modality: String(row["Modality"] ?? ""),
      StudyDate: String(row["StudyDate"] ?? ""),
      patient: String(row["patient"]),
      indexedFrames: Number(row["indexed"]),
      ...(row["notSearchable"] === null ? {} : { notSearchable: String(row["notSearchable"]) }),
    }))
  }
}
