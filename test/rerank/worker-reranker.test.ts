// The re-ranker on its threads and a journal on disk: a planted region is found; stacks grow, shrink and vanish.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Reranker, type QueryVolume } from "../../src/rerank/Reranker.ts"
import * as WorkerReranker from "../../src/rerank/worker-reranker.ts"
import { emptyFolder, idOf, type MadeStack, modelId, removeSlices, write } from "./journal.fixture.ts"
import { meanOf, seeded, volume } from "./vectors.fixture.ts"

const dimension = 32
const gridSize = 5
const cells = gridSize * gridSize
const workerUrl = new URL("../../streams/query-worker.ts", import.meta.url)

const layer = (dir: string, threads = 2) =>
  WorkerReranker.layer({ workerUrl, threads, dir, modelId, dimension, gridSize, cacheMegabytes: 4 })

/** Grids of unrelated unit vectors, one per slice. */
const grids = (random: () => number, slices: number): Int8Array => {
  const locals = new Int8Array(slices * cells * dimension)
  for (let at = 0; at < locals.length; at++) locals[at] = Math.round((random() - 0.5) * 127 * 0.6)
  return locals
}
const direction = (random: () => number): Float32Array => {
  const row = Float32Array.from({ length: dimension }, () => random() - 0.5)
  const length = Math.hypot(...row)
  return row.map((value) => value / length)
}

/** Six stacks of 60 slices of 2 mm; slices 20..31 of the first lie at 30..41 of the fourth, their box in cells (1..2, 2..3). */
const scene = () => {
  const random = seeded(11)
  const stacks = Array.from({ length: 6 }, (_, n): MadeStack => ({
    series: `1.${n + 1}`,
    vectors: volume(random, 60, dimension),
    locals: grids(random, 60),
    spacing: 2,
  }))
  const [source, target] = [stacks[0]!, stacks[3]!]
  target.vectors.set(source.vectors.subarray(20 * dimension, 32 * dimension), 30 * dimension)
  const mark = direction(random)
  for (let slice = 30; slice <= 41; slice++) {
    for (const row of [2, 3]) {
      for (const column of [1, 2]) {
        const at = (slice * cells + row * gridSize + column) * dimension
        mark.forEach((value, d) => (target.locals[at + d] = Math.round(value * 127)))
      }
    }
  }
  const mean = meanOf(
    stacks.map(({ vectors }) => vectors),
    dimension,
  )
  const query: QueryVolume = {
    dimension,
    vectors: source.vectors.slice(20 * dimension, 32 * dimension),
    boxVectors: new Float32Array(0),
    positions: Float32Array.from({ length: 12 }, (_, i) => (20 + i) * 2),
    indices: Int32Array.from({ length: 12 }, (_, i) => 20 + i),
    spacing: 2,
    extent: [0, 0],
  }
  const boxVectors = new Float32Array(12 * dimension)
  for (let i = 0; i < 12; i++) boxVectors.set(mark, i * dimension)
  return { stacks, mean, query, boxed: { ...query, boxVectors, extent: [80, 80] } satisfies QueryVolume }
}

const ids = (stacks: ReadonlyArray<MadeStack>) => stacks.map(({ series }) => idOf(series))

