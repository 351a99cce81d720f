// The ONNX kernels against loops that spell out what they compute.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { openKernel } from "../../src/rerank/kernel.ts"
import { meanOf, seeded, volume } from "./vectors.fixture.ts"

const dimension = 24

const centred = (row: ArrayLike<number>, mean: Float32Array): ReadonlyArray<number> => {
  const shifted = Array.from(row, (value, d) => value - mean[d]!)
  const length = Math.hypot(...shifted)
  return shifted.map((value) => (length === 0 ? 0 : value / length))
}
const dot = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) => a.reduce((sum, value, d) => sum + value * b[d]!, 0)
const rowsOf = (matrix: Float32Array | Int8Array) =>
  Array.from({ length: matrix.length / dimension }, (_, row) => matrix.subarray(row * dimension, (row + 1) * dimension))

const naive = (queries: Float32Array, rows: Float32Array, mean: Float32Array) =>
  rowsOf(rows).flatMap((row) => rowsOf(queries).map((query) => dot(centred(row, mean), centred(query, mean))))

describe("kernel", () => {
  it.effect("gives centred cosines of stacks of any size, in order", () =>
    Effect.promise(async () => {
      const random = seeded(5)
      const kernel = await openKernel(dimension)
      // Several fill a run, one is larger than a run.
      const stacks = [3, 4000, 1, 200, 5000, 2].map((slices) => volume(random, slices, dimension))
      const query = volume(random, 4, dimension)
      const mean = meanOf(stacks, dimension)
      let stack = 0
      for await (const found of kernel.similarities(
        query,
        stacks.map((vectors) => ({ vectors })),
        mean,
      )) {
        const expected = naive(query, stacks[stack]!, mean)
        assert.strictEqual(found.length, expected.length)
        assert.isBelow(Math.max(...found.map((value, at) => Math.abs(value - expected[at]!))), 1e-4)
        stack += 1
      }
      assert.strictEqual(stack, stacks.length)
    }),
  )

  it.effect("stays finite where nothing is left to compare", () =>
    Effect.promise(async () => {
      const kernel = await openKernel(dimension)
      const query = volume(seeded(1), 1, dimension)
      const vectors = new Float32Array(3 * dimension)
      vectors.set(query, dimension)
      // The query is the mean, one row is zero, one is the mean.
      for await (const found of kernel.similarities(query, [{ vectors }], query)) {
        assert.isTrue(found.every((value) => value === 0))
      }
      for await (const found of kernel.similarities(query, [{ vectors }], new Float32Array(dimension))) {
        assert.deepStrictEqual(
          [...found].map((value) => Math.round(value * 1e5) / 1e5),
          [0, 1, 0],
        )
      }
    }),
  )

  it.effect("pools local vectors under a box and compares them cell by cell", () =>
    Effect.promise(async () => {
      const random = seeded(9)
      const kernel = await openKernel(dimension)
      const floats = volume(random, 18, dimension)
      const locals = Int8Array.from(floats, (value) => Math.round(value * 127))
      const queries = volume(random, 2, dimension)
      const mean = meanOf([floats], dimension)
      const weights = Float32Array.from({ length: 2 * 18 }, () => (random() < 0.3 ? random() : 0))
      const pooled = await kernel.pooledSimilarities(queries, locals, weights, mean)
      const cells = rowsOf(locals).map((cell) => centred(cell, new Float32Array(dimension)))
      rowsOf(queries).forEach((query, pair) => {
        const sum = new Float64Array(dimension)
        rowsOf(locals).forEach((cell, c) => cell.forEach((value, d) => (sum[d]! += value * weights[pair * 18 + c]!)))
        const expected = dot(centred(centred(sum, new Float32Array(dimension)), mean), centred(query, mean))
        assert.closeTo(pooled[pair]!, expected, 1e-4)
      })
      const each = await kernel.localSimilarities(queries, locals, mean)
      cells.forEach((cell, c) =>
        rowsOf(queries).forEach((query, i) =>
          assert.closeTo(each[c * 2 + i]!, dot(centred(cell, mean), centred(query, mean)), 1e-4),
        ),
      )
    }),
  )
})
