// What can still be read of a damaged ledger, and is nowhere else: rows newer than the backup.
import { existsSync } from "node:fs"
import { DatabaseSync, type SQLOutputValue } from "node:sqlite"

/** What is made anew from the stored files, or counts it. Every other table is read: its rows are nowhere else. */
const made = new Set(["instance", "series", "study", "outbox", "tally", "meta"])

/** Rows until the damage is met, from both ends of the table. */
const readable = (db: DatabaseSync, table: string, columns: string) => {
  const rows = new Map<SQLOutputValue, Record<string, SQLOutputValue>>()
  for (const order of ["ASC", "DESC"]) {
    try {
      for (const row of db.prepare(`SELECT rowid AS _row, ${columns} FROM ${table} ORDER BY rowid ${order}`).iterate())
        rows.set(row["_row"] ?? null, row)
      break
    } catch {
      // The page after this row cannot be read.
    }
  }
  return rows.values()
}

export interface Salvaged {
  readonly rows: number
  /** Where studies came from, as far as it could be read. */
  readonly origins: ReadonlyMap<string, string>
}

/** Copies into `ledger` what `path` still tells. Never throws for what the damaged file holds. */
export const salvage = (path: string, ledger: DatabaseSync): Salvaged => {
  const origins = new Map<string, string>()
  let rows = 0
  if (!existsSync(path)) return { rows, origins }
  let damaged: DatabaseSync | undefined
  try {
    damaged = new DatabaseSync(path, { readOnly: true })
    for (const { StudyInstanceUID, origin } of readable(damaged, "study", "StudyInstanceUID, origin"))
      origins.set(String(StudyInstanceUID), String(origin))
    const tables = ledger
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
      .all()
      .map(({ name }) => String(name))
    for (const table of tables) {
      if (made.has(table)) continue
      const names = ledger
        .prepare("SELECT name FROM pragma_table_info(?)")
        .all(table)
        .map(({ name }) => String(name))
      const insert = ledger.prepare(
        `INSERT OR IGNORE INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      )
      for (const row of readable(damaged, table, names.join(", "))) {
        try {
          rows += Number(insert.run(...names.map((name) => row[name] ?? null)).changes)
        } catch {
          // It belongs to a study that is not here.
        }
      }
    }
  } catch {
    // Not even its first page can be read.
  } finally {
    damaged?.close()
  }
  return { rows, origins }
}
