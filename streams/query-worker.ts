// The query threads' module: where the journal meets the re-ranker, so that neither stage knows the other.
import { existsSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { workerData } from "node:worker_threads"
import type { StackSource } from "../src/rerank/stack-cache.ts"
import { rerankTasks } from "../src/rerank/tasks.ts"
import type { QueryThread } from "../src/rerank/worker-reranker.ts"
import { openJournalReader } from "../src/vector-index/journal-reader.ts"
import { journalPath } from "../src/vector-index/journal-schema.ts"

const thread = workerData as QueryThread

/** A journal whose owner has not made its tables yet counts as none. */
const openExisting = (path: string): DatabaseSync | undefined => {
  if (!existsSync(path)) return undefined
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'total'").get() !== undefined) return db
  db.close()
  return undefined
}

const open = () => {
  const db = openExisting(journalPath(thread.dir, thread.modelId))
  if (db === undefined) return undefined
  // Sequences are never given twice: the same highest one and as many of them are the same slices.
  const version = db.prepare(
    `SELECT max(sequence) AS last, count(*) AS slices FROM slice
     WHERE stack = (SELECT id FROM stack WHERE SeriesInstanceUID = ? AND name = ?)`,
  )
  return { reader: openJournalReader(thread), version }
}

let opened: ReturnType<typeof open>
const journal = () => (opened ??= open())

const source: StackSource = {
  version: ({ SeriesInstanceUID, stack }) => {
    const row = journal()?.version.get(SeriesInstanceUID, stack)
    return typeof row?.["last"] === "number" ? `${row["last"]} ${String(row["slices"])}` : undefined
  },
  read: ({ SeriesInstanceUID, stack }) => journal()?.reader.readStack(SeriesInstanceUID, stack),
  locals: ({ SeriesInstanceUID, stack }, index) =>
    journal()?.reader.readLocals(SeriesInstanceUID, stack, index, index) ?? new Int8Array(0),
  stacksOf: (series) => journal()?.reader.stacksOf(series) ?? [],
}

export const { ready, score, place, outline, stacksOf } = rerankTasks(source, thread)
