// The Reranker on worker threads: a series always goes to the same thread, so each holds its own share of the stacks.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SeriesInstanceUID } from "../domain/uid.ts"
import type { StackId } from "../vector-index/VectorIndex.ts"
import { makePool, type WorkerError } from "../workers/pool.ts"
import { Reranker, RerankError, type Scored, type SubVolume, type Window } from "./Reranker.ts"
import type { PlacedStack } from "./score-stack.ts"
import type { PlaceJob, ScoreJob } from "./tasks.ts"

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
  /** Module that exports `rerankTasks(…)` by name. */
  readonly workerUrl: URL
  readonly threads: number
  /** Vectors kept in memory, all threads together. */
  readonly cacheMegabytes?: number
}

/** How long a caller waits for one task, its turn included. */
const deadline = "30 seconds"

/** Hits whose box in the plane is looked for, at least: it may lift one that the window alone ranks lower. */
const leastBoxed = 32

const failed = (error: WorkerError): RerankError =>
  new RerankError({ reason: error.reason === "timeout" ? "timeout" : "worker", cause: error })

/** FNV-1a. */
const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

/** The best stack of each series, best first. */
const bestOfSeries = <A extends StackId & { readonly score: number }>(stacks: ReadonlyArray<A>): ReadonlyArray<A> => {
  const seen = new Set<string>()
  return stacks
    .toSorted((a, b) => b.score - a.score || (a.SeriesInstanceUID < b.SeriesInstanceUID ? -1 : 1))
    .filter(({ SeriesInstanceUID }) => !seen.has(SeriesInstanceUID) && seen.add(SeriesInstanceUID))
}

/**
 * One thread, never stopped in the middle of a task: the model does not survive it, and the stacks it keeps would be
 * lost. A caller who hangs up or waited too long leaves what is running to end, and what waits for its turn never starts.
 */
const makeThread = Effect.fnUntraced(function* (filename: URL, data: QueryThread) {
  const pool = yield* makePool({ filename, threads: 1, data, stoppable: false })
  return <A>(task: string, argument: unknown): Effect.Effect<A, RerankError> =>
    Effect.mapError(pool.run<A>(task, argument, { timeout: deadline }), failed)
})

const make = Effect.fnUntraced(function* (options: WorkerRerankerOptions) {
  const { workerUrl, threads, cacheMegabytes = 512, dir, modelId, dimension, gridSize } = options
  const cacheBytes = Math.floor((cacheMegabytes * 2 ** 20) / threads)
  const pool = yield* Effect.replicateEffect(
    makeThread(workerUrl, { dir, modelId, dimension, gridSize, cacheBytes }),
    threads,
  )
  // A module that does not load is the gateway's fault: better said at the start than once per query.
  yield* Effect.orDie(Effect.forEach(pool, (run) => run("ready", undefined), { concurrency: "unbounded" }))

  /** Gives each thread the items of its series; answers of all threads, in no order. */
  const spread = <A, B>(
    items: ReadonlyArray<A>,
    series: (item: A) => SeriesInstanceUID,
    task: string,
    argument: (items: ReadonlyArray<A>) => unknown,
  ): Effect.Effect<ReadonlyArray<B>, RerankError> =>
    Effect.forEach(
      pool,
      (run, thread) => {
        const own = items.filter((item) => hash(series(item)) % threads === thread)
        return own.length === 0 ? Effect.succeed<ReadonlyArray<B>>([]) : run<ReadonlyArray<B>>(task, argument(own))
      },
      { concurrency: "unbounded" },
    ).pipe(Effect.map((answers) => answers.flat()))

  return Reranker.of({
    rerank: Effect.fn("Reranker.rerank")(function* (query, candidates, { mean: given, only, limit = Infinity } = {}) {
      if (query.positions.length === 0) return []
      if (query.dimension !== dimension) {
        // An exemplar kept from before the model was changed: nothing here can be compared with it.
        yield* Effect.logWarning("a query of another model's vectors finds nothing", {
          dimension: query.dimension,
          expected: dimension,
        })
        return []
      }
      const mean = given ?? new Float32Array(query.dimension)
      const kept = query.boxVectors.length === 0 ? limit : Math.max(limit, leastBoxed)
      const placed = yield* spread<StackId, PlacedStack>(
        candidates,
        (id) => id.SeriesInstanceUID,
        "score",
        (own) => ({ query, mean, only, candidates: own, limit: kept }) satisfies ScoreJob,
      )
      const scored = yield* spread<PlacedStack, Scored>(
        bestOfSeries(placed).slice(0, kept),
        (stack) => stack.SeriesInstanceUID,
        "place",
        (own) => ({ query, mean, only, placed: own }) satisfies PlaceJob,
      )
      return bestOfSeries(scored).slice(0, limit)
    }),
    outline: Effect.fn("Reranker.outline")(function* (windows) {
      const found = yield* spread<Window, SubVolume>(
        windows,
        (w) => w.SeriesInstanceUID,
        "outline",
        (own) => own,
      )
      const order = new Map(windows.map(({ SeriesInstanceUID, stack }, at) => [`${SeriesInstanceUID} ${stack}`, at]))
      const at = ({ SeriesInstanceUID, stack }: StackId) => order.get(`${SeriesInstanceUID} ${stack}`) ?? 0
      return found.toSorted((a, b) => at(a) - at(b))
    }),
    stacks: (series) =>
      spread<SeriesInstanceUID, StackId>(
        series,
        (uid) => uid,
        "stacksOf",
        (own) => own,
      ),
  })
})

/** The journal may not exist yet: nothing is found until it does. */
export const layer = (options: WorkerRerankerOptions): Layer.Layer<Reranker> => Layer.effect(Reranker, make(options))
