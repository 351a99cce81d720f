// One stack's slices by version, position and sequence, for a thread that keeps stacks and has to know when they changed.
import { existsSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { type JournalReaderOptions, openJournalReader, parseHeaders } from "./journal-reader.ts"
import { journalPath } from "./journal-schema.ts"
import type { StackId } from "./VectorIndex.ts"

/** A journal whose owner has not made its tables yet counts as none. */
const openExisting = (path: string): DatabaseSync | undefined => {
  if (!existsSync(path)) return undefined
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'total'").get() !== undefined) return db
  db.close()
  return undefined
}

/** What a cache of stacks asks of the journal, read-only; undefined while there is none. */
export const openStackJournal = (options: JournalReaderOptions) => {
  const db = openExisting(journalPath(options.dir, options.modelId))
  if (db === undefined) return undefined
  db.exec("PRAGMA mmap_size = 8589934592")
  const reader = openJournalReader(options)
  const own = "stack = (SELECT id FROM stack WHERE SeriesInstanceUID = ? AND name = ?)"
  const versionOf = db.prepare(`SELECT max(sequence) AS last, count(*) AS slices FROM slice WHERE ${own}`)
  const slicesOf = db.prepare(
    `SELECT sequence, position, blank, receipt FROM slice WHERE ${own} ORDER BY position, sequence`,
  )
  slicesOf.setReturnArrays(true)
  const headerOf = db.prepare("SELECT header FROM slice WHERE sequence = ?")
  const localsOf = db.prepare("SELECT locals FROM local WHERE sequence = ?")
  const width = options.gridSize * options.gridSize * options.dimension

  /** In patient order; positions in mm along the normal, blank as 0 or 1. */
  const slices = ({ SeriesInstanceUID, stack }: StackId) => {
    const rows = slicesOf.all(SeriesInstanceUID, stack) as unknown as ReadonlyArray<
      readonly [number, number, number, number]
    >
    return rows.length === 0
      ? undefined
      : {
          sequences: Float64Array.from(rows, ([sequence]) => sequence),
          positions: Float64Array.from(rows, ([, position]) => position),
          blank: Uint8Array.from(rows, ([, , blank]) => blank),
          receipts: Float64Array.from(rows, ([, , , receipt]) => receipt),
        }
  }
  return {
    // Sequences are never given twice: the same highest one and as many of them are the same slices.
    version: ({ SeriesInstanceUID, stack }: StackId) => {
      const row = versionOf.get(SeriesInstanceUID, stack)
      return typeof row?.["last"] === "number" ? `${row["last"]} ${String(row["slices"])}` : undefined
    },
    slices,
    read: (id: StackId) => {
      // Two connections may see two commits; more than once in a row they will not.
      for (let attempt = 0; attempt < 5; attempt++) {
        const [read] = reader.readVectors([id])
        const found = slices(id)
        if (read === undefined || found === undefined) return undefined
        const { sequences, vectors } = read
        if (sequences.length === found.sequences.length && sequences.every((n, at) => n === found.sequences[at]))
          return { ...found, vectors }
      }
      return undefined
    },
    headers: (sequences: Float64Array) => {
      const texts = Array.from(sequences, (sequence) => headerOf.get(sequence)?.["header"])
      return texts.every((text) => typeof text === "string") ? parseHeaders(texts) : undefined
    },
    locals: (sequences: Float64Array) =>
      Array.from(sequences, (sequence) => {
        const blob = localsOf.get(sequence)?.["locals"]
        return blob instanceof Uint8Array && blob.byteLength === width
          ? new Int8Array(blob.buffer, blob.byteOffset, width)
          : new Int8Array(0)
      }),
    stacksOf: reader.stacksOf,
  }
}
