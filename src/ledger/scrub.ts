// What was deleted leaves the files of a database: its pages are overwritten (secure_delete), its log is emptied, and a small
// file is written anew.
import { statSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"

/**
 * Rows that moved between pages leave copies in unused parts of them, which secure_delete does not reach: rare, but a name
 * is a name. Writing a file of this size anew takes a third of a second; a larger one would hold everybody up.
 */
const writtenAnew = 64 * 2 ** 20

/** `mayRewrite`: nobody holds numbers of rows. Nothing is due in a database without a file. */
export const makeScrub = (db: DatabaseSync, path: string, mayRewrite: () => boolean) => {
  const isFile = path !== ":memory:"
  // A log that outlived a crash may hold what was deleted before it.
  let isDue = isFile
  const emptyLog = () => {
    db.exec("PRAGMA busy_timeout = 50")
    try {
      return db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] === 0
    } finally {
      db.exec("PRAGMA busy_timeout = 5000")
    }
  }
  return {
    due: () => {
      isDue = isFile
    },
    isDue: () => isDue,
    /** True when nothing is due any more. In one go: nothing else comes between. */
    run: (): boolean => {
      if (!isDue) return true
      if (statSync(path).size <= writtenAnew) {
        if (!mayRewrite()) return false
        // A copy in the system's folder for temporary files would outlive its deletion on the disk.
        db.exec("PRAGMA temp_store = MEMORY; VACUUM")
      }
      isDue = !emptyLog()
      return !isDue
    },
  }
}
