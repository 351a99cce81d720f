// The vectors of every volume as the gateway's journal holds them, in the planes of the file.
import { openJournalReader, type JournalReaderOptions } from "../vector-index/journal-reader.ts"
import { SeriesInstanceUID } from "../domain/uid.ts"
import type { Known } from "./eligible.ts"

export interface Embedded extends Known {
  /** Journal row → plane number k of the file. Blank slices have no row: they have no vote. */
  readonly planes: Int32Array
  /** Index of each row in its stack, as hits count: blank slices too. */
  readonly indices: Int32Array
  /** rows × dimension, unit length, in patient order. */
  readonly vectors: Float32Array
  /** mm along the stack, per row. */
  readonly positions: Float64Array
  readonly dimension: number
}

/** Volumes without any vector are left out. Of a series with several stacks the largest counts. */
export const readEmbedded = (
  options: JournalReaderOptions,
  collection: ReadonlyArray<Known>,
): ReadonlyArray<Embedded> => {
  const { dimension } = options
  const reader = openJournalReader(options)
  try {
    return collection.flatMap(({ volume, truth }) => {
      const series = SeriesInstanceUID.make(truth.SeriesInstanceUID)
      const largest = reader.stacksOf(series)[0]
      const stack = largest && reader.readStack(series, largest.stack)
      if (stack === undefined) return []
      const planeOf = new Map<string, number>(truth.SOPInstanceUID.map((uid, k) => [uid, k]))
      const rows = stack.headers.flatMap(({ instance, geometry }, row) => {
        const plane = planeOf.get(instance.SOPInstanceUID)
        return plane === undefined || geometry.blank ? [] : [{ row, plane, position: geometry.position }]
      })
      const vectors = new Float32Array(rows.length * dimension)
      rows.forEach(({ row }, at) =>
        vectors.set(stack.vectors.subarray(row * dimension, (row + 1) * dimension), at * dimension),
      )
      return [
        {
          volume,
          truth,
          vectors,
          dimension,
          planes: Int32Array.from(rows, ({ plane }) => plane),
          indices: Int32Array.from(rows, ({ row }) => row),
          positions: Float64Array.from(rows, ({ position }) => position),
        },
      ]
    })
  } finally {
    reader.close()
  }
}
