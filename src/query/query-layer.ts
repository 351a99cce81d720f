// RegionQuery composed: resolve → probe → candidates → re-rank → hits, each step timed.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Decoder } from "../decode/Decoder.ts"
import { noteStudies } from "../domain/access-record.ts"
import { CurrentCaller, CurrentSender } from "../domain/caller.ts"
import { defaultHits, type RegionSearch, type SearchFilter } from "../domain/region.ts"
import type { SearchAnswer } from "../domain/hit.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger, type SeriesFacts } from "../ledger/Ledger.ts"
import { type QueryVolume, Reranker, type SubVolume } from "../rerank/Reranker.ts"
import { makeShares } from "../workers/fair-share.ts"
import { makeFairTurns } from "../workers/fair-turns.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import { firstWindow, onePerSeries } from "./candidates.ts"
import { coverageOf } from "./coverage.ts"
import { passes } from "./filter.ts"
import { gather } from "./gather.ts"
import { hitsOf } from "./hits.ts"
import { QueryError, RegionQuery, type SearchOptions, type Step, type StudyView } from "./RegionQuery.ts"
import { resolveIn, resolveNamed, unavailable } from "./resolve-region.ts"

export interface QueryOptions {
  /** Stacks that late interaction scores at the most. */
  readonly candidates: number
  /** In whose space is searched. */
  readonly model: string
}

/** Re-rankings that the threads are asked for at a time; beyond, senders take turns. */
const reranking = 4

/** Searches at a time; more are refused, so that none waits for long and none piles up. */
export const maxSearches = 64

/** Stacks of one study that are matched against a standing region at the most. */
const maxStudyStacks = 1000

type Timings = SearchAnswer["timings"]

/** Milliseconds to the hundredth. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([took, value]) => [Math.round(Duration.toMillis(took) * 100) / 100, value] as const)

const sum = (timings: Timings): Timings => ({
  ...timings,
  total: Math.round(Object.values(timings).reduce((total, ms) => total + ms, 0) * 100) / 100,
})

/** The series that pass the filter, without the query's own: it would only find itself. */
const admittedTo = (
  facts: ReadonlyArray<SeriesFacts>,
  filter: SearchFilter,
  own: Omit<SearchOptions, "k" | "filter">,
) => {
  const stored = facts.find(({ SeriesInstanceUID }) => SeriesInstanceUID === own.series)
  const study = own.study ?? stored?.StudyInstanceUID
  const otherPatient = filter.excludeSamePatient ?? true
  return facts
    .filter(({ SeriesInstanceUID }) => SeriesInstanceUID !== own.series)
    .filter(({ StudyInstanceUID }) => !(otherPatient && study !== undefined && StudyInstanceUID === study))
    .filter(passes(filter, own.patient ?? stored?.patient))
}

/** Whether a slice of what has to be met is one that the query's slices are aligned with. */
const meets = (view: StudyView | undefined) => {
  if (view?.meeting === undefined) return () => true
  const met = new Set(view.meeting)
  return ({ alignment, headers, from }: SubVolume) =>
    alignment.some(([, index]) => met.has(headers[index - from]?.instance.receipt ?? 0))
}