describe("WorkerReranker", () => {
  it.live("finds the region itself and the planted copy: window, order, score and box", () => {
    const { stacks, mean, query } = scene()
    const dir = emptyFolder()
    write(dir, dimension, stacks)
    return Effect.gen(function* () {
      const reranker = yield* Reranker
      const hits = yield* reranker.rerank(query, ids(stacks), { mean })
      assert.strictEqual(hits.length, 6)
      const [first, second, third] = hits
      assert.sameMembers([String(first?.SeriesInstanceUID), String(second?.SeriesInstanceUID)], ["1.1", "1.4"])
      const planted = hits.find((hit) => hit.SeriesInstanceUID === "1.4")
      assert.deepStrictEqual([planted?.from, planted?.to], [30, 41])
      assert.strictEqual(planted?.StudyInstanceUID, "1.4.1")
      assert.strictEqual(planted?.headers.length, 12)
      assert.deepStrictEqual(
        planted?.alignment.map(([i, j]) => [i, j]),
        Array.from({ length: 12 }, (_, i) => [20 + i, 30 + i]),
      )
      assert.closeTo(planted?.score ?? 0, 1, 1e-4)
      assert.closeTo(planted?.lateInteraction ?? 0, 1, 1e-4)
      assert.isBelow(third?.score ?? 1, 0.8)
      // The whole picture, and half a slice beyond both ends.
      const box = [...(planted?.box.min ?? []), ...(planted?.box.max ?? [])]
      ;[0, 0, 59, 200, 200, 83].forEach((value, at) => assert.closeTo(box[at] ?? NaN, value, 1e-3))
      // A limit answers the same hits, only fewer.
      const best = yield* reranker.rerank(query, ids(stacks), { mean, limit: 3 })
      assert.deepStrictEqual(best, hits.slice(0, 3))
    }).pipe(Effect.provide(layer(dir)))
  })

  it.live("finds the box in the plane, and counts it in the score", () => {
    const { stacks, mean, boxed } = scene()
    const dir = emptyFolder()
    write(dir, dimension, stacks)
    return Effect.gen(function* () {
      const [best, other] = yield* (yield* Reranker).rerank(boxed, ids(stacks), { mean })
      assert.strictEqual(best?.SeriesInstanceUID, "1.4")
      assert.isAbove(best?.score ?? 0, 0.9)
      // The region's own series has the slices but not the box.
      assert.strictEqual(other?.SeriesInstanceUID, "1.1")
      assert.isBelow(other?.score ?? 1, 0.8)
      // Cells of 40 mm: columns 1..2 and rows 2..3; a quarter cell either way.
      const box = [...(best?.box.min ?? []), ...(best?.box.max ?? [])]
      ;[40, 80, 59, 120, 160, 83].forEach((value, at) => assert.closeTo(box[at] ?? NaN, value, 10.01))
    }).pipe(Effect.provide(layer(dir)))
  })

  it.live("finds nothing without a journal, and what is in it as soon as there is one", () => {
    const { stacks, mean, query } = scene()
    const dir = emptyFolder()
    return Effect.gen(function* () {
      const reranker = yield* Reranker
      assert.deepStrictEqual(yield* reranker.rerank(query, ids(stacks), { mean }), [])
      assert.deepStrictEqual(yield* reranker.rerank({ ...query, dimension: dimension / 2 }, ids(stacks)), [])
      assert.deepStrictEqual(yield* reranker.stacks([idOf("1.4").SeriesInstanceUID]), [])
      write(dir, dimension, stacks)
      assert.strictEqual((yield* reranker.rerank(query, ids(stacks), { mean })).length, 6)
      assert.deepStrictEqual(yield* reranker.stacks([idOf("1.4").SeriesInstanceUID]), [idOf("1.4")])
    }).pipe(Effect.provide(layer(dir)))
  })

  it.live("sees a stack grow, shrink and vanish, and never lets blank slices vote", () => {
    const { stacks, mean, query } = scene()
    const target = stacks[3]!
    const dir = emptyFolder()
    const part = (first: number, to: number): MadeStack => ({
      ...target,
      first,
      vectors: target.vectors.slice(first * dimension, to * dimension),
      locals: target.locals.slice(first * cells * dimension, to * cells * dimension),
    })
    const blank: MadeStack = { ...target, series: "1.9", blank: new Set(Array.from({ length: 20 }, (_, i) => 25 + i)) }
    write(dir, dimension, [part(0, 30), blank])
    return Effect.gen(function* () {
      const reranker = yield* Reranker
      const find = Effect.map(reranker.rerank(query, ids([target, blank]), { mean }), (hits) =>
        hits.find((hit) => hit.SeriesInstanceUID === target.series),
      )
      const voiceless = (yield* reranker.rerank(query, ids([blank]), { mean }))[0]
      assert.isBelow(voiceless?.score ?? 1, 0.8)
      assert.isTrue(voiceless?.alignment.every(([, slice]) => slice < 25 || slice > 44))
      assert.isBelow((yield* find)?.score ?? 1, 0.8)
      write(dir, dimension, [part(30, 60)])
      const grown = yield* find
      assert.deepStrictEqual([grown?.from, grown?.to], [30, 41])
      removeSlices(dir, dimension, target.series, Array.from({ length: 10 }).keys())
      const shrunk = yield* find
      assert.deepStrictEqual([shrunk?.from, shrunk?.to], [20, 31])
      assert.closeTo(shrunk?.score ?? 0, 1, 1e-4)
      removeSlices(dir, dimension, target.series, Array.from({ length: 60 }).keys())
      assert.isUndefined(yield* find)
    }).pipe(Effect.provide(layer(dir, 1)))
  })

  it.live("makes windows of a stack into sub-volumes, in the order asked for", () => {
    const { stacks } = scene()
    const dir = emptyFolder()
    write(dir, dimension, stacks)
    return Effect.gen(function* () {
      const windows = ["1.5", "1.77", "1.2"].map((series) => ({
        ...idOf(series),
        low: 20,
        high: 30,
        meetings: [[7, 24, 0.5]] as const,
      }))
      const found = yield* (yield* Reranker).outline(windows)
      assert.deepStrictEqual(
        found.map(({ SeriesInstanceUID, from, to, alignment }) => [String(SeriesInstanceUID), from, to, alignment]),
        [
          ["1.5", 10, 15, [[7, 12, 0.5]]],
          ["1.2", 10, 15, [[7, 12, 0.5]]],
        ],
      )
      assert.deepStrictEqual([found[0]?.box.min[2], found[0]?.box.max[2]], [19, 31])
    }).pipe(Effect.provide(layer(dir)))
  })

  it.live("keeps its thread, and what the thread knows, when a caller hangs up", () => {
    const slow = WorkerReranker.layer({
      workerUrl: new URL("thread.fixture.ts", import.meta.url),
      threads: 1,
      dir: "",
      modelId,
      dimension,
      gridSize,
    })
    return Effect.gen(function* () {
      const ask = (yield* Reranker).stacks([idOf("1.1").SeriesInstanceUID])
      const before = yield* ask
      const impatient = yield* Effect.forkChild(ask, { startImmediately: true })
      const waiting = yield* Effect.forkChild(ask, { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(impatient)
      assert.deepStrictEqual(yield* ask, before)
    }).pipe(Effect.provide(slow))
  })

  it.live("loses a task to a thread that dies, and no other", () => {
    const workerUrl = new URL("dying-thread.fixture.ts", import.meta.url)
    const dying = WorkerReranker.layer({ workerUrl, threads: 1, dir: "", modelId, dimension, gridSize })
    return Effect.gen(function* () {
      const { stacks } = yield* Reranker
      const ask = (series: string) => stacks([idOf(series).SeriesInstanceUID])
      const before = yield* ask("1.1")
      const [lost, behind] = yield* Effect.all([Effect.flip(ask("6.6.6")), ask("1.1")], { concurrency: 2 })
      assert.strictEqual(lost.reason, "worker")
      assert.strictEqual(behind.length, 1)
      assert.notDeepEqual(behind, before)
    }).pipe(Effect.provide(dying))
  })
})
