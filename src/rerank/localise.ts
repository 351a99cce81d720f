// The window of a stack that a query fits best, and the slice each of its slices meets there, in the order of the patient.
import { upperBounds } from "./upper-bounds.ts"
import { bandOf, meetable, medianGap, placements, windowOf, type Placement } from "./windows.ts"

/** Similarities of a stack's slices to the query's: row = slice of the stack, column = slice of the query. */
export interface Similarities {
  /** slices × queries. */
  readonly values: Float32Array
  readonly queries: number
}

export interface Placed {
  /** Mean cosine over all query slices; one that lies outside the stack counts 0. */
  readonly score: number
  readonly from: number
  readonly to: number
  /** [query slice, stack slice, cosine], both ascending. */
  readonly alignment: ReadonlyArray<readonly [number, number, number]>
}

const tolerance = 1e-9

/**
 * Placements that are aligned at the most. Where slices resemble their neighbours a few dozen settle it; in noise of
 * thousands of slices the bounds say nothing, and the best of those with the highest bounds is answered.
 */
const maxAligned = 512

interface Bands {
  readonly low: Int32Array
  readonly high: Int32Array
}

/** Per query slice the stack slices it may meet. */
export const bandsOf = (
  placement: Placement,
  query: ArrayLike<number>,
  stack: ArrayLike<number>,
  spacing: number,
  band: number,
): Bands => {
  const first = query[0]!
  const window = windowOf(placement, query[query.length - 1]! - first, spacing, stack)
  const [low, high] = [new Int32Array(query.length), new Int32Array(query.length)]
  for (let i = 0; i < query.length; i++) {
    const target = placement.offset + placement.scale * (query[i]! - first)
    const [from, to] = meetable(target, band, window, stack)
    low[i] = from
    high[i] = to
  }
  return { low, high }
}

/** Σ of the best monotone alignment within the bands, with the slice of each query (−1: none). */
const align = (
  { values, queries }: Similarities,
  { low, high }: Bands,
): { sum: number; met: Int32Array<ArrayBuffer> } => {
  const met = new Int32Array(queries).fill(-1)
  const rows: Array<Float64Array> = []
  const steps: Array<Int32Array> = []
  let previous = -1
  for (let i = 0; i < queries; i++) {
    const [from, to] = [low[i]!, high[i]!]
    if (to < from) continue
    const row = new Float64Array(to - from + 1)
    const step = new Int32Array(to - from + 1)
    const before = previous < 0 ? undefined : rows[rows.length - 1]
    let reached = previous < 0 ? 0 : low[previous]!
    let [best, at] = [before === undefined ? 0 : Number.NEGATIVE_INFINITY, -1]
    for (let slice = from; slice <= to; slice++) {
      if (before !== undefined) {
        const end = Math.min(slice, high[previous]!)
        for (; reached <= end; reached++) {
          const value = before[reached - low[previous]!]!
          if (value > best) [best, at] = [value, reached]
        }
      }
      row[slice - from] = best + values[slice * queries + i]!
      step[slice - from] = at
    }
    rows.push(row)
    steps.push(step)
    previous = i
  }
  const last = rows[rows.length - 1]
  if (last === undefined) return { sum: 0, met }
  let slice = 0
  for (let at = 1; at < last.length; at++) if (last[at]! > last[slice]!) slice = at
  const sum = last[slice]!
  slice += low[previous]!
  for (let i = queries - 1, row = rows.length - 1; i >= 0; i--) {
    if (high[i]! < low[i]!) continue
    met[i] = slice
    slice = steps[row--]![slice - low[i]!]!
  }
  return { sum, met }
}

/**
 * The best placement by mean aligned cosine, exact over all `placements` (but see `maxAligned`): an upper bound (each
 * query slice's best within its band, order ignored) is cheap, so the dynamic program runs only where the bound still
 * beats the best so far.
 * Positions in mm, ascending, neither empty; `spacing`: mm a query slice stands for.
 */
export const localise = (
  similarities: Similarities,
  query: ArrayLike<number>,
  stack: ArrayLike<number>,
  spacing: number,
): Placed => {
  const { values, queries } = similarities
  const extent = query[queries - 1]! - query[0]!
  const band = bandOf(extent, medianGap(stack))
  const tried = placements(query, stack)
  const bounds = upperBounds(similarities, tried, query, stack, band)
  let best = { sum: Number.NEGATIVE_INFINITY, met: new Int32Array(0), placement: { offset: 0, scale: 1 } }
  for (let aligned = 0; aligned < maxAligned; aligned++) {
    // Of equal bounds the first: the scale nearest to 1.
    let next = 0
    for (let at = 1; at < bounds.length; at++) if (bounds[at]! > bounds[next]!) next = at
    // What cannot be better by more than rounding would not replace the best.
    if (!(bounds[next]! > best.sum + tolerance)) break
    bounds[next] = Number.NEGATIVE_INFINITY
    const placement = tried[next]!
    const found = align(similarities, bandsOf(placement, query, stack, spacing, band))
    if (found.sum > best.sum + tolerance) best = { ...found, placement }
  }
  const alignment = Array.from(best.met, (slice, i): [number, number, number] => [
    i,
    slice,
    slice < 0 ? 0 : values[slice * queries + i]!,
  ]).filter(([, slice]) => slice >= 0)
  const [from, to] = windowOf(best.placement, extent, spacing, stack)
  return { score: best.sum / queries, from: Math.max(0, from), to: Math.min(stack.length - 1, to), alignment }
}

/** Σ max over the stack's slices / n: late interaction as the benchmark has it; `bound` is never below `localise`'s score. */
export const lateInteraction = ({ values, queries }: Similarities): { score: number; bound: number } => {
  const best = new Float32Array(queries).fill(Number.NEGATIVE_INFINITY)
  for (let at = 0, query = 0; at < values.length; at++, query = query + 1 === queries ? 0 : query + 1) {
    if (values[at]! > best[query]!) best[query] = values[at]!
  }
  let [sum, positive] = [0, 0]
  for (const value of best) {
    sum += value
    positive += Math.max(0, value)
  }
  return { score: sum / queries, bound: positive / queries + tolerance }
}
