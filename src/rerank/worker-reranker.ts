// The Reranker on worker threads: what the threads are started with.
import type * as Layer from "effect/Layer"
import { layer as onThreads } from "./reranker-layer.ts"
import type { Reranker } from "./Reranker.ts"

/** Read by the worker module from its `workerData`. */
export interface QueryThread {
  /** Folder of the index. */
  readonly dir: string
  readonly modelId: string
  readonly dimension: number
  readonly gridSize: number
  /** Stacks kept in memory by this thread. */
  readonly cacheBytes: number
}

export interface WorkerRerankerOptions extends Omit<QueryThread, "cacheBytes"> {
  readonly workerUrl: URL
  readonly threads: number
  /** All threads together. */
  readonly cacheMegabytes?: number
}

/** The journal may not exist yet: nothing is found until it does. */
export const layer = ({
  workerUrl,
  threads,
  cacheMegabytes = 512,
  ...space
}: WorkerRerankerOptions): Layer.Layer<Reranker> => {
  const data: QueryThread = { ...space, cacheBytes: Math.floor((cacheMegabytes * 2 ** 20) / threads) }
  return onThreads({ worker: workerUrl, threads, data })
}
