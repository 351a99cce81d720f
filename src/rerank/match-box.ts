// The query's box in the plane of a hit: found in the local grids of the aligned slices, then compared as a whole.
import { evenly } from "./evenly.ts"
import { findRectangle } from "./find-rectangle.ts"
import type { Kernel } from "./kernel.ts"
import { bodyRectangle, cellWeights, type Rectangle } from "./plane.ts"
import type { QueryVolume } from "./Reranker.ts"
import type { PlacedStack } from "./score-stack.ts"
import type { CachedStack, StackSource } from "./stack-cache.ts"

/** Aligned pairs whose grids are read: each is side² × dimension bytes from disk. */
const maxPairs = 24

export interface MatchedBox {
  readonly rectangle: Rectangle
  /** Mean centred cosine of the query's box vectors and the hit's pooled under the rectangle. */
  readonly score: number
}

/** Undefined when the stack's slices have no local vectors. */
export const matchBox = async (
  kernel: Kernel,
  source: StackSource,
  query: QueryVolume,
  mean: Float32Array,
  stack: CachedStack,
  placed: PlacedStack,
): Promise<MatchedBox | undefined> => {
  const { dimension, boxVectors, extent } = query
  const pairs = evenly(placed.alignment.length, maxPairs).flatMap((at) => {
    const [row, index] = placed.alignment[at]!
    const locals = source.locals(stack, index)
    const side = Math.sqrt(locals.length / dimension)
    const geometry = stack.headers[index]?.geometry
    const usable = geometry !== undefined && side >= 1 && Number.isInteger(side) && locals.some((value) => value !== 0)
    return usable ? [{ row, geometry, locals, side }] : []
  })
  const first = pairs[0]
  if (first === undefined) return undefined
  const { side } = first
  const cells = side * side
  const queries = new Float32Array(pairs.length * dimension)
  const locals = new Int8Array(pairs.length * cells * dimension)
  pairs.forEach((pair, at) => {
    queries.set(boxVectors.subarray(pair.row * dimension, (pair.row + 1) * dimension), at * dimension)
    locals.set(pair.locals, at * cells * dimension)
  })
  const similarities = await kernel.localSimilarities(queries, locals, mean)
  const maps = pairs.map(({ geometry: { view } }, at) => ({
    view,
    // Of all cells × queries the pair's own.
    cells: Float32Array.from({ length: cells }, (_, cell) => similarities[(at * cells + cell) * pairs.length + at]!),
  }))
  const rectangle = findRectangle(maps, side, extent, bodyRectangle(pairs[pairs.length >> 1]!.geometry))
  if (rectangle === undefined) return undefined
  const weights = new Float32Array(pairs.length * pairs.length * cells)
  pairs.forEach(({ geometry: { view } }, at) =>
    weights.set(cellWeights(view, side, rectangle), at * (pairs.length + 1) * cells),
  )
  const matched = await kernel.pooledSimilarities(queries, locals, weights, mean)
  return { rectangle, score: matched.reduce((sum, value) => sum + value, 0) / matched.length }
}
