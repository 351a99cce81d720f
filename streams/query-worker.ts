// The query threads' module: where the journal meets the re-ranker, so that neither stage knows the other.
import { workerData } from "node:worker_threads"
import type { StackSource } from "../src/rerank/stack-cache.ts"
import { rerankTasks } from "../src/rerank/tasks.ts"
import type { QueryThread } from "../src/rerank/worker-reranker.ts"
import { openStackJournal } from "../src/vector-index/stack-journal.ts"

const thread = workerData as QueryThread

let opened: StackSource | undefined
const journal = () => (opened ??= openStackJournal(thread))

/** Empty until there is a journal. */
const source: StackSource = {
  version: (id) => journal()?.version(id),
  slices: (id) => journal()?.slices(id),
  read: (id) => journal()?.read(id),
  headers: (sequences) => journal()?.headers(sequences),
  locals: (sequences) => journal()?.locals(sequences) ?? [],
  stacksOf: (series) => journal()?.stacksOf(series) ?? [],
}

export const { ready, score, place, outline, stacksOf } = rerankTasks(source, thread)
