// The query's box in the plane of a hit: found in the local grids of the aligned slices, then compared as a whole.
import type { SliceHeader } from "../domain/slice.ts"
import { evenly } from "./evenly.ts"
import { findRectangle } from "./find-rectangle.ts"
import type { Kernel } from "./kernel.ts"
import { bodyRectangle, cellWeights, type Rectangle } from "./plane.ts"
import type { QueryVolume } from "./Reranker.ts"
import type { PlacedStack } from "./score-stack.ts"
import type { StackSource } from "./stack-cache.ts"

/** Aligned pairs whose grids are read: each is side² × dimension bytes from disk. */
const maxPairs = 16

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
  /** Of the window's slices. */
  headers: ReadonlyArray<SliceHeader>,
  sequences: Float64Array,
  placed: PlacedStack,
): Promise<MatchedBox | undefined> => {
  const { dimension, boxVectors, extent } = query
  const met = evenly(placed.alignment.length, maxPairs).map((at) => placed.alignment[at]!)
  const grids = source.locals(Float64Array.from(met, ([, index]) => sequences[index - placed.from]!))
  const pairs = met.flatMap(([row, index], at) => {
    const locals = grids[at] ?? new Int8Array(0)
    const side = Math.sqrt(locals.length / dimension)
    const geometry = headers[index - placed.from]?.geometry
    const usable = geometry !== undefined && side >= 1 && Number.isInteger(side)
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
