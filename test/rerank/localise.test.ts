// The window and its alignment: equal to trying everything, and right on what was planted.
import { assert, describe, it } from "@effect/vitest"
import { bandsOf, lateInteraction, localise } from "../../src/rerank/localise.ts"
import { bandOf, medianGap, placements, windowOf } from "../../src/rerank/windows.ts"
import { seeded } from "./vectors.fixture.ts"

/** Every monotone choice within the bands, one by one. */
const bestByTrying = (
  values: Float32Array,
  queries: number,
  low: Int32Array,
  high: Int32Array,
  i = 0,
  least = 0,
): number => {
  if (i === queries) return 0
  if (high[i]! < low[i]!) return bestByTrying(values, queries, low, high, i + 1, least)
  let best = Number.NEGATIVE_INFINITY
  for (let slice = Math.max(least, low[i]!); slice <= high[i]!; slice++) {
    const rest = bestByTrying(values, queries, low, high, i + 1, slice)
    best = Math.max(best, values[slice * queries + i]! + rest)
  }
  return best
}

/** Ascending positions with an even or an uneven gap. */
const axis = (random: () => number, length: number) => {
  const gap = 0.5 + random() * 8
  const uneven = random() < 0.4
  let at = random() * 100 - 50
  return Float64Array.from({ length }, () => (at += uneven ? gap * (0.2 + random() * 3) : gap))
}

describe("localise", () => {
  it("equals trying every placement and every monotone alignment", () => {
    const random = seeded(11)
    for (let run = 0; run < 400; run++) {
      const queries = 1 + Math.floor(random() * 6)
      const slices = 1 + Math.floor(random() * 14)
      const [query, stack] = [axis(random, queries), axis(random, slices)]
      const values = Float32Array.from({ length: queries * slices }, () => random() * 2 - 1)
      const spacing = medianGap(query)
      const band = bandOf(query[queries - 1]! - query[0]!, medianGap(stack))
      const brute = placements(query, stack).map((placement) => {
        const { low, high } = bandsOf(placement, query, stack, spacing, band)
        return bestByTrying(values, queries, low, high)
      })
      const found = localise({ values, queries }, query, stack, spacing)
      assert.closeTo(found.score, Math.max(...brute) / queries, 1e-6, `run ${run}`)
      assert.isAtLeast(lateInteraction({ values, queries }).bound, found.score)
      assert.closeTo(found.alignment.reduce((sum, [, , cosine]) => sum + cosine, 0) / queries, found.score, 1e-6)
      found.alignment.forEach(([i, slice, cosine], at) => {
        assert.isTrue(slice >= found.from && slice <= found.to)
        assert.strictEqual(cosine, values[slice * queries + i])
        const before = found.alignment[at - 1]
        assert.isTrue(before === undefined || (before[0] < i && before[1] <= slice))
      })
    }
  })

  it("finds the planted slices at their scale, and nothing more", () => {
    for (const scale of [0.75, 1, 1.33]) {
      const [queries, slices] = [12, 120]
      const query = Float64Array.from({ length: queries }, (_, i) => i * 5)
      const stack = Float64Array.from({ length: slices }, (_, j) => -100 + j * 2.5)
      const values = Float32Array.from({ length: queries * slices }, (_, at) => {
        const [j, i] = [Math.floor(at / queries), at % queries]
        return Math.exp(-(((stack[j]! - (stack[30]! + scale * query[i]!)) / 6) ** 2))
      })
      const found = localise({ values, queries }, query, stack, 5)
      const end = 30 + (scale * 55) / 2.5
      assert.isAtMost(Math.abs(found.from - 30), 3, `from at scale ${scale}`)
      assert.isAtMost(Math.abs(found.to - end), 3, `to at scale ${scale}`)
      assert.isAbove(found.score, 0.97)
      assert.lengthOf(found.alignment, queries)
    }
  })

  it("keeps the order of the patient: a reversed copy is no match", () => {
    const queries = 10
    const positions = Float64Array.from({ length: queries }, (_, i) => i * 4)
    const values = Float32Array.from({ length: queries * queries }, (_, at) =>
      Math.floor(at / queries) === queries - 1 - (at % queries) ? 1 : 0,
    )
    assert.strictEqual(lateInteraction({ values, queries }).score, 1)
    assert.isBelow(localise({ values, queries }, positions, positions, 4).score, 0.4)
  })

  it("counts query slices beyond the end of a short stack as 0", () => {
    const queries = 8
    const query = Float64Array.from({ length: queries }, (_, i) => i * 5)
    const stack = Float64Array.from({ length: 5 }, (_, j) => 200 + j * 5)
    // The stack shows the query's last five slices.
    const values = Float32Array.from({ length: queries * 5 }, (_, at) =>
      Math.floor(at / queries) + 3 === at % queries ? 1 : 0,
    )
    const found = localise({ values, queries }, query, stack, 5)
    assert.closeTo(found.score, 5 / 8, 1e-6)
    assert.deepStrictEqual([found.from, found.to], [0, 4])
    assert.deepStrictEqual(
      found.alignment.map(([i, j]) => [i, j]).slice(-5),
      [3, 4, 5, 6, 7].map((i) => [i, i - 3]),
    )
  })

  it("gives one slice for one slice", () => {
    const stack = Float64Array.from({ length: 9 }, (_, j) => j * 3)
    const values = Float32Array.from({ length: 9 }, (_, j) => (j === 6 ? 0.9 : 0.2))
    const { from, to, score } = localise({ values, queries: 1 }, [17], stack, 0)
    assert.deepStrictEqual([from, to], [6, 6])
    assert.closeTo(score, 0.9, 1e-6)
  })

  it("windows hold the slices a stretched query stands for", () => {
    const stack = Float64Array.from({ length: 21 }, (_, j) => j)
    assert.deepStrictEqual(windowOf({ offset: 5, scale: 1 }, 10, 5, stack), [3, 17])
    assert.deepStrictEqual(windowOf({ offset: 5, scale: 1 }, 10, 1, stack), [5, 15])
  })
})
