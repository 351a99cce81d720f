// The whole way of a query: real index, journal and re-rank threads; only ledger, blobs and decoder are stand-ins.
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Decoder } from "../../src/decode/Decoder.ts"
import { SearchAnswer } from "../../src/domain/hit.ts"
import type { SearchFilter } from "../../src/domain/region.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { Ledger, type SeriesFacts } from "../../src/ledger/Ledger.ts"
import * as Queries from "../../src/query/query-layer.ts"
import { RegionQuery } from "../../src/query/RegionQuery.ts"
import * as WorkerReranker from "../../src/rerank/worker-reranker.ts"
import * as UsearchIndex from "../../src/vector-index/usearch-index.ts"
import { VectorIndex } from "../../src/vector-index/VectorIndex.ts"
import { seeded, volume } from "../rerank/vectors.fixture.ts"
import { stackOf } from "./stacks.fixture.ts"

const [dimension, side] = [32, 5]
const cells = side * side

const noisy = (random: () => number, row: Float32Array, noise: number) => {
  const moved = row.map((value) => value + (random() - 0.5) * noise)
  const length = Math.hypot(...moved)
  return moved.map((value) => value / length)
}

/** Slices 10..21 of series 1.1 (5 mm, z 50..105) show an organ; series 1.2 shows it in slices 30..53 (2.5 mm, z 75..132.5), 40 mm further right. */
const cohort = () => {
  const random = seeded(3)
  const dims = (slices: number) => volume(random, slices, dimension)
  const grids = (slices: number) => dims(slices * cells).map((value) => Math.round(value * 127))
  const organ = dims(12)
  const plant = (vectors: Float32Array, locals: Float32Array, slice: number, from: number, column: number) => {
    const row = organ.subarray(from * dimension, (from + 1) * dimension)
    vectors.set(noisy(random, row, 0.02), slice * dimension)
    for (const cell of [5 + column, 6 + column, 10 + column, 11 + column]) {
      const seen = noisy(random, row.toReversed(), 0.02).map((value) => Math.round(value * 127))
      locals.set(seen, (slice * cells + cell) * dimension)
    }
  }
  return Array.from({ length: 40 }, (_, n) => {
    const [slices, spacing] = n === 1 ? [80, 2.5] : [40, 5]
    const [vectors, locals] = [dims(slices), grids(slices)]
    if (n === 0) for (let i = 0; i < 12; i++) plant(vectors, locals, 10 + i, i, 1)
    if (n === 1) for (let i = 0; i < 24; i++) plant(vectors, locals, 30 + i, i >> 1, 2)
    return stackOf({
      uid: `1.${n + 1}`,
      slices,
      spacing,
      vectors,
      locals: Int8Array.from(locals),
      blank: (index) => index === 39,
    })
  })
}

const stacks = cohort()
const uid = (n: number) => ({
  StudyInstanceUID: StudyInstanceUID.make(`1.${n}.9`),
  SeriesInstanceUID: SeriesInstanceUID.make(`1.${n}`),
})
const facts: ReadonlyArray<SeriesFacts> = [
  ...stacks.map(({ StudyInstanceUID, SeriesInstanceUID, headers }, n): SeriesFacts => ({
    StudyInstanceUID,
    SeriesInstanceUID,
    Modality: n % 2 === 0 ? "CT" : "MR",
    StudyDate: "20240101",
    patient: n < 2 ? `patient ${n}` : "",
    indexedFrames: headers.length,
  })),
  { ...uid(77), Modality: "SR", StudyDate: "", patient: "", indexedFrames: 0, notSearchable: "no pixels" },
]

const segmentCorners = [50, 55, 60].map((z) =>
  [
    [-60, -60],
    [20, -60],
    [20, 20],
    [-60, 20],
  ].map(([x = 0, y = 0]) => [x, y, z] as const),
)

const data = mkdtempSync(join(tmpdir(), "query-"))
const space = { dir: data, modelId: "model", dimension, gridSize: side }
const Services = (candidates: number) =>
  Queries.layer({ candidates, model: "model" }).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        WorkerReranker.layer({
          ...space,
          workerUrl: new URL("../../streams/query-worker.ts", import.meta.url),
          threads: 2,
        }),
        Layer.mock(Ledger, {
          seriesFacts: Effect.succeed(facts),
          instance: (wanted) =>
            Effect.succeed(wanted === "1.50" ? Option.some({ digest: "d" } as never) : Option.none()),
        }),
        Layer.mock(Blobs, { path: (digest) => digest }),
        Layer.mock(Decoder, {
          segment: (_path, number) =>
            Effect.succeed({
              ReferencedSeriesInstanceUID: undefined,
              frames: number === 1 ? segmentCorners.map((corners) => ({ corners, pixels: 9 })) : [],
            }),
        }),
      ).pipe(Layer.provideMerge(UsearchIndex.layer(space))),
    ),
  )

