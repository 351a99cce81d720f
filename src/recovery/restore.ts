// Before anything is opened: databases that are damaged are set aside, and the newest good copy takes their place.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { backupsOf } from "../ledger/backups.ts"
import { DataFolderError } from "../ledger/data-folder.ts"
import { publishFile, syncPath, writeDurably } from "../disk/durable-files.ts"
import { openDatabase } from "../ledger/open-database.ts"
import { damageOf } from "../ledger/probe-database.ts"
import { migrations } from "../ledger/schema.ts"
import { buriedIn, newestReceipt, type Tombstone } from "./journals.ts"
import { salvage } from "./salvage.ts"
import { asidePath, setAsideDatabase } from "./set-aside-database.ts"

export interface DataPaths {
  readonly data: string
  readonly ledger: string
  readonly backup: string
  readonly blobs: string
  readonly worklist: string
  readonly index: string
}

export const pathsOf = (data: string): DataPaths => ({
  data,
  ledger: join(data, "ledger", "ledger.db"),
  backup: join(data, "backup"),
  blobs: join(data, "blobs"),
  worklist: join(data, "worklist", "worklist.db"),
  index: join(data, "index"),
})

/** Stands from before the first change until every instance is back: a recovery that was interrupted goes on. */
const marker = ({ ledger }: DataPaths) => join(dirname(ledger), "recovering.json")

export interface Restored {
  readonly reason: string
  /** Where the damaged file is now; left out when there was none. */
  readonly aside?: string
  /** The copy that took its place; left out when there was none. */
  readonly backup?: string
}

export interface LedgerRestored extends Restored {
  /** Rows read from the damaged file. */
  readonly salvaged: number
  readonly origins: ReadonlyMap<string, string>
  /** What it holds again although it was deleted. */
  readonly buried: ReadonlyArray<Tombstone>
}

/** Far above any number that nobody remembers. */
const numberGap = 1_000_000

const hasBlobs = (blobs: string): boolean =>
  existsSync(blobs) &&
  readdirSync(blobs).some((name) => /^[0-9a-f]{2}$/.test(name) && readdirSync(join(blobs, name)).length > 0)

/** The newest copy that is whole, in place of the file. */
const fromBackup = (path: string, dir: string, name: string, table: string): string | undefined => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  for (const backup of backupsOf(dir, name)) {
    if (damageOf(backup.path, table, true) !== undefined) continue
    const { bavail, bsize } = statfsSync(dirname(path))
    const { size } = statSync(backup.path)
    if (bavail * bsize < size * 2)
      throw new DataFolderError({
        message: `${path} is damaged and the disk has no room for its copy (${size} bytes): free some and start again`,
      })
    rmSync(`${path}.part`, { force: true })
    copyFileSync(backup.path, `${path}.part`)
    publishFile(`${path}.part`, path)
    return backup.path
  }
  return undefined
}

/** Numbers go on above every number that was ever given: late events, tombstones and journals tell by them. */
const raiseNumbers = (db: DatabaseSync, newest: number): void => {
  const given = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = ?")
  const forget = db.prepare("DELETE FROM sqlite_sequence WHERE name = ?")
  const give = db.prepare("INSERT INTO sqlite_sequence VALUES (?, ?)")
  db.exec("BEGIN IMMEDIATE")
  for (const [table, above] of [
    ["instance", newest],
    ["deletion", 0],
  ] as const) {
    const before = Number(given.get(table)?.["seq"] ?? 0)
    forget.run(table)
    give.run(table, Math.max(before, above) + numberGap)
  }
  db.exec("COMMIT")
}

/** Reads one number of a database that nobody has open. */
const numberOf = (path: string, sql: string): number => {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  try {
    return Number(db.prepare(sql).get()?.["n"] ?? 0)
  } finally {
    db.close()
  }
}

