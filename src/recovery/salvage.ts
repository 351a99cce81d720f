// What can still be read of a damaged ledger, and is nowhere else: rows newer than the backup.
import { existsSync } from "node:fs"
import { DatabaseSync, type SQLOutputValue } from "node:sqlite"

/** What is made anew from the stored files, or counts it. Every other table is read: its rows are nowhere else. */
const made = new Set(["instance", "series", "study", "outbox", "tally", "meta"])

/** Rows until the damage is met, from both ends of the table. `key`: the columns in whose order it is stored. */
const readable = (db: DatabaseSync, table: string, columns: string, key: ReadonlyArray<string> = ["rowid"]) => {
  const rows = new Map<SQLOutputValue, Record<string, SQLOutputValue>>()
  for (const order of ["ASC", "DESC"]) {
    try {
      const by = key.map((column) => `${column} ${order}`).join(", ")
      const all = db.prepare(`SELECT json_array(${key.join(", ")}) AS _row, ${columns} FROM ${table} ORDER BY ${by}`)
      for (const row of all.iterate()) rows.set(row["_row"] ?? null, row)
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
      .prepare(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'",
      )
      .all()
      .map(({ name, wr }) => ({ table: String(name), withoutRowid: wr === 1 }))
    for (const { table, withoutRowid } of tables) {
      if (made.has(table)) continue
      const info = ledger.prepare("SELECT name, pk FROM pragma_table_info(?) ORDER BY pk").all(table)
      const names = info.map(({ name }) => String(name))
      const key = withoutRowid ? info.filter(({ pk }) => pk !== 0).map(({ name }) => String(name)) : undefined
      const insert = ledger.prepare(
        `INSERT OR IGNORE INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
      )
      for (const row of readable(damaged, table, names.join(", "), key)) {
        try {
          rows += Number(insert.run(...names.map((name) => row[name] ?? null)).changes)
        } catch {
          // It belongs to a study that is not here.
        }
      }
    }
    // Or the next version of a study that the copy knows would be one that its list has already.
    ledger.exec(
      `UPDATE study SET version = max(version, coalesce((SELECT max(version) FROM study_version
        WHERE study_version.StudyInstanceUID = study.StudyInstanceUID), 0))`,
    )
  } catch {
    // Not even its first page can be read.
  } finally {
    damaged?.close()
  }
  return { rows, origins }
}
