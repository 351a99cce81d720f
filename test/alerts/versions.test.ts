// Alerts over the versions of a study: only for what is new, once, whatever is delivered again, deleted or put in between.
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { StandingRegions } from "../../src/alerts/StandingRegions.ts"
import { type StandingRegion, StandingRegionId } from "../../src/domain/alert.ts"
import type { Hit } from "../../src/domain/hit.ts"
import { StudyReady } from "../../src/events/events.ts"
import { Ledger, LedgerError } from "../../src/ledger/Ledger.ts"
import { Models, type Serving } from "../../src/models/Models.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { RegionQuery, type StudyView } from "../../src/query/RegionQuery.ts"
import { newInstance, receiptOf } from "../support/instances.ts"

/** What looks like the region: slices of a series that lie at some mm, each meeting one slice of the region. */
interface Look {
  readonly series: number
  readonly slices: ReadonlyArray<number>
  readonly score: number
}

const study = newInstance(1, 1, 1).StudyInstanceUID
const drawn = newInstance(9, 1, 1)

const hitOf = ({ series, slices, score }: Look): Hit => {
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = newInstance(1, series, slices[0]!)
  const end = { SOPInstanceUID, FrameNumber: 1, index: 0 }
  return {
    StudyInstanceUID,
    SeriesInstanceUID,
    score,
    rank: 1,
    slices: { from: end, to: end, count: slices.length },
    box: { min: [0, 0, slices[0]!], max: [10, 10, slices.at(-1)! + 1] },
    boxPixels: { columns: [0, 1], rows: [0, 1] },
    alignment: [],
    links: { frames: [], rendered: [] },
  }
}

/** The best place of each series among the slices in view, as the real one answers. */
const seen = (looks: ReadonlyArray<Look>, receipts: ReadonlyMap<string, number>, { only, meeting }: StudyView) => {
  const receipt = ({ series }: Look, slice: number) => receipts.get(newInstance(1, series, slice).SOPInstanceUID) ?? -1
  const inView = looks.flatMap((look) => {
    const slices = look.slices.filter((slice) => only.includes(receipt(look, slice)))
    return slices.length === 0 ? [] : [{ ...look, slices, score: (look.score * slices.length) / look.slices.length }]
  })
  const best = new Map(inView.toSorted((a, b) => a.score - b.score).map((look) => [look.series, look]))
  return [...best.values()]
    .filter((look) => meeting === undefined || look.slices.some((slice) => meeting.includes(receipt(look, slice))))
    .map(hitOf)
}

