// The chosen slices as a query: their vectors, and the local vectors pooled over the region in each plane.
import { bodyRectangle, cellWeights, intersection, type Rectangle } from "../rerank/plane.ts"
import type { QueryVolume } from "../rerank/Reranker.ts"
import { medianGap } from "../rerank/windows.ts"
import type { StackMatrix } from "../vector-index/VectorIndex.ts"
import type { Chosen, ChosenSlice } from "./region-slices.ts"

/** A rectangle that covers so much of the body is the whole plane. */
const fullPlane = 0.9

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const areaOf = ({ left, right, top, bottom }: Rectangle) => Math.max(0, right - left) * Math.max(0, bottom - top)

/** Sum of the cells' vectors under the rectangle, at unit length; undefined when there is nothing under it. */
const pooled = ({ headers, locals }: StackMatrix, dimension: number, { index, rectangle }: ChosenSlice) => {
  const cells = locals.length / headers.length / dimension
  const weights = cellWeights(headers[index]!.geometry.view, Math.round(Math.sqrt(cells)), rectangle!)
  const sum = new Float32Array(dimension)
  weights.forEach((weight, cell) => {
    if (weight === 0) return
    const at = (index * cells + cell) * dimension
    for (let d = 0; d < dimension; d++) sum[d]! += weight * locals[at + d]!
  })
  const length = Math.hypot(...sum)
  return length === 0 ? undefined : sum.map((value) => value / length)
}

const boxVectorsOf = (stack: StackMatrix, dimension: number, slices: ReadonlyArray<ChosenSlice>): Float32Array => {
  const none = new Float32Array(0)
  if (stack.locals.length === 0 || slices.some(({ rectangle }) => rectangle === undefined)) return none
  const covered = slices.map(({ index, rectangle }) => {
    const body = bodyRectangle(stack.headers[index]!.geometry)
    return areaOf(intersection(rectangle!, body)) / areaOf(body)
  })
  if (median(covered) >= fullPlane) return none
  const vectors = slices.map((slice) => pooled(stack, dimension, slice))
  const filled = vectors.flatMap((vector, at) => (vector === undefined ? [] : [{ vector, at }]))
  if (filled.length === 0) return none
  const out = new Float32Array(slices.length * dimension)
  // A slice whose box lies outside what the model saw of it takes the nearest one's.
  slices.forEach((_, at) => {
    const nearest = filled.reduce((best, one) => (Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best))
    out.set(nearest.vector, at * dimension)
  })
  return out
}

/** Undefined when all of the slices are blank. */
export const queryVolumeOf = ({ stack, slices }: Chosen): QueryVolume | undefined => {
  const { headers, vectors } = stack
  const dimension = vectors.length / headers.length
  const seen = slices.filter(({ index }) => !headers[index]!.geometry.blank)
  if (seen.length === 0) return undefined
  const chosen = new Float32Array(seen.length * dimension)
  seen.forEach(({ index }, at) =>
    chosen.set(vectors.subarray(index * dimension, (index + 1) * dimension), at * dimension),
  )
  const boxVectors = boxVectorsOf(stack, dimension, seen)
  const sides = (of: (rectangle: Rectangle) => number) =>
    median(seen.flatMap(({ rectangle }) => (rectangle === undefined ? [] : [of(rectangle)])))
  const positions = headers.map(({ geometry }) => geometry.position)
  return {
    dimension,
    vectors: chosen,
    boxVectors,
    positions: Float32Array.from(seen, ({ index }) => positions[index]!),
    indices: Int32Array.from(seen, ({ index }) => index),
    spacing: medianGap(positions) || median(headers.map(({ geometry }) => geometry.SliceThickness)),
    extent:
      boxVectors.length === 0
        ? [0, 0]
        : [sides(({ left, right }) => right - left), sides(({ top, bottom }) => bottom - top)],
  }
}