/** The files are the data: without them nothing can be mended, and a disk that is not mounted looks the same. */
const refuseWithoutBlobs = ({ data, ledger, blobs }: DataPaths, withoutFiles: boolean): void => {
  if (withoutFiles || hasBlobs(blobs)) return
  const instances = numberOf(
    ledger,
    "SELECT count(*) AS n FROM instance WHERE stage <> 'set-aside' OR reason NOT LIKE 'blob: %'",
  )
  if (instances === 0) return
  throw new DataFolderError({
    message: `the ledger names ${instances} instances but ${blobs} is not there or empty: if its disk is not mounted, mount it; to go on without these files run: region-gateway recover --data ${data} --without-files`,
  })
}

export interface RestoreOptions {
  /** Names what is set aside. */
  readonly time: string
  /** Highest receipt in the receipt log. */
  readonly highest: number
  /** Looks at every page, however many there are, and at every file that the ledger does not name. */
  readonly whole: boolean
  readonly withoutFiles: boolean
}

/** Undefined when the ledger is as it was left. */
export const restoreLedger = (paths: DataPaths, options: RestoreOptions): LedgerRestored | undefined => {
  const { ledger, backup } = paths
  const { time, highest, whole, withoutFiles } = options
  const begun = existsSync(marker(paths))
    ? (JSON.parse(readFileSync(marker(paths), "utf8")) as { readonly reason: string; readonly aside?: string })
    : undefined
  const damage = damageOf(ledger, "meta", whole)
  if (damage === undefined) refuseWithoutBlobs(paths, withoutFiles)
  const newest = Math.max(highest, newestReceipt(paths.index))
  if (damage !== undefined && !hasBlobs(paths.blobs) && newest === 0 && backupsOf(backup, "ledger").length === 0) {
    // Nothing was ever stored here, or its first start was cut short.
    if (existsSync(ledger)) setAsideDatabase(ledger, time)
    return undefined
  }
  const behind =
    damage === undefined && numberOf(ledger, "SELECT seq AS n FROM sqlite_sequence WHERE name = 'instance'") < newest
  if (begun === undefined && damage === undefined && !behind && !whole) return undefined
  const reason =
    begun?.reason ?? damage ?? (behind ? "its last changes are missing" : "a recovery was asked for by command")
  let aside = begun?.aside
  let restored: string | undefined
  mkdirSync(dirname(ledger), { recursive: true, mode: 0o700 })
  const there = damage !== undefined && ["", "-wal"].some((suffix) => existsSync(`${ledger}${suffix}`))
  if (there) aside = asidePath(ledger, time)
  writeDurably(marker(paths), JSON.stringify({ reason, aside }))
  if (there) setAsideDatabase(ledger, time)
  if (damage !== undefined) restored = fromBackup(ledger, backup, "ledger", "meta")
  const db = openDatabase(ledger, migrations)
  try {
    const { rows, origins } = aside === undefined ? { rows: 0, origins: new Map<string, string>() } : salvage(aside, db)
    raiseNumbers(db, newest)
    return {
      reason,
      salvaged: rows,
      origins,
      buried: buriedIn(paths.index, db),
      ...(aside === undefined ? {} : { aside }),
      ...(restored === undefined ? {} : { backup: restored }),
    }
  } finally {
    db.close()
  }
}

/** Every instance is back: the next start begins as usual. */
export const recoveryEnds = (paths: DataPaths): void => {
  rmSync(marker(paths), { force: true })
  syncPath(dirname(marker(paths)))
}

/** Work items of others live nowhere else: the newest copy is the best there is. */
export const restoreWorklist = (paths: DataPaths, { time, whole }: RestoreOptions): Restored | undefined => {
  const { worklist, backup } = paths
  if (!existsSync(worklist) && backupsOf(backup, "worklist").length === 0) return undefined
  const reason = damageOf(worklist, "meta", whole)
  if (reason === undefined) return undefined
  const aside = existsSync(worklist) ? setAsideDatabase(worklist, time) : undefined
  const restored = fromBackup(worklist, backup, "worklist", "meta")
  return {
    reason,
    ...(aside === undefined ? {} : { aside }),
    ...(restored === undefined ? {} : { backup: restored }),
  }
}