const make = Effect.fnUntraced(function* ({ candidates: most, model }: QueryOptions) {
  const ledger = yield* Ledger
  const index = yield* VectorIndex
  const reranker = yield* Reranker
  const services = yield* Effect.context<Ledger | Blobs | Decoder | VectorIndex | Reranker>()

  const shares = makeShares(maxSearches)
  const turns = makeFairTurns(reranking)
  /** One place of `maxSearches`, until the scope of the stream closes. */
  const place = Effect.flatMap(CurrentSender, (sender) =>
    Effect.acquireRelease(
      Effect.suspend(() =>
        shares.begin(sender)
          ? Effect.void
          : Effect.fail(new QueryError({ reason: "unavailable", message: "too many searches at a time; try again" })),
      ),
      () => Effect.sync(() => shares.end(sender)),
    ),
  )
  const placed = <A>(stream: Stream.Stream<A, QueryError>) => Stream.unwrap(Effect.as(place, stream))

  /** The journal's sequence counts everybody's slices; who does not see all studies gets the count of what they see. */
  const sequenceSeen = Effect.fnUntraced(function* (facts: ReadonlyArray<SeriesFacts>) {
    if ((yield* CurrentCaller).origins === "all") return (yield* index.state).sequence
    return facts.reduce((sum, { indexedFrames }) => sum + indexedFrames, 0)
  })

  const steps = (query: QueryVolume, { k, filter, ...own }: SearchOptions, before: Timings) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const [factsMs, facts] = yield* timed(ledger.seriesFacts)
        const admitted = admittedTo(facts, filter, own)
        const coverage = coverageOf(admitted, yield* sequenceSeen(facts), model)
        const searchable = new Set(admitted.flatMap((one) => (one.indexedFrames > 0 ? [one.SeriesInstanceUID] : [])))
        const wanted = { wanted: Math.min(most, Math.max(50, 4 * k)), most }
        const [probeMs, { voted, stacks }] = yield* timed(gather(query, searchable, wanted))
        const first = onePerSeries(voted).slice(0, k)
        const [outlineMs, outlined] = yield* timed(
          reranker.outline(first.map((candidate) => firstWindow(query, candidate))),
        )
        const cosines = new Map(first.map(({ SeriesInstanceUID, cosine }) => [SeriesInstanceUID, cosine]))
        yield* noteStudies(outlined.map(({ StudyInstanceUID }) => StudyInstanceUID))
        const hits = hitsOf(outlined.map((one) => ({ ...one, score: cosines.get(one.SeriesInstanceUID) ?? 0 })))
        const timings = { ...before, filter: factsMs, probe: probeMs, candidates: outlineMs }
        const candidates: Step = { _tag: "Candidates", answer: { hits, coverage, timings: sum(timings) } }
        const reranked = Effect.gen(function* () {
          const mean = yield* index.mean
          const turn = turns.turn(yield* CurrentSender, stacks.length)
          const [rerankMs, scored] = yield* timed(turn(reranker.rerank(query, stacks, { mean, limit: k })))
          yield* noteStudies(scored.map(({ StudyInstanceUID }) => StudyInstanceUID))
          const answer = { hits: hitsOf(scored), coverage, timings: sum({ ...timings, rerank: rerankMs }) }
          return { _tag: "Hits", answer } satisfies Step
        })
        return Stream.concat(Stream.make(candidates), Stream.fromEffect(unavailable(reranked)))
      }).pipe(unavailable),
    ).pipe(Stream.provideContext(services))

  const resolve: RegionQuery["Service"]["resolve"] = (request) =>
    resolveNamed(request).pipe(Effect.provideContext(services), Effect.withSpan("RegionQuery.resolve"))

  return RegionQuery.of({
    resolve,
    resolveVolume: (stacks, region) => resolveIn(stacks, region).pipe(Effect.provideContext(services)),
    search: (request: RegionSearch): Stream.Stream<Step, QueryError> =>
      placed(
        Stream.unwrap(
          Effect.map(
            timed(Effect.andThen(noteStudies([request.StudyInstanceUID]), resolve(request))),
            ([ms, query]) => {
              const { k = defaultHits, filter = {}, SeriesInstanceUID: series } = request
              return steps(query, { k, filter, series }, { resolve: ms })
            },
          ),
        ),
      ),
    searchVolume: (query, options) => placed(steps(query, options, {})),
    matchStudy: Effect.fn("RegionQuery.matchStudy")(function* (query, study, view) {
      const matched = Effect.gen(function* () {
        const facts = yield* ledger.seriesFacts
        const series = facts.filter((one) => one.StudyInstanceUID === study && one.indexedFrames > 0)
        const stacks = yield* reranker.stacks(series.map(({ SeriesInstanceUID }) => SeriesInstanceUID))
        const only = view === undefined ? {} : { only: view.only }
        return yield* reranker.rerank(query, stacks.slice(0, maxStudyStacks), { mean: yield* index.mean, ...only })
      })
      return hitsOf((yield* unavailable(matched)).filter(meets(view)))
    }),
  })
})

export const layer = (
  options: QueryOptions,
): Layer.Layer<RegionQuery, never, Ledger | Blobs | Decoder | VectorIndex | Reranker> =>
  Layer.effect(RegionQuery, make(options))
