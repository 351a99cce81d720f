// Embedded slices checked and packed for the index thread: a few large buffers instead of many small ones.
import * as Effect from "effect/Effect"
import type { EmbeddedSlice } from "../domain/slice.ts"
import type { PackedSlices } from "./journal.ts"
import { VectorIndexError } from "./VectorIndex.ts"

/** What half precision and a model's own rounding may cost. */
const lengthTolerance = 1e-2

const complaint = ({ vector, locals }: EmbeddedSlice, dimension: number, gridSize: number): string | undefined => {
  if (vector.length !== dimension) return `the vector has ${vector.length} values, not ${dimension}`
  if (locals.length !== 0 && locals.length !== gridSize * gridSize * dimension)
    return `there are ${locals.length} local values, not ${gridSize}² × ${dimension}`
  let square = 0
  for (let i = 0; i < dimension; i++) square += (vector[i] ?? Number.NaN) ** 2
  // NaN and infinity fail as well.
  return Math.abs(Math.sqrt(square) - 1) <= lengthTolerance
    ? undefined
    : `the vector's length is ${Math.sqrt(square)}, not 1`
}

/** Copies, so that buffers can be transferred. Fails with reason `dimension` on the first slice that does not fit. */
export const packSlices = (
  slices: ReadonlyArray<EmbeddedSlice>,
  dimension: number,
  gridSize: number,
): Effect.Effect<PackedSlices, VectorIndexError> =>
  Effect.suspend(() => {
    const wrong = slices.map((slice) => complaint(slice, dimension, gridSize)).find((text) => text !== undefined)
    if (wrong !== undefined) return Effect.fail(new VectorIndexError({ reason: "dimension", cause: new Error(wrong) }))
    const vectors = new Float32Array(slices.length * dimension)
    const localLengths = Int32Array.from(slices, ({ locals }) => locals.length)
    const locals = new Int8Array(localLengths.reduce((sum, length) => sum + length, 0))
    let at = 0
    slices.forEach((slice, row) => {
      vectors.set(slice.vector, row * dimension)
      locals.set(slice.locals, at)
      at += slice.locals.length
    })
    const headers = slices.map(({ instance, FrameNumber, geometry }) =>
      JSON.stringify({ instance, FrameNumber, geometry }),
    )
    return Effect.succeed({ headers, vectors, localLengths, locals })
  })
