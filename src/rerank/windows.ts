// Where a query of a given extent may lie in a stack: offset and scale, and the slices each query slice may meet there.

/** A placement of the query: its first slice at `offset` mm, stretched by `scale`. */
export interface Placement {
  readonly offset: number
  readonly scale: number
}

/** Patients differ in size, and windows of the query's own size are tried first: an equal score keeps it. */
export const scales: ReadonlyArray<number> = [1, 0.87, 1.15, 0.75, 1.33, 0.65, 1.54]

/** Share of the query's extent by which a slice may lie off the straight line: organs do not scale evenly. */
const slack = 0.08

/** A placement that leaves more of the query's slices outside the stack is not tried. */
const leastInside = 0.5

export const medianGap = (positions: ArrayLike<number>): number => {
  const gaps = Float64Array.from({ length: positions.length - 1 }, (_, i) => positions[i + 1]! - positions[i]!).sort()
  return gaps[gaps.length >> 1] ?? 0
}

/** First index whose position is ≥ `mm`. */
export const lowerBound = (positions: ArrayLike<number>, mm: number): number => {
  let [low, high] = [0, positions.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (positions[middle]! < mm) low = middle + 1
    else high = middle
  }
  return low
}

/** Every way to lay the query into the stack: starting at a slice, or hanging over the first one and ending at a slice. */
export const placements = (query: ArrayLike<number>, stack: ArrayLike<number>): Array<Placement> => {
  const extent = query[query.length - 1]! - query[0]!
  const [first, last] = [stack[0]!, stack[stack.length - 1]!]
  const found: Array<Placement> = []
  for (const scale of extent === 0 ? [1] : scales) {
    const length = extent * scale
    for (let slice = 0; slice < stack.length; slice++) {
      const start = stack[slice]!
      // Beyond the end only as far as half of the query stays inside.
      if (start + length * leastInside <= last || slice === 0) found.push({ offset: start, scale })
      const hanging = stack[slice]! - length
      if (hanging < first && hanging + length * leastInside >= first) found.push({ offset: hanging, scale })
    }
  }
  return found
}

/** The window of a placement: slices from..to (both included; none when to < from), each a slice of the stretched query. */
export const windowOf = (
  { offset, scale }: Placement,
  extent: number,
  spacing: number,
  stack: ArrayLike<number>,
): readonly [from: number, to: number] => {
  // A query slice stands for half its spacing on either side; the bound itself belongs to the neighbour.
  const margin = Math.max(scale * spacing * 0.5 * 0.998, 1e-3)
  return [lowerBound(stack, offset - margin), lowerBound(stack, offset + extent * scale + margin) - 1]
}

/** Half the width, in mm, of the band of slices that a query slice may meet. */
export const bandOf = (extent: number, gap: number): number => Math.max(extent * slack, gap * 1.01)

/**
 * The slices a query slice at `target` mm may meet within from..to: those at most `band` mm away, or else the nearest while
 * `target` lies inside the stack. Empty (high < low) when it lies outside.
 */
export const meetable = (
  target: number,
  band: number,
  [from, to]: readonly [number, number],
  stack: ArrayLike<number>,
): readonly [low: number, high: number] => {
  const low = Math.max(from, lowerBound(stack, target - band))
  const high = Math.min(to, lowerBound(stack, target + band) - 1)
  if (low <= high || to < from || target < stack[0]! || target > stack[stack.length - 1]!) return [low, high]
  const after = Math.min(to, Math.max(from, lowerBound(stack, target)))
  const before = Math.max(from, after - 1)
  const nearest = Math.abs(target - stack[before]!) <= Math.abs(stack[after]! - target) ? before : after
  return [nearest, nearest]
}
