// Which studies retention comes to first: ready, not held, the oldest.
import type { DatabaseSync } from "node:sqlite"
import type { StudyInstanceUID } from "../domain/uid.ts"
import type { Row } from "./rows.ts"

/** What a study's age is counted from. */
export type AgeFrom = "arrival" | "study-date"

export interface OldStudy {
  readonly StudyInstanceUID: StudyInstanceUID
  /** Milliseconds since 1970 of the study date, or of the last instance that came. */
  readonly since: number
  readonly instances: number
  readonly bytes: number
}

const day = 86_400_000
/** A study of long ago that has just come was wanted by somebody. */
export const youngestArrival = day

const dateOf = (millis: number) => new Date(millis).toISOString().slice(0, 10).replaceAll("-", "")
const isDate = /^(\d{4})(\d{2})(\d{2})$/

/** Midnight UTC of a DICOM date; none for what is no date. */
const millisOf = (date: string) => {
  const [, year, month, ofMonth] = isDate.exec(date) ?? []
  const millis = Date.UTC(Number(year), Number(month) - 1, Number(ofMonth))
  return Number.isNaN(millis) ? undefined : millis
}

export const makeRetention = (db: DatabaseSync) => {
  const free =
    "state = 'ready' AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.StudyInstanceUID = study.StudyInstanceUID)"
  const byArrival = db.prepare(
    `SELECT StudyInstanceUID, lastReceived FROM study WHERE lastReceived <= ? AND ${free}
     ORDER BY lastReceived LIMIT ?`,
  )
  const byDate = db.prepare(
    `SELECT StudyInstanceUID, StudyDate, lastReceived FROM study
     WHERE StudyDate >= '1' AND StudyDate <= ? AND lastReceived <= ? AND ${free} ORDER BY StudyDate LIMIT ?`,
  )
  // A study without a date is as old as its arrival.
  const undated = db.prepare(
    `SELECT StudyInstanceUID, lastReceived FROM study WHERE lastReceived <= ? AND StudyDate < '1' AND ${free}
     ORDER BY lastReceived LIMIT ?`,
  )
  const size = db.prepare("SELECT count(*) AS instances, sum(bytes) AS bytes FROM instance WHERE StudyInstanceUID = ?")
  const sized = (study: Pick<OldStudy, "StudyInstanceUID" | "since">): OldStudy => {
    const row = size.get(study.StudyInstanceUID)
    return { ...study, instances: Number(row?.["instances"]), bytes: Number(row?.["bytes"] ?? 0) }
  }
  return {
    /** The oldest first. */
    oldest: (from: AgeFrom, older: OlderThan, limit: number, now: number): ReadonlyArray<OldStudy> => {
      const arrived = (rows: ReadonlyArray<Row>) =>
        rows.map((row) => ({
          StudyInstanceUID: row["StudyInstanceUID"] as StudyInstanceUID,
          since: Number(row["lastReceived"]),
        }))
      const received = now - Math.max(older.age, older.sinceArrival)
      if (from === "arrival") return arrived(byArrival.all(received, limit)).map(sized)
      const dated = byDate.all(dateOf(now - older.age), now - older.sinceArrival, limit).map((row) => ({
        StudyInstanceUID: row["StudyInstanceUID"] as StudyInstanceUID,
        since: millisOf(String(row["StudyDate"])) ?? Number(row["lastReceived"]),
      }))
      return [...dated, ...arrived(undated.all(received, limit))]
        .filter(({ since }) => since <= now - older.age)
        .sort((one, other) => one.since - other.since)
        .slice(0, limit)
        .map(sized)
    },
  }
}

/** Milliseconds at the least. */
export interface OlderThan {
  readonly age: number
  readonly sinceArrival: number
}