const scenario = <E>(
  name: string,
  looks: ReadonlyArray<Look>,
  body: (given: {
    /** Instances come, are indexed, and make a version; answers the alerts that its event raises, as places. */
    readonly version: (
      series: number,
      ...slices: ReadonlyArray<number>
    ) => Effect.Effect<ReadonlyArray<string>, E, never>
    readonly match: (version: number) => Effect.Effect<ReadonlyArray<string>, E, never>
    readonly put: (id: string, change?: Partial<StandingRegion>) => Effect.Effect<unknown, E, never>
    readonly arrive: (series: number, ...slices: ReadonlyArray<number>) => Effect.Effect<unknown, E, never>
    readonly ready: Effect.Effect<unknown, E, never>
    readonly ledger: Ledger["Service"]
    /** The next note that a version is matched is lost, as in a crash. */
    readonly crash: () => void
  }) => Effect.Effect<unknown, E, never>,
) =>
  it.effect(name, () =>
    Effect.gen(function* () {
      const real = yield* Ledger
      const receipts = new Map<string, number>()
      let crashing = false
      const ledger = Ledger.of({
        ...real,
        matched: (...given) =>
          Effect.suspend(() => {
            if (!crashing) return real.matched(...given)
            crashing = false
            return new LedgerError({ reason: "closed", cause: "killed" })
          }),
      })
      const query = Context.get(
        yield* Layer.build(
          Layer.mock(RegionQuery, {
            resolve: () =>
              Effect.succeed({
                dimension: 1,
                vectors: new Float32Array(1),
                boxVectors: new Float32Array(0),
                positions: new Float32Array(1),
                indices: new Int32Array(1),
                spacing: 1,
                extent: [0, 0],
              }),
            matchStudy: (_query, _study, view) => Effect.succeed(seen(looks, receipts, view!)),
          }),
        ),
        RegionQuery,
      )
      const model = { id: "model", dimension: 1, inputSize: 16, gridSize: 0 }
      const serving = { model, query } as Serving
      const standing = yield* StandingRegions.pipe(
        Effect.provide(
          StandingRegions.layer.pipe(
            Layer.provide(Layer.succeed(Ledger, ledger)),
            Layer.provide(Layer.succeed(Models, { serving: Effect.succeed(serving) } as unknown as Models["Service"])),
          ),
        ),
      )
      const arrive = Effect.fnUntraced(function* (series: number, ...slices: ReadonlyArray<number>) {
        for (const slice of slices) {
          const instance = newInstance(1, series, slice)
          const receipt = receiptOf((yield* real.accept([instance]))[0])
          receipts.set(instance.SOPInstanceUID, receipt)
          const { SOPInstanceUID } = instance
          yield* real.progress([{ SOPInstanceUID, receipt, stage: "indexed", embeddableFrames: 1, indexedFrames: 1 }])
        }
      })
      const ready = Effect.andThen(real.complete(study), real.settle({ quietMillis: 5000, maxWaitMillis: 60_000 }))
      const match = (version: number) =>
        Effect.map(standing.match(StudyReady.make({ StudyInstanceUID: study, version })), (alerts) =>
          alerts.map(({ standingRegion, studyVersion, hit }) => {
            return `${standingRegion} ${studyVersion}: ${hit.SeriesInstanceUID} ${hit.box.min[2]}-${hit.box.max[2] - 1}`
          }),
        )
      const version = Effect.fnUntraced(function* (series: number, ...slices: ReadonlyArray<number>) {
        yield* arrive(series, ...slices)
        yield* ready
        const status = Option.getOrThrow(yield* real.studyStatus(study, { offset: 0, limit: 0 }))
        return yield* match(status.version)
      })
      const put = (id: string, change: Partial<StandingRegion> = {}) =>
        standing.put(StandingRegionId.make(id), {
          StudyInstanceUID: drawn.StudyInstanceUID,
          SeriesInstanceUID: drawn.SeriesInstanceUID,
          label: "disc",
          threshold: 0.5,
          ...change,
        })
      yield* real.accept([drawn])
      yield* body({ version, match, put, arrive, ready, ledger: real, crash: () => void (crashing = true) } as never)
    }).pipe(Effect.provide(layerMemory)),
  )

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
const place = (series: number, from: number, to: number, score: number): Look => ({
  series,
  slices: range(from, to),
  score,
})

scenario(
  "a place is told of once, also when its event comes again",
  [place(1, 10, 19, 0.9)],
  ({ version, match, put }) =>
    Effect.gen(function* () {
      yield* put("disc")
      assert.deepStrictEqual(yield* version(1, ...range(0, 29)), ["disc 1: 1.1.1 10-19"])
      assert.deepStrictEqual(yield* match(1), [])
      assert.deepStrictEqual(yield* version(1, ...range(30, 39)), [])
      assert.deepStrictEqual(yield* match(2), [])
      assert.deepStrictEqual(yield* match(1), [])
    }),
)

scenario(
  "the next version tells of a new place in the same series, though the old one is better, and of a new series",
  [place(1, 10, 19, 0.9), place(1, 40, 49, 0.7), place(2, 1, 5, 0.8)],
  ({ version, put }) =>
    Effect.gen(function* () {
      yield* put("disc")
      assert.deepStrictEqual(yield* version(1, ...range(0, 29)), ["disc 1: 1.1.1 10-19"])
      assert.deepStrictEqual(yield* version(1, ...range(30, 59)), ["disc 2: 1.1.1 40-49"])
      assert.deepStrictEqual(yield* version(2, ...range(1, 5)), ["disc 3: 1.1.2 1-5"])
    }),
)

