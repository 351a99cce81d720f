// Real-world values as the 16-bit integers that CT and MR images store (PS3.3 §C.11.1).
import type { NiftiVolume } from "./nifti.ts"

export interface StoredValues {
  readonly PixelRepresentation: 0 | 1
  readonly RescaleSlope: number
  readonly RescaleIntercept: number
  /** Smallest and largest real value of the volume; 0 and 0 where none is finite. */
  readonly range: readonly [number, number]
  /** Stored values of plane k, a row after the other. */
  readonly plane: (k: number) => Int16Array<ArrayBuffer> | Uint16Array<ArrayBuffer>
}

const within = (low: number, high: number, [min, max]: readonly [number, number]) => min >= low && max <= high

/**
 * Integers that fit are stored as they are; everything else is spread over 16 bits, off by at most half
 * a step. A voxel that is not a finite number becomes the smallest value: background, in CT and MR alike.
 */
export const storedValues = ({ shape, voxels, slope, intercept }: NiftiVolume): StoredValues => {
  let [min, max, whole] = [Infinity, -Infinity, true]
  for (let n = 0; n < voxels.length; n++) {
    const value = voxels[n]!
    if (!Number.isFinite(value)) continue
    if (value < min) min = value
    if (value > max) max = value
    if (whole && !Number.isInteger(value)) whole = false
  }
  if (min > max) [min, max] = [0, 0]
  const raw = [min, max] as const
  const size = shape[0] * shape[1]
  const exact = whole && (within(-32768, 32767, raw) || within(0, 65535, raw))
  const signed = !exact || within(-32768, 32767, raw)
  const step = exact ? 1 : (max - min) / 65535 || 1
  const offset = exact ? 0 : min + 32768 * step
  const ends = [min * slope + intercept, max * slope + intercept]
  return {
    PixelRepresentation: signed ? 1 : 0,
    RescaleSlope: step * slope,
    RescaleIntercept: offset * slope + intercept,
    range: [Math.min(...ends), Math.max(...ends)],
    plane: (k) => {
      const stored = signed ? new Int16Array(size) : new Uint16Array(size)
      for (let n = 0; n < size; n++) {
        const value = voxels[k * size + n]!
        const finite = Number.isFinite(value) ? value : min
        stored[n] = exact ? finite : Math.min(32767, Math.max(-32768, Math.round((finite - offset) / step)))
      }
      return stored
    },
  }
}
