// What the stages gave up: listed, looked at, put back on the way.
import type { DatabaseSync } from "node:sqlite"
import type { SetAsideItem } from "../domain/study.ts"
import type { SetAsideFilter } from "./Ledger.ts"
import { heldColumns, heldOf, type Row } from "./rows.ts"

/** The ledger's own writing of a reason: the stage, then why. */
export const reasonText = (stage: string, reason: string) => `${stage}: ${reason}`
const partsOf = (text: string) => {
  const at = text.indexOf(": ")
  return at < 0 ? { stage: "", reason: text } : { stage: text.slice(0, at), reason: text.slice(at + 2) }
}

const itemOf = (row: Row): SetAsideItem => {
  const { digest: _, ...held } = heldOf(row)
  return {
    ...held,
    ...partsOf(String(row["reason"] ?? "")),
    since: new Date(Number(row["stageSince"])).toISOString(),
    attempts: Number(row["attempt"]) + 1,
    frames: { embeddable: Number(row["embeddable"]), indexed: Number(row["indexed"]) },
  }
}

const conditionOf = ({ StudyInstanceUID, SOPInstanceUIDs, stage }: SetAsideFilter) => {
  const conditions = ["stage = 'set-aside'"]
  const values: Array<string> = []
  if (StudyInstanceUID !== undefined) {
    conditions.push("SeriesInstanceUID IN (SELECT SeriesInstanceUID FROM series WHERE StudyInstanceUID = ?)")
    values.push(StudyInstanceUID)
  }
  if (SOPInstanceUIDs !== undefined) {
    conditions.push(`SOPInstanceUID IN (${SOPInstanceUIDs.map(() => "?").join(", ")})`)
    values.push(...SOPInstanceUIDs)
  }
  if (stage !== undefined) {
    conditions.push("substr(reason, 1, ?) = ?")
    values.push(String(stage.length + 2), reasonText(stage, ""))
  }
  return { sql: conditions.join(" AND "), values }
}

export const makeSetAside = (db: DatabaseSync) => ({
  list: (filter: SetAsideFilter, after: number, limit: number): ReadonlyArray<SetAsideItem> => {
    const { sql, values } = conditionOf(filter)
    return db
      .prepare(
        `SELECT ${heldColumns}, reason, stageSince, attempt, embeddable, indexed FROM instance
          WHERE ${sql} AND receipt > ? ORDER BY receipt LIMIT ?`,
      )
      .all(...values, after, limit)
      .map(itemOf)
  },
  receipts: (filter: SetAsideFilter, after: number, limit: number): ReadonlyArray<number> => {
    const { sql, values } = conditionOf(filter)
    return db
      .prepare(`SELECT receipt FROM instance WHERE ${sql} AND receipt > ? ORDER BY receipt LIMIT ?`)
      .all(...values, after, limit)
      .map(({ receipt }) => Number(receipt))
  },
})
