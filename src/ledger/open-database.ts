// Opens the ledger's SQLite file: durability settings, and the format version it was written with.
import { DatabaseSync } from "node:sqlite"
import { registerFunctions } from "./functions.ts"

/** A later gateway wrote this file; this one must not touch it. */
export class NewerFormat extends Error {
  readonly found: number
  readonly known: number
  constructor(found: number, known: number) {
    super(`the database has format ${found}, this gateway knows up to ${known}: run the newer gateway`)
    this.found = found
    this.known = known
  }
}

/** `migrations[n]` leads from format n to n + 1; all that are missing run in one transaction. Throws `NewerFormat`. */
export const openDatabase = (path: string, migrations: ReadonlyArray<string>): DatabaseSync => {
  const db = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: true })
  const format = () =>
    db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() === undefined
      ? 0
      : Number(db.prepare("SELECT value FROM meta WHERE key = 'format_version'").get()?.["value"] ?? 0)
  const refuseNewer = (found: number) => {
    if (found > migrations.length) throw new NewerFormat(found, migrations.length)
    return found
  }
  try {
    // Before anything is changed, its journal mode too.
    refuseNewer(format())
    // What is deleted is overwritten, not only given free.
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON")
    registerFunctions(db)
    db.exec("BEGIN IMMEDIATE")
    db.exec("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT")
    const found = refuseNewer(format())
    for (const migration of migrations.slice(found)) db.exec(migration)
    db.prepare("INSERT OR REPLACE INTO meta VALUES ('format_version', ?)").run(migrations.length)
    db.exec("COMMIT")
    // Else statement journals, with rows of patients, go to files of the system's temporary folder. A migration's is too long for that.
    db.exec("PRAGMA temp_store = MEMORY")
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}
