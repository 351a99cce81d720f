// The Reranker on worker threads: a series always goes to the same thread, so each holds its own share of the stacks.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SeriesInstanceUID } from "../domain/uid.ts"
import type { StackId } from "../vector-index/VectorIndex.ts"
import { makePool, type WorkerError } from "../workers/pool.ts"
import { Reranker, RerankError, type Scored, type SubVolume, type Window } from "./Reranker.ts"
import type { PlacedStack } from "./score-stack.ts"
import type { PlaceJob, ScoreJob } from "./tasks.ts"

export interface RerankerOptions {
  /** Module that exports `rerankTasks(…)` by name. */
  readonly worker: URL
  readonly threads: number
  /** Handed to the module as `workerData`: where its journal is, dimension, cacheBytes of one thread. */
  readonly data: unknown
}

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

const make = Effect.fnUntraced(function* ({ worker, threads, data }: RerankerOptions) {
  const pools = yield* Effect.replicateEffect(makePool({ filename: worker, threads: 1, data }), threads)
  // A module that does not load is the gateway's fault: better said at the start than once per query.
  yield* Effect.orDie(Effect.forEach(pools, (pool) => pool.run("ready", undefined), { concurrency: "unbounded" }))

  /** Gives each thread the items of its series; answers of all threads, in no order. */
  const spread = <A, B>(
    items: ReadonlyArray<A>,
    series: (item: A) => SeriesInstanceUID,
    task: string,
    argument: (items: ReadonlyArray<A>) => unknown,
  ): Effect.Effect<ReadonlyArray<B>, RerankError> =>
    Effect.forEach(
      pools,
      (pool, thread) => {
        const own = items.filter((item) => hash(series(item)) % threads === thread)
        return own.length === 0
          ? Effect.succeed<ReadonlyArray<B>>([])
          : pool.run<ReadonlyArray<B>>(task, argument(own), { timeout: deadline })
      },
      { concurrency: "unbounded" },
    ).pipe(
      Effect.map((answers) => answers.flat()),
      Effect.mapError(failed),
    )

  return Reranker.of({
    rerank: Effect.fn("Reranker.rerank")(function* (query, candidates, { mean: given, limit = Infinity } = {}) {
      if (query.positions.length === 0) return []
      const mean = given ?? new Float32Array(query.dimension)
      const kept = query.boxVectors.length === 0 ? limit : Math.max(limit, leastBoxed)
      const placed = yield* spread<StackId, PlacedStack>(
        candidates,
        (id) => id.SeriesInstanceUID,
        "score",
        (own) => ({ query, mean, candidates: own, limit: kept }) satisfies ScoreJob,
      )
      const scored = yield* spread<PlacedStack, Scored>(
        bestOfSeries(placed).slice(0, kept),
        (stack) => stack.SeriesInstanceUID,
        "place",
        (own) => ({ query, mean, placed: own }) satisfies PlaceJob,
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

export const layer = (options: RerankerOptions): Layer.Layer<Reranker> => Layer.effect(Reranker, make(options))
