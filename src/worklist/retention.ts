// Deletion of finished work items that nobody has locked, and of what is left behind by deletions.
import type { DatabaseSync } from "node:sqlite"

/** Items deleted in one commit. */
const atOnce = 500

export const makeRetention = (db: DatabaseSync) => {
  const finished = db.prepare(
    `SELECT sequence, SOPInstanceUID FROM workitem WHERE finishedAt IS NOT NULL AND finishedAt <= ?
       AND NOT EXISTS (SELECT 1 FROM subscription WHERE workitem = sequence AND deletionLock = 1) LIMIT ?`,
  )
  const remove = db.prepare("DELETE FROM workitem WHERE sequence = ?")
  const bury = db.prepare("INSERT OR REPLACE INTO gone VALUES (?, ?)")
  const forget = db.prepare("DELETE FROM gone WHERE deletedAt <= ?")

  const purge = (sequence: number, uid: string, now: number) => {
    remove.run(sequence)
    bury.run(uid, now)
  }
  return {
    purge,
    /** Those finished `keepMillis` ago or longer; how many went. A deleted item answers 410 for as long, then 404. */
    pass: (keepMillis: number, now: number): number => {
      const until = now - keepMillis
      forget.run(until)
      const rows = finished.all(until, atOnce)
      for (const row of rows) purge(Number(row["sequence"]), String(row["SOPInstanceUID"]), now)
      return rows.length
    },
  }
}
export type Retention = ReturnType<typeof makeRetention>
