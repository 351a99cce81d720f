// Which modality values become black and white: fixed windows in CT, percentiles of the slice elsewhere.
import type { BodyBox } from "./body-box.ts"
import type { CoarseGrid } from "./coarse-grid.ts"

export interface Range {
  readonly low: number
  readonly high: number
}

/** Red, green, blue of a CT slice in HU: soft tissue, lung, bone. */
export const ctWindows: readonly [Range, Range, Range] = [
  { low: -160, high: 240 },
  { low: -1350, high: 150 },
  { low: -500, high: 1300 },
]
/** Air; also what lies beyond the scanned field. */
export const air = -1024
/** Between air and soft tissue: skin is above, clothes, foam and the air of the lungs are below. */
export const bodyHounsfield = -350

const bins = new Uint32Array(1024)

/** Fills the bins with the finite values within the range and answers their number. */
const fill = ({ values, columns }: CoarseGrid, box: BodyBox | undefined, above: number, range: Range): number => {
  bins.fill(0)
  const scale = bins.length / (range.high - range.low)
  let count = 0
  const [left, right] = [box?.left ?? 0, box?.right ?? columns - 1]
  const [top, bottom] = [box?.top ?? 0, box?.bottom ?? values.length / columns - 1]
  for (let row = top; row <= bottom; row++) {
    for (let at = row * columns + left; at <= row * columns + right; at++) {
      const value = values[at]!
      if (value > above && value <= range.high && value >= range.low) {
        bins[Math.min(bins.length - 1, Math.trunc((value - range.low) * scale))]!++
        count++
      }
    }
  }
  return count
}

const quantile = (count: number, share: number, { low, high }: Range): number => {
  let left = count * share
  for (let bin = 0; bin < bins.length; bin++) {
    left -= bins[bin]!
    if (left <= 0) return low + ((bin + 0.5) * (high - low)) / bins.length
  }
  return high
}

const extremes = ({ values }: CoarseGrid): Range => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value < low) low = value
    if (value > high) high = value
  }
  return { low, high }
}

/** Values at 1 % and 99 % of the frame; undefined when it is constant or holds no numbers. */
export const frameRange = (grid: CoarseGrid): Range | undefined => {
  const whole = extremes(grid)
  // Where subtraction overflows, or nothing is left of it, there is no picture.
  if (!(whole.high - whole.low > 0) || !Number.isFinite(whole.high - whole.low)) return undefined
  let count = fill(grid, undefined, Number.NEGATIVE_INFINITY, whole)
  // A few stray values stretch the range until all others share a bin: look again without them.
  const narrowed = { low: whole.low, high: quantile(count, 0.999, whole) }
  const range =
    narrowed.high - narrowed.low < (whole.high - whole.low) / 8 && narrowed.high > narrowed.low ? narrowed : whole
  if (range !== whole) count = fill(grid, undefined, Number.NEGATIVE_INFINITY, range)
  const [low, high] = [quantile(count, 0.01, range), quantile(count, 0.99, range)]
  // A small bright part on an empty frame is less than 1 % of it.
  return high - low > (range.high - range.low) / 256 ? { low, high } : range
}

/** Black at the frame's floor, white at 99 % of the values above the threshold within the body's box. */
export const bodyRange = (grid: CoarseGrid, box: BodyBox, threshold: number, frame: Range): Range => {
  const wide = { low: frame.low, high: frame.low + (frame.high - frame.low) * 4 }
  const count = fill(grid, box, threshold, wide)
  return { low: frame.low, high: Math.max(quantile(count, 0.99, wide), frame.low + (frame.high - frame.low) / 4) }
}

/** Correlation of neighbouring cells: near 0 in noise, near 1 in anatomy. */
export const coherence = ({ values, columns, rows }: CoarseGrid, { low, high }: Range): number => {
  let [n, sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0, 0]
  const step = 1 / (high - low)
  for (let row = 0; row < rows; row++) {
    for (let at = row * columns; at < (row + 1) * columns - 1; at++) {
      const a = Math.min(1, Math.max(0, (values[at]! - low) * step))
      const b = Math.min(1, Math.max(0, (values[at + 1]! - low) * step))
      if (a - a !== 0 || b - b !== 0) continue
      n++
      sumA += a
      sumB += b
      sumAA += a * a
      sumBB += b * b
      sumAB += a * b
    }
  }
  const spread = Math.sqrt((n * sumAA - sumA * sumA) * (n * sumBB - sumB * sumB))
  return spread > 0 ? (n * sumAB - sumA * sumB) / spread : 0
}
