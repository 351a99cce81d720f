// Backups of a database: whole, consistent and checked copies, `NAME-<segment>.db`; the two newest are kept.
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { publishFile } from "../disk/durable-files.ts"
import { damageOf } from "./probe-database.ts"

const kept = 2

export interface Backup {
  readonly path: string
  /** The receipt log's segments from this one on tell what it does not hold. */
  readonly segment: number
}

/** Newest first. */
export const backupsOf = (dir: string, name: string): ReadonlyArray<Backup> =>
  (existsSync(dir) ? readdirSync(dir) : [])
    .flatMap((file) => {
      const number = new RegExp(`^${name}-(\\d{6,})\\.db$`).exec(file)?.[1]
      return number === undefined ? [] : [{ path: join(dir, file), segment: Number(number) }]
    })
    .sort((a, b) => b.segment - a.segment)

export interface BackupJob {
  readonly source: string
  readonly dir: string
  readonly name: string
  /** A table that proves the copy to be one of ours. */
  readonly table: string
  readonly segment: number
}

/** A copy as of one moment, compact, while others write. Throws when the source cannot be read whole or the copy is not right. */
export const writeBackup = ({ source, dir, name, table, segment }: BackupJob): void => {
  const target = join(dir, `${name}-${String(segment).padStart(6, "0")}.db`)
  const part = `${target}.part`
  // Of a process that ended in between.
  for (const file of readdirSync(dir))
    if (file.startsWith(`${name}-`) && file.endsWith(".part")) rmSync(join(dir, file))
  const db = new DatabaseSync(source, { readOnly: true, timeout: 5000 })
  try {
    db.prepare("VACUUM INTO ?").run(part)
  } finally {
    db.close()
  }
  chmodSync(part, 0o600)
  const damage = damageOf(part, table, true)
  if (damage !== undefined) throw new Error(`the copy is not right: ${damage}`)
  publishFile(part, target)
  for (const old of backupsOf(dir, name).slice(kept)) rmSync(old.path, { force: true })
}

/** What the copies hold of some receipts, and of the gateway's own work on their studies. */
export interface InBackups {
  readonly receipts: ReadonlyArray<number>
  readonly studies: ReadonlyArray<string>
}

const rowsOf = {
  ledger: "FROM instance WHERE receipt IN (SELECT value FROM json_each(?))",
  // Own work is made anew from the ledger; items of clients are theirs.
  worklist: "FROM workitem WHERE own = 1 AND StudyInstanceUID IN (SELECT value FROM json_each(?))",
} as const

const each = (
  dir: string,
  of: InBackups,
  readOnly: boolean,
  use: (db: DatabaseSync, rows: string, keys: string) => void,
) => {
  for (const [name, keys] of [["ledger", of.receipts] as const, ["worklist", of.studies] as const]) {
    for (const { path } of backupsOf(dir, name)) {
      const db = new DatabaseSync(path, { readOnly, timeout: 5000 })
      try {
        use(db, rowsOf[name], JSON.stringify(keys))
      } finally {
        db.close()
      }
    }
  }
}

/** Takes what was deleted out of the backups too; their pages are overwritten. */
export const purgeBackups = (dir: string, of: InBackups): void =>
  each(dir, of, false, (db, rows, keys) => {
    db.exec("PRAGMA secure_delete = ON; PRAGMA synchronous = FULL; BEGIN IMMEDIATE")
    db.prepare(`DELETE ${rows}`).run(keys)
    db.exec("COMMIT")
  })

/** Rows that all copies together still have. */
export const countInBackups = (dir: string, of: InBackups): number => {
  let count = 0
  each(dir, of, true, (db, rows, keys) => {
    count += Number(db.prepare(`SELECT count(*) AS n ${rows}`).get(keys)?.["n"])
  })
  return count
}