const seed = Effect.gen(function* () {
  const index = yield* VectorIndex
  for (const { headers, vectors, locals } of stacks) {
    yield* index.add(
      headers.map((header, at) => ({
        ...header,
        vector: vectors.slice(at * dimension, (at + 1) * dimension),
        locals: locals.slice(at * cells * dimension, (at + 1) * cells * dimension),
      })),
    )
  }
})

const search = (request: Parameters<RegionQuery["Service"]["search"]>[0]) =>
  Effect.flatMap(RegionQuery, (query) => Stream.runCollect(query.search(request)))
const region = { slices: { from: 10, to: 21 } }
const answered = (filter: SearchFilter) =>
  Effect.map(search({ ...uid(1), region, k: 200, filter }), (steps) => steps.at(-1)!.answer)
const box = { min: [-60, -60, 50] as const, max: [20, 20, 105] as const }

layer(Layer.provideMerge(Layer.effectDiscard(seed), Services(200)), { timeout: 60_000, excludeTestServices: true })(
  "RegionQuery",
  (it) => {
    it.effect("finds the planted slices, with their window, in candidates and in hits", () =>
      Effect.gen(function* () {
        const [candidates, hits] = yield* search({ ...uid(1), region, k: 5 })
        assert.deepStrictEqual([candidates!._tag, hits!._tag], ["Candidates", "Hits"])
        for (const { answer } of [candidates!, hits!]) {
          assert.strictEqual(answer.hits[0]!.SeriesInstanceUID, "1.2")
          assert.lengthOf(answer.hits, 5)
          assert.deepStrictEqual(
            answer.hits.map(({ rank }) => rank),
            [1, 2, 3, 4, 5],
          )
          assert.notInclude(
            answer.hits.map(({ SeriesInstanceUID }) => String(SeriesInstanceUID)),
            "1.1",
          )
          yield* Schema.decodeUnknownEffect(SearchAnswer)(answer)
        }
        const [best, second] = hits!.answer.hits
        assert.isAbove(best!.score, 0.9)
        assert.isBelow(second!.score, 0.7)
        assert.isAtMost(Math.abs(best!.slices.from.index - 30), 2)
        assert.isAtMost(Math.abs(best!.slices.to.index - 53), 2)
        assert.strictEqual(best!.slices.from.SOPInstanceUID, `1.2.4.${best!.slices.from.index}`)
        assert.lengthOf(best!.links.frames, best!.slices.count)
        assert.deepStrictEqual(
          best!.alignment.map(([i]) => i),
          [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21],
        )
        assert.closeTo(best!.box.min[2], best!.slices.from.index * 2.5 - 1.25, 1e-6)
        const { coverage, timings } = hits!.answer
        assert.strictEqual(coverage.seriesSearched, 39)
        assert.deepStrictEqual<unknown>(coverage.seriesNotSearchable, [{ ...uid(77), reason: "no pixels" }])
        assert.isAbove(coverage.indexSequence, 0)
        assert.sameMembers(Object.keys(timings), ["resolve", "filter", "probe", "candidates", "rerank", "total"])
      }),
    )

    it.effect("finds where in the plane a box lies", () =>
      Effect.gen(function* () {
        const steps = yield* search({ ...uid(1), region: { box }, k: 3 })
        const best = steps.at(-1)!.answer.hits[0]!
        assert.strictEqual(best.SeriesInstanceUID, "1.2")
        assert.isAbove(best.score, 0.9)
        // Planted one cell (40 mm) further right: −20..60; a raster point is 10 mm.
        assert.isAtMost(Math.abs(best.box.min[0] + 20), 21)
        assert.isAtMost(Math.abs(best.box.max[0] - 60), 21)
        assert.isAtMost(Math.abs(best.box.min[1] + 60), 21)
        assert.isAtMost(Math.abs(best.box.max[1] - 20), 21)
        assert.isBelow(best.boxPixels.columns[1], 95)
      }),
    )

    it.effect("takes a segment of a stored SEG as the region", () =>
      Effect.gen(function* () {
        const segment = { SOPInstanceUID: SOPInstanceUID.make("1.50"), SegmentNumber: 1 }
        const query = yield* Effect.flatMap(RegionQuery, (service) =>
          service.resolve({ ...uid(1), region: { segment } }),
        )
        assert.deepStrictEqual([...query.indices], [10, 11, 12])
        assert.deepStrictEqual(query.extent, [80, 80])
        assert.strictEqual(query.boxVectors.length, 3 * dimension)
      }),
    )

    it.effect.each([
      ["unknown series", { ...uid(99) }, "unknown"],
      ["series of another study", { ...uid(1), StudyInstanceUID: uid(2).StudyInstanceUID }, "unknown"],
      ["series without searchable slices", { ...uid(77) }, "not-searchable"],
      ["slices beyond the volume", { ...uid(1), region: { slices: { from: 0, to: 40 } } }, "region"],
      ["blank slices", { ...uid(1), region: { slices: { from: 39, to: 39 } } }, "region"],
      ["box outside", { ...uid(1), region: { box: { min: [0, 0, 900], max: [1, 1, 901] } } }, "region"],
      [
        "SEG not stored",
        { ...uid(1), region: { segment: { SOPInstanceUID: SOPInstanceUID.make("1.51"), SegmentNumber: 1 } } },
        "unknown",
      ],
      [
        "empty segment",
        { ...uid(1), region: { segment: { SOPInstanceUID: SOPInstanceUID.make("1.50"), SegmentNumber: 2 } } },
        "region",
      ],
    ] as const)("%s", ([, request, reason]) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(search(request))
        assert.strictEqual(error.reason, reason)
      }),
    )

    it.effect("answers only from series that pass the filter", () =>
      Effect.gen(function* () {
        const ct = yield* answered({ Modality: "CT" })
        assert.lengthOf(ct.hits, 19)
        assert.isTrue(ct.hits.every(({ SeriesInstanceUID }) => Number(SeriesInstanceUID.slice(2)) % 2 === 1))
        const late = yield* answered({ StudyDate: { from: "20250101" } })
        assert.deepStrictEqual([late.hits.length, late.coverage.seriesSearched], [0, 0])
      }),
    )

    it.effect("matches one study against a query that is kept", () =>
      Effect.gen(function* () {
        const service = yield* RegionQuery
        const query = yield* service.resolve({ ...uid(1), region })
        const own = yield* service.matchStudy(query, uid(1).StudyInstanceUID)
        assert.isAbove(own[0]!.score, 0.999)
        assert.deepStrictEqual([own[0]!.slices.from.index, own[0]!.slices.to.index], [10, 21])
        const other = yield* service.matchStudy(query, uid(30).StudyInstanceUID)
        assert.isBelow(other[0]!.score, 0.7)
        assert.lengthOf(yield* service.matchStudy(query, uid(99).StudyInstanceUID), 0)
      }),
    )

    it.effect("matches a part of a study as if there were no more, or only what meets some of it", () =>
      Effect.gen(function* () {
        const service = yield* RegionQuery
        const query = yield* service.resolve({ ...uid(1), region })
        // Receipts count from 1, so slice n of the planted series is receipt n + 1.
        const receipts = (from: number, to: number) => Float64Array.from({ length: to - from + 1 }, (_, n) => from + n)
        const match = (view: Parameters<typeof service.matchStudy>[2]) =>
          service.matchStudy(query, uid(2).StudyInstanceUID, view)
        const all = receipts(1, 80)
        const [whole] = yield* match({ only: all })
        assert.isAbove(whole!.score, 0.9)
        assert.deepStrictEqual([whole], (yield* service.matchStudy(query, uid(2).StudyInstanceUID)).slice(0, 1))
        const [before] = yield* match({ only: receipts(1, 30) })
        assert.isBelow(before!.score, 0.7)
        assert.isBelow(before!.slices.to.index, 30)
        const [half] = yield* match({ only: receipts(31, 42) })
        assert.isAtLeast(half!.slices.from.index, 30)
        assert.isBelow(half!.score, whole!.score)
        // Slices lie twice as close as the region's, and the alignment may skip two: of three in a row one is met.
        assert.lengthOf(yield* match({ only: all, meeting: receipts(1, 20) }), 0)
        assert.lengthOf(yield* match({ only: all, meeting: receipts(40, 42) }), 1)
        assert.lengthOf(yield* match({ only: new Float64Array(0) }), 0)
      }),
    )

    it.effect("finds the query's own box again, at its place", () =>
      Effect.gen(function* () {
        const service = yield* RegionQuery
        const query = yield* service.resolve({ ...uid(1), region: { box } })
        const [own] = yield* service.matchStudy(query, uid(1).StudyInstanceUID)
        assert.isAbove(own!.score, 0.95)
        for (const axis of [0, 1] as const) {
          assert.isAtMost(Math.abs(own!.box.min[axis] - box.min[axis]), 15)
          assert.isAtMost(Math.abs(own!.box.max[axis] - box.max[axis]), 15)
        }
      }),
    )
  },
)

layer(Services(5), { timeout: 60_000, excludeTestServices: true })(
  "RegionQuery over more series than are scored",
  (it) => {
    it.effect("still finds the planted one: the votes choose", () =>
      Effect.gen(function* () {
        const steps = yield* search({ ...uid(1), region, k: 3 })
        assert.strictEqual(steps.at(-1)!.answer.hits[0]!.SeriesInstanceUID, "1.2")
        assert.lengthOf(steps.at(-1)!.answer.hits, 3)
      }),
    )
  },
)
