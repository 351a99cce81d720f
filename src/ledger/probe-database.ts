// Whether an SQLite file can be trusted with what was promised: looked at before anything writes to it.
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"

/** Up to this size every page is looked at before the start (about three milliseconds a MiB); larger files when they are backed up. */
const wholeBytes = 256 * 2 ** 20

/** SQLITE_CORRUPT, SQLITE_NOTADB. Anything else (permissions, a disk that does not answer) is no damage of the file. */
const isDamage = (cause: unknown): boolean => {
  const code = typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) & 0xff : 0
  return code === 11 || code === 26
}

/** Pages that the file's header counts, against the file's length (SQLite file format §1.3). */
const isCut = (path: string): boolean => {
  const header = Buffer.alloc(100)
  const file = openSync(path, "r")
  try {
    if (readSync(file, header, 0, 100, 0) < 100) return true
  } finally {
    closeSync(file)
  }
  const raw = header.readUInt16BE(16)
  const pageBytes = raw === 1 ? 65_536 : raw
  // Only where the header's count is the present one; pages may also still be in the log.
  const counted = header.readUInt32BE(24) === header.readUInt32BE(92)
  const log = existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0
  return counted && !log && header.readUInt32BE(28) * pageBytes > statSync(path).size
}

/** Why the file is damaged; undefined when nothing is wrong with it. Throws when it cannot be read at all. */
export const damageOf = (path: string, table: string, whole = false): string | undefined => {
  if (!existsSync(path)) return "it is missing"
  if (statSync(path).size === 0 && !existsSync(`${path}-wal`)) return "it is empty"
  if (statSync(path).size > 0 && isCut(path)) return "its end is missing"
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
    const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table)
    if (known === undefined) return "it holds no tables of ours"
    if (!whole && statSync(path).size > wholeBytes) return undefined
    const found = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]
    return found === "ok" ? undefined : String(found)
  } catch (cause) {
    if (isDamage(cause)) return cause instanceof Error ? cause.message : String(cause)
    throw cause
  } finally {
    db?.close()
  }
}
