// What a placement can score at the most: each query slice's best within its band, the order of slices ignored.
import type { Similarities } from "./localise.ts"
import { lowerBound, medianGap, type Placement } from "./windows.ts"

/** Maxima of runs of up to `longest` slices, any query, in O(1): level l holds maxima of 2^l slices. */
const rangeMaxima = ({ values, queries }: Similarities, slices: number, longest: number) => {
  const levels = [values]
  for (let span = 1; span * 2 <= Math.min(slices, longest); span *= 2) {
    const below = levels[levels.length - 1]!
    const level = new Float32Array((slices - span * 2 + 1) * queries)
    const shift = span * queries
    for (let at = 0; at < level.length; at++) {
      const [a, b] = [below[at]!, below[at + shift]!]
      level[at] = a > b ? a : b
    }
    levels.push(level)
  }
  return levels
}

/**
 * Targets are looked up on a grid of mm, `grid[point × queries + query]`: the best slice within `band` of any target that
 * rounds to the point. Outside the stack, where a query slice may also stay without a slice, at least 0.
 */
const bestOnGrid = (
  similarities: Similarities,
  stack: ArrayLike<number>,
  step: number,
  first: number,
  band: number,
) => {
  const { queries } = similarities
  const slices = stack.length
  const points = Math.ceil((stack[slices - 1]! + band - first) / step) + 2
  const reach = band + step
  const runs = Array.from({ length: points }, (_, point): [number, number] => {
    const mm = first + point * step
    const low = lowerBound(stack, mm - reach)
    const high = lowerBound(stack, mm + reach) - 1
    // In a gap: its two ends.
    return low <= high ? [low, high] : [Math.max(0, high), Math.min(slices - 1, low)]
  })
  const levels = rangeMaxima(similarities, slices, Math.max(...runs.map(([low, high]) => high - low + 1)))
  const grid = new Float32Array(points * queries)
  runs.forEach(([low, high], point) => {
    const mm = first + point * step
    const inside = mm - step > stack[0]! && mm + step < stack[slices - 1]!
    const log = 31 - Math.clz32(high - low + 1)
    const level = levels[log]!
    const [left, right] = [low * queries, (high + 1 - (1 << log)) * queries]
    for (let query = 0; query < queries; query++) {
      const [a, b] = [level[left + query]!, level[right + query]!]
      const best = a > b ? a : b
      grid[point * queries + query] = inside || best > 0 ? best : 0
    }
  })
  return { grid, points }
}

/** Σ over the query's slices, one per placement. Never below what an alignment of the placement can reach. */
export const upperBounds = (
  similarities: Similarities,
  tried: ReadonlyArray<Placement>,
  query: ArrayLike<number>,
  stack: ArrayLike<number>,
  band: number,
): Float64Array => {
  const { queries } = similarities
  const length = stack[stack.length - 1]! - stack[0]!
  // Half a slice, and bounded for absurd gaps and extents.
  const step = Math.max(medianGap(stack) / 2, (length + 2 * band) / 4096, 1e-3)
  const first = stack[0]! - band - step
  const { grid, points } = bestOnGrid(similarities, stack, step, first, band)
  const bounds = new Float64Array(tried.length)
  const along = Float64Array.from({ length: queries }, (_, i) => (query[i]! - query[0]!) / step)
  for (let at = 0; at < tried.length; at++) {
    const { offset, scale } = tried[at]!
    const start = (offset - first) / step + 0.5
    let sum = 0
    for (let i = 0; i < queries; i++) {
      const point = Math.floor(start + scale * along[i]!)
      // Further out no slice is met, and none counts 0.
      if (point >= 0 && point < points) sum += grid[point * queries + i]!
    }
    bounds[at] = sum
  }
  return bounds
}
