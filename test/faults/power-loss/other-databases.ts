// What a gateway finds after a power cut in the embedding journal and in the worklist.
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { restore } from "./held-state.ts"
import type { Survivors } from "./power-cut.ts"

const rowsOf = (found: Survivors, folder: string, file: string, table: string, columns: string, scratch: string) => {
  if (found.file(`${folder}/${file}`) === undefined) return []
  restore(found, folder, scratch)
  const db = new DatabaseSync(join(scratch, file))
  try {
    const there = db.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").get(table)
    return there === undefined ? [] : db.prepare(`SELECT ${columns} FROM ${table}`).all()
  } finally {
    db.close()
  }
}

/** Receipts whose vectors are in the journal of any model, by SOPInstanceUID. */
export const journalled = (found: Survivors, index: string, scratch: string): ReadonlyMap<string, number> =>
  new Map(
    found
      .names(index)
      .flatMap((model) =>
        rowsOf(found, `${index}/${model}`, "journal.db", "slice", "SOPInstanceUID, receipt", scratch).map(
          (row) => [String(row["SOPInstanceUID"]), Number(row["receipt"])] as const,
        ),
      ),
  )

export const workitems = (found: Survivors, folder: string, scratch: string): ReadonlySet<string> =>
  new Set(
    rowsOf(found, folder, "worklist.db", "workitem", "SOPInstanceUID", scratch).map((row) =>
      String(row["SOPInstanceUID"]),
    ),
  )
