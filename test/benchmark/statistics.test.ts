// Means, their intervals, and the overlap of ranges and boxes.
import { assert, describe, it } from "@effect/vitest"
import { estimate, percentile } from "../../src/benchmark/statistics.ts"
import { boxOverlap, intervalOverlap } from "../../src/domain/overlap.ts"

describe("statistics", () => {
  it("resamples subjects, so that many queries of one subject do not narrow the interval", () => {
    const queries = (subjects: number, each: number) =>
      Array.from({ length: subjects * each }, (_, n) => ({
        value: n % subjects < subjects / 2 ? 1 : 0,
        cluster: `${n % subjects}`,
      }))
    const [few, many] = [estimate(queries(8, 50)), estimate(queries(200, 2))]
    assert.strictEqual(few.mean, 0.5)
    assert.strictEqual(few.n, 400)
    assert.isAbove(few.high - few.low, 2 * (many.high - many.low))
    assert.deepStrictEqual(estimate(queries(8, 50)), few)
    assert.isNaN(estimate([]).mean)
  })

  it("takes the nearest rank", () => {
    assert.strictEqual(percentile([4, 1, 3, 2], 0.5), 2)
    assert.strictEqual(percentile([4, 1, 3, 2], 0.95), 4)
  })

  it("measures intersection over union", () => {
    assert.strictEqual(intervalOverlap([0, 4], [2, 6]), 2 / 6)
    assert.strictEqual(intervalOverlap([0, 1], [2, 3]), 0)
    const box = { min: [0, 0, 0], max: [2, 2, 2] } as const
    assert.strictEqual(boxOverlap(box, { min: [1, 0, 0], max: [3, 2, 2] }), 4 / 12)
  })
})
