// Two models asked the same: how much of what the serving one returns the other returns too, and how fast.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Hit } from "../domain/hit.ts"
import type { ModelComparison } from "../domain/model.ts"
import type { RegionSearch } from "../domain/region.ts"
import { Ledger, type SeriesFacts } from "../ledger/Ledger.ts"
import { randomOf } from "../phantom/random.ts"
import type { RegionQuery } from "../query/RegionQuery.ts"
import type { Lane } from "./Lane.ts"
import type { CompareOptions } from "./Models.ts"

/** Of the normal distribution, for 95 %. */
const z = 1.96

/** Mean of values in 0..1 with Wilson's interval: it says something too where all of them are 1. */
export const estimate = (values: ReadonlyArray<number>): ModelComparison["sameTop"] => {
  const n = values.length
  if (n === 0) return { mean: 0, low: 0, high: 1 }
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const centre = (mean + z ** 2 / (2 * n)) / (1 + z ** 2 / n)
  // Values between 0 and 1 vary less than yes and no of the same mean: the interval is, if anything, too wide.
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((mean * (1 - mean)) / n + z ** 2 / (4 * n ** 2))
  return { mean, low: Math.max(0, Math.min(mean, centre - half)), high: Math.min(1, Math.max(mean, centre + half)) }
}

/** Share of the first ones that are among the second; of nothing, everything. */
export const recall = (wanted: ReadonlyArray<string>, found: ReadonlyArray<string>): number => {
  const all = new Set(wanted)
  return all.size === 0 ? 1 : [...all].filter((one) => found.includes(one)).length / all.size
}

const quantile = (values: ReadonlyArray<number>, share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0

const latencyOf = (values: ReadonlyArray<number>) => ({ median: quantile(values, 0.5), p95: quantile(values, 0.95) })

/** A region is a run of slices, 4 to half of the series. */
const drawRegions = Effect.fnUntraced(function* (
  serving: Lane,
  series: ReadonlyArray<SeriesFacts>,
  { samples, k, seed }: CompareOptions,
) {
  const random = randomOf(seed)
  const regions: Array<RegionSearch> = []
  // In an order of its own, so that the same seed draws the same whatever order the ledger has.
  const sorted = series.toSorted((a, b) => (a.SeriesInstanceUID < b.SeriesInstanceUID ? -1 : 1))
  for (let tries = 0; regions.length < samples && tries < samples * 4 && sorted.length > 0; tries++) {
    const { StudyInstanceUID, SeriesInstanceUID } = sorted[Math.floor(random() * sorted.length)]!
    const [length, start] = [random(), random()]
    const slices = (yield* serving.index.stacks(SeriesInstanceUID))[0]?.headers.length ?? 0
    if (slices === 0) continue
    const count = Math.min(slices, Math.max(4, Math.round((length * slices) / 2)))
    const from = Math.floor(start * (slices - count + 1))
    regions.push({ StudyInstanceUID, SeriesInstanceUID, region: { slices: { from, to: from + count - 1 } }, k })
  }
  return regions
})

const ask = Effect.fnUntraced(function* (query: RegionQuery["Service"], request: RegionSearch) {
  const last = Effect.map(Stream.runLast(query.search(request)), Option.getOrThrow)
  // The first time reads what the second has in memory: only that one is timed.
  const { hits } = (yield* last).answer
  const [took] = yield* Effect.timed(last)
  return { hits, milliseconds: Math.round(Duration.toMillis(took) * 100) / 100 }
})

const seriesOf = (hits: ReadonlyArray<Hit>) => hits.map((hit): string => hit.SeriesInstanceUID)
const studiesOf = (hits: ReadonlyArray<Hit>) => hits.map((hit): string => hit.StudyInstanceUID)

/** Regions whose slices are all blank, and those for which the serving model finds nothing, say nothing and are left out. */
export const compare = Effect.fn("models.compare")(function* (
  serving: Lane & { readonly query: RegionQuery["Service"] },
  other: Lane & { readonly query: RegionQuery["Service"] },
  options: CompareOptions,
) {
  const { slices } = yield* (yield* Ledger).totals
  const held = yield* other.index.series
  const facts = yield* (yield* Ledger).seriesFacts
  const both = facts.filter(
    ({ SeriesInstanceUID, indexedFrames }) => indexedFrames > 0 && held.get(SeriesInstanceUID) === indexedFrames,
  )
  const asked = yield* Effect.forEach(yield* drawRegions(serving, both, options), (region, n) =>
    Effect.gen(function* () {
      const first = yield* ask(n % 2 === 0 ? serving.query : other.query, region)
      const second = yield* ask(n % 2 === 0 ? other.query : serving.query, region)
      return n % 2 === 0 ? [first, second] : [second, first]
    }).pipe(
      Effect.catchTag("QueryError", (error) => (error.reason === "region" ? Effect.succeed([]) : Effect.fail(error))),
    ),
  )
  const pairs = asked.flatMap(([old, made]) =>
    old === undefined || made === undefined || old.hits.length === 0 ? [] : [{ old, made }],
  )
  const state = yield* other.index.state
  return {
    serving: serving.model.id,
    other: other.model.id,
    n: pairs.length,
    k: options.k,
    seed: options.seed,
    seriesRecall: estimate(pairs.map(({ old, made }) => recall(seriesOf(old.hits), seriesOf(made.hits)))),
    studyRecall: estimate(pairs.map(({ old, made }) => recall(studiesOf(old.hits), studiesOf(made.hits)))),
    sameTop: estimate(
      pairs.map(({ old, made }) => (old.hits[0]?.SeriesInstanceUID === made.hits[0]?.SeriesInstanceUID ? 1 : 0)),
    ),
    latency: {
      serving: latencyOf(pairs.map(({ old }) => old.milliseconds)),
      other: latencyOf(pairs.map(({ made }) => made.milliseconds)),
    },
    slices: { held: state.slices, of: slices.indexed },
  } satisfies ModelComparison
})
