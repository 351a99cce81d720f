// The format of the data folder: `format.json` beside each database's own number. What a later gateway wrote is refused
// before anything is touched; what an earlier one wrote is copied, then migrated in one transaction per database.
import { existsSync, mkdirSync, readFileSync, statfsSync, statSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { writeBackup } from "../ledger/backups.ts"
import { DataFolderError } from "../ledger/data-folder.ts"
import { writeDurably } from "../disk/durable-files.ts"
import { migrations as ledgerMigrations } from "../ledger/schema.ts"
import { migrations as worklistMigrations } from "../worklist/schema.ts"
import type { DataPaths } from "./restore.ts"

/** Of the folder as a whole: which files it has and how they depend on each other. */
const format = 1

const gateway = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }
).version

const fileOf = (data: string) => join(data, "format.json")

const readFormat = (data: string): { readonly format: number; readonly gateway: string } | undefined => {
  try {
    const found = JSON.parse(readFileSync(fileOf(data), "utf8")) as Partial<Record<"format" | "gateway", unknown>>
    return typeof found.format === "number"
      ? { format: found.format, gateway: String(found.gateway ?? "unknown") }
      : undefined
  } catch {
    // Missing, or damaged: the databases say for themselves what they are.
    return undefined
  }
}

/** 0 for a file that is not there, is empty, or does not say; damage is looked after later. */
const databaseFormat = (path: string): number => {
  if (!existsSync(path)) return 0
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
    return Number(db.prepare("SELECT value FROM meta WHERE key = 'format_version'").get()?.["value"] ?? 0)
  } catch {
    return 0
  } finally {
    db?.close()
  }
}

const databases = ({ ledger, worklist }: DataPaths) =>
  [
    { name: "ledger", path: ledger, known: ledgerMigrations.length },
    { name: "worklist", path: worklist, known: worklistMigrations.length },
  ] as const

/** Throws, and has changed nothing, when a later gateway has been here. */
export const refuseNewer = (paths: DataPaths): void => {
  const found = readFormat(paths.data)
  const refuse = (what: string, is: number, known: number): never => {
    throw new DataFolderError({
      message: `${paths.data} was written by gateway ${found?.gateway ?? "of a later version"} (${what} format ${is}); this is gateway ${gateway}, which knows up to ${known}: run the newer gateway, or put back a copy of the folder from before its upgrade`,
    })
  }
  if (found !== undefined && found.format > format) refuse("folder", found.format, format)
  for (const { name, path, known } of databases(paths)) {
    const is = databaseFormat(path)
    if (is > known) refuse(name, is, known)
  }
}

/** Copies the databases that are about to be migrated; says which, and from what format. */
export const copyOlder = (paths: DataPaths): ReadonlyArray<string> =>
  databases(paths).flatMap(({ name, path, known }) => {
    const is = databaseFormat(path)
    if (is === 0 || is >= known) return []
    const { size } = statSync(path)
    const { bavail, bsize } = statfsSync(paths.data)
    // The copy, the migration's log, and what it writes anew.
    if (bavail * bsize < 3 * size)
      throw new DataFolderError({
        message: `${path} has format ${is} and is to be migrated to ${known}: that needs ${3 * size} free bytes, ${bavail * bsize} are there; free some, nothing was changed`,
      })
    mkdirSync(paths.backup, { recursive: true, mode: 0o700 })
    // Before every segment of the receipt log: the oldest copy, kept until there are two newer ones.
    writeBackup({ source: path, dir: paths.backup, name, table: "meta", segment: 0 })
    return [`${name}: format ${is} to ${known}, a copy from before is in ${paths.backup}`]
  })

/** Once everything is migrated. */
export const noteFormat = (data: string): void => {
  const found = readFormat(data)
  if (found?.format === format && found.gateway === gateway) return
  writeDurably(fileOf(data), JSON.stringify({ format, gateway }))
}
