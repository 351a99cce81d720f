// The embedding journals as recovery sees them: the receipts and tombstones they tell of, and those that are damaged.
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { SOPInstanceUID } from "../domain/uid.ts"
import { syncPath } from "../disk/durable-files.ts"
import { damageOf } from "../ledger/probe-database.ts"
import { setAsideDatabase } from "./set-aside-database.ts"

/** Folders of the models that have an index here. */
const modelFolders = (index: string): ReadonlyArray<string> =>
  existsSync(index)
    ? readdirSync(index, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && (entry.name === "journal.db" || entry.name === "snapshot.json"))
        .map(({ parentPath }) => parentPath)
        .filter((folder, i, all) => all.indexOf(folder) === i)
    : []

/** A journal that cannot be read tells nothing: what it held is embedded again. */
const each = (index: string, visit: (db: DatabaseSync) => void): void => {
  for (const folder of modelFolders(index)) {
    let db: DatabaseSync | undefined
    try {
      db = new DatabaseSync(join(folder, "journal.db"), { readOnly: true, timeout: 5000 })
      visit(db)
    } catch {
      continue
    } finally {
      db?.close()
    }
  }
}

/** The highest receipt that a journal remembers. */
export const newestReceipt = (index: string): number => {
  let newest = 0
  each(index, (db) => {
    const row = db
      .prepare(
        `SELECT max(receipt) AS receipt FROM (
           SELECT max(receipt) AS receipt FROM tombstone
           UNION ALL SELECT receipt FROM (SELECT receipt FROM slice ORDER BY sequence DESC LIMIT 1000))`,
      )
      .get()
    newest = Math.max(newest, Number(row?.["receipt"] ?? 0))
  })
  return newest
}

export interface Tombstone {
  readonly SOPInstanceUID: SOPInstanceUID
  /** Receipts up to this one are gone. */
  readonly receipt: number
}

/** Tombstones of what a ledger still (or again) holds. */
export const buriedIn = (index: string, ledger: DatabaseSync): ReadonlyArray<Tombstone> => {
  const held = ledger.prepare("SELECT 1 FROM instance WHERE SOPInstanceUID = ? AND receipt <= ?")
  const buried: Array<Tombstone> = []
  each(index, (db) => {
    for (const row of db.prepare("SELECT SOPInstanceUID, receipt FROM tombstone").iterate()) {
      const [uid, receipt] = [String(row["SOPInstanceUID"]), Number(row["receipt"])]
      if (held.get(uid, receipt) !== undefined) buried.push({ SOPInstanceUID: uid as SOPInstanceUID, receipt })
    }
  })
  return buried
}

/** True when the last that a journal knows of an instance is its removal. */
export const isBuried = (index: string, uid: SOPInstanceUID): boolean => {
  let [buried, alive] = [0, 0]
  each(index, (db) => {
    const one = (sql: string) => Number(db.prepare(sql).get(uid)?.["receipt"] ?? 0)
    buried = Math.max(buried, one("SELECT receipt FROM tombstone WHERE SOPInstanceUID = ?"))
    alive = Math.max(alive, one("SELECT max(receipt) AS receipt FROM slice WHERE SOPInstanceUID = ?"))
  })
  return buried > alive
}

/** Damaged journals are set aside: what they held is embedded again from the stored files. Answers why, by folder. */
export const restoreJournals = (index: string, time: string, whole: boolean): ReadonlyArray<string> =>
  modelFolders(index).flatMap((folder) => {
    const path = join(folder, "journal.db")
    const reason = damageOf(path, "slice", whole)
    if (reason === undefined) return []
    if (existsSync(path)) setAsideDatabase(path, time)
    // A new journal counts its slices anew: an old snapshot would one day seem to fit it.
    rmSync(join(folder, "snapshot.json"), { force: true })
    syncPath(folder)
    return [`${path}: ${reason}`]
  })
