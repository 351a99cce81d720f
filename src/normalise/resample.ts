// A window of a frame brought to size × size values: each averages the stored pixels it covers.
import type { Samples } from "./coarse-grid.ts"

/** Stretch of one axis in stored pixels; pixel i covers [i − ½, i + ½]. */
export interface Span {
  readonly start: number
  readonly length: number
}

/** Values outside [low, high] are clamped, padding and whatever lies beyond the frame is `background`; all in stored units. */
export interface Clamp {
  readonly low: number
  readonly high: number
  readonly background: number
  readonly padding: number | undefined
}

let plane = new Float32Array(0)
let cumulated = new Float32Array(0)
let columns: Edges = { pixel: new Int32Array(0), share: new Float32Array(0) }

/** Where each value's stretch of the line begins and, in the second half, ends: a pixel and the share of it that lies before. */
interface Edges {
  readonly pixel: Int32Array
  readonly share: Float32Array
}

const findEdges = (start: number, step: number, width: number, size: number, from: number, to: number): void => {
  if (columns.pixel.length !== size * 2)
    columns = { pixel: new Int32Array(size * 2), share: new Float32Array(size * 2) }
  for (let x = 0; x < size * 2; x++) {
    const edge = x < size ? start + x * step : start + (x - size) * step + width
    const within = Math.min(to, Math.max(from, edge))
    columns.pixel[x] = Math.floor(within)
    columns.share[x] = within - Math.floor(within)
  }
}

/**
 * Exact area average where the window is shrunk; where it is enlarged each value averages one stored pixel's area
 * around its centre, which is linear interpolation. Answers size × size values, row by row in stored order, less the
 * background; valid until the next call.
 */
export const resample = (
  samples: Samples,
  Rows: number,
  Columns: number,
  across: Span,
  down: Span,
  size: number,
  { low, high, background, padding }: Clamp,
): Float32Array => {
  if (plane.length !== size * size) plane = new Float32Array(size * size)
  if (cumulated.length < Columns + 2) cumulated = new Float32Array(Columns + 2)
  plane.fill(0)
  // Edges from here on are measured from the first pixel's outer edge.
  const stepX = across.length / size
  const widthX = Math.max(stepX, 1)
  const startX = across.start + 0.5 + (stepX - widthX) / 2
  const stepY = down.length / size
  const widthY = Math.max(stepY, 1)
  const startY = down.start + 0.5 + (stepY - widthY) / 2
  const fromColumn = Math.min(Columns, Math.max(0, Math.floor(startX)))
  const toColumn = Math.min(Columns, Math.max(fromColumn, Math.ceil(startX + (size - 1) * stepX + widthX)))
  const fromRow = Math.min(Rows, Math.max(0, Math.floor(startY)))
  const toRow = Math.min(Rows, Math.max(fromRow, Math.ceil(startY + (size - 1) * stepY + widthY)))
  findEdges(startX, stepX, widthX, size, fromColumn, toColumn)
  const { pixel, share } = columns
  const sums = cumulated
  const target = plane
  const perCell = 1 / (widthX * widthY)
  const abutting = stepX >= 1
  for (let row = fromRow; row < toRow; row++) {
    const first = Math.max(0, Math.floor((row - startY - widthY) / stepY) + 1)
    const last = Math.min(size - 1, Math.ceil((row + 1 - startY) / stepY) - 1)
    if (first > last) continue
    accumulate(samples, row * Columns, fromColumn, toColumn, low, high, background, padding ?? Number.NaN)
    for (let y = first; y <= last; y++) {
      const top = startY + y * stepY
      const weight = (Math.min(row + 1, top + widthY) - Math.max(row, top)) * perCell
      if (weight <= 0) continue
      const at = y * size
      if (abutting) {
        // Each value begins where the one before ends.
        let before = edge(sums, pixel[0]!, share[0]!)
        for (let x = 0; x < size; x++) {
          const after = edge(sums, pixel[size + x]!, share[size + x]!)
          target[at + x]! += (after - before) * weight
          before = after
        }
      } else {
        for (let x = 0; x < size; x++) {
          const before = edge(sums, pixel[x]!, share[x]!)
          target[at + x]! += (edge(sums, pixel[size + x]!, share[size + x]!) - before) * weight
        }
      }
    }
  }
  return plane
}

/** Sum of the line's values up to an edge within a pixel. */
const edge = (sums: Float32Array, pixel: number, share: number): number =>
  sums[pixel]! + (sums[pixel + 1]! - sums[pixel]!) * share

/** Running sums of a line's values less the background, one more than there are pixels, the last one twice. */
const accumulate = (
  samples: Samples,
  offset: number,
  from: number,
  to: number,
  low: number,
  high: number,
  background: number,
  padding: number,
): void => {
  const sums = cumulated
  let sum = 0
  sums[from] = 0
  for (let column = from; column < to; column++) {
    const value = samples[offset + column]!
    // NaN compares false and becomes `low`.
    sum += (value === padding ? background : value > low ? (value < high ? value : high) : low) - background
    sums[column + 1] = sum
  }
  sums[to + 1] = sum
}
