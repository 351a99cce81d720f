// Studies that are not to be deleted, each with the reason.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { type Row, visibleCondition } from "./rows.ts"

export interface HeldStudy {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly reason: string
  /** Milliseconds since 1970. */
  readonly heldAt: number
  /** Name of the caller. */
  readonly heldBy: string
}

const heldOf = (row: Row): HeldStudy => ({
  StudyInstanceUID: row["StudyInstanceUID"] as StudyInstanceUID,
  reason: String(row["reason"]),
  heldAt: Number(row["heldAt"]),
  heldBy: String(row["heldBy"]),
})

export const makeHolds = (db: DatabaseSync) => {
  const put = db.prepare(
    "INSERT INTO hold VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET reason = excluded.reason, heldBy = excluded.heldBy",
  )
  const remove = db.prepare("DELETE FROM hold WHERE StudyInstanceUID = ?")
  const sees = (uid: StudyInstanceUID, caller: Caller) => {
    const { sql, values } = visibleCondition(caller, "study")
    return db.prepare(`SELECT 1 FROM study WHERE StudyInstanceUID = ? AND ${sql}`).get(uid, ...values) !== undefined
  }
  const get = (uid: StudyInstanceUID, caller: Caller): HeldStudy | undefined => {
    const { sql, values } = visibleCondition(caller, "hold")
    const row = db.prepare(`SELECT * FROM hold WHERE StudyInstanceUID = ? AND ${sql}`).get(uid, ...values)
    return row === undefined ? undefined : heldOf(row)
  }
  return {
    get,
    /** Undefined when there is no such study; said again, it keeps its moment. */
    put: (uid: StudyInstanceUID, reason: string, caller: Caller, now: number) => {
      if (!sees(uid, caller)) return undefined
      put.run(uid, reason, now, caller.name)
      return get(uid, caller)
    },
    remove: (uid: StudyInstanceUID, caller: Caller): boolean =>
      get(uid, caller) !== undefined && remove.run(uid).changes > 0,
    list: (limit: number, offset: number, caller: Caller): ReadonlyArray<HeldStudy> => {
      const { sql, values } = visibleCondition(caller, "hold")
      return db
        .prepare(`SELECT * FROM hold WHERE ${sql} ORDER BY heldAt, StudyInstanceUID LIMIT ? OFFSET ?`)
        .all(...values, limit, offset)
        .map(heldOf)
    },
  }
}
