// How many distinct instances a study will have in all, as its sender or the archive it is pulled from says.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import type { Expectation } from "../domain/study.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { type Row, visibleCondition } from "./rows.ts"

export const expectationOf = (row: Row): Expectation | undefined =>
  row["expected"] === null
    ? undefined
    : { instances: Number(row["expected"]), from: row["expectedFrom"] as Expectation["from"] }

export const makeExpectations = (db: DatabaseSync) => {
  const count = db.prepare("SELECT coalesce(sum(instances), 0) AS n FROM series WHERE StudyInstanceUID = ?")
  // A study that is ready remembers only what it does not have yet: for when the rest comes.
  const news = `StudyInstanceUID = ?1 AND (state <> 'ready' OR ?2 > ?3)`
  // Of several senders' the greatest; what the archive says of its own study counts before all of them.
  const bySender = db.prepare(
    `UPDATE study SET expected = max(coalesce(expected, 0), ?2), expectedFrom = 'sender' WHERE ${news} AND expectedFrom IS NOT 'upstream'`,
  )
  const byUpstream = db.prepare(`UPDATE study SET expected = ?2, expectedFrom = 'upstream' WHERE ${news}`)
  const forget = db.prepare(
    "UPDATE study SET expected = NULL, expectedFrom = NULL WHERE StudyInstanceUID = ? AND expectedFrom = ?",
  )
  const sees = (uid: StudyInstanceUID, caller: Caller) => {
    const { sql, values } = visibleCondition(caller, "study")
    return db.prepare(`SELECT 1 FROM study WHERE StudyInstanceUID = ? AND ${sql}`).get(uid, ...values) !== undefined
  }
  const stored = (uid: StudyInstanceUID) => Number(count.get(uid)?.["n"])
  const set = (uid: StudyInstanceUID, { instances, from }: Expectation) =>
    void (from === "upstream" ? byUpstream : bySender).run(uid, instances, stored(uid))
  return {
    set,
    stored,
    /** False when there is no such study. `instances` left out: whoever said it takes it back. */
    expect: (
      uid: StudyInstanceUID,
      { instances, from }: { readonly instances?: number; readonly from: Expectation["from"] },
      caller: Caller,
    ): boolean => {
      if (!sees(uid, caller)) return false
      if (instances === undefined) forget.run(uid, from)
      else set(uid, { instances, from })
      return true
    },
  }
}
export type Expectations = ReturnType<typeof makeExpectations>