scenario(
  "a place told of that late slices fill up is the same place; one that they lift over the threshold is new",
  [place(1, 10, 19, 0.9), place(2, 10, 19, 0.9)],
  ({ version, put }) =>
    Effect.gen(function* () {
      yield* put("disc")
      assert.deepStrictEqual(yield* version(1, ...range(10, 17)), ["disc 1: 1.1.1 10-17"])
      assert.deepStrictEqual(yield* version(1, 18, 19), [])
      assert.deepStrictEqual(yield* version(2, ...range(10, 13)), [])
      assert.deepStrictEqual(yield* version(2, ...range(14, 19)), ["disc 4: 1.1.2 10-19"])
    }),
)

scenario(
  "a standing region put between two versions sees all of the study, one put again only what is new",
  [place(1, 10, 19, 0.9)],
  ({ version, put }) =>
    Effect.gen(function* () {
      yield* put("early")
      assert.deepStrictEqual(yield* version(1, ...range(0, 29)), ["early 1: 1.1.1 10-19"])
      yield* put("late")
      yield* put("early", { label: "another name" })
      assert.deepStrictEqual(yield* version(1, 30), ["late 2: 1.1.1 10-19"])
      assert.deepStrictEqual(yield* version(1, 31), [])
    }),
)

scenario(
  "what a changed rule finds is told of, what its id told of is not told again",
  [place(1, 10, 19, 0.9), place(2, 5, 9, 0.6)],
  ({ version, arrive, put }) =>
    Effect.gen(function* () {
      yield* put("disc", { threshold: 0.8 })
      yield* arrive(2, ...range(0, 9))
      assert.deepStrictEqual(yield* version(1, ...range(0, 29)), ["disc 1: 1.1.1 10-19"])
      yield* put("disc", { threshold: 0.5 })
      assert.deepStrictEqual(yield* version(1, 30), ["disc 2: 1.1.2 5-9"])
      assert.deepStrictEqual(yield* version(1, 31), [])
    }),
)

scenario(
  "a crash between matching and its note tells of nothing twice and forgets nothing",
  [place(1, 10, 19, 0.9), place(1, 40, 49, 0.7)],
  ({ version, match, put, crash, ledger }) =>
    Effect.gen(function* () {
      yield* put("disc")
      crash()
      yield* Effect.flip(version(1, ...range(0, 29)))
      assert.lengthOf(yield* ledger.alerts(0, 10), 1)
      assert.deepStrictEqual(yield* match(1), [])
      assert.deepStrictEqual(yield* version(1, ...range(40, 49)), ["disc 2: 1.1.1 40-49"])
      assert.lengthOf(yield* ledger.alerts(0, 10), 2)
    }),
)

scenario(
  "slices of the next version that are there already are its own",
  [place(1, 10, 19, 0.9), place(1, 40, 49, 0.8)],
  ({ match, arrive, ready, put }) =>
    Effect.gen(function* () {
      yield* put("disc")
      yield* arrive(1, ...range(10, 19))
      yield* ready
      // The broker was away: the event of the first version comes when the second is under way, then after it.
      yield* arrive(1, ...range(40, 49))
      assert.deepStrictEqual(yield* match(1), ["disc 1: 1.1.1 10-19"])
      yield* ready
      assert.deepStrictEqual(yield* match(2), ["disc 2: 1.1.1 40-49"])
    }),
)

scenario(
  "a deleted study's events raise nothing; sent again it is a new study",
  [place(1, 10, 19, 0.9)],
  ({ version, match, arrive, put, ledger }) =>
    Effect.gen(function* () {
      yield* put("disc")
      assert.deepStrictEqual(yield* version(1, ...range(10, 19)), ["disc 1: 1.1.1 10-19"])
      yield* ledger.delete({ StudyInstanceUID: study })
      assert.deepStrictEqual(yield* ledger.alerts(0, 10), [])
      assert.deepStrictEqual(yield* match(1), [])
      yield* arrive(1, 10)
      assert.deepStrictEqual(yield* match(1), [])
      assert.deepStrictEqual(yield* version(1, ...range(11, 19)), ["disc 1: 1.1.1 10-19"])
    }),
)
