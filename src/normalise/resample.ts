// A window of a frame brought to size × size values: each averages the stored pixels it covers.
import type { Samples } from "../domain/samples.ts"

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
let line = new Float32Array(0)
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
  clamp: Clamp,
): Float32Array => {
  if (plane.length !== size * size) plane = new Float32Array(size * size)
  if (cumulated.length < Columns + 2) cumulated = new Float32Array(Columns + 2)
  if (line.length !== size) line = new Float32Array(size)
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
  const values = line
  const target = plane
  const perCell = 1 / (widthX * widthY)
  const abutting = stepX >= 1 && stepY >= 1
  const sumUp = samples.BYTES_PER_ELEMENT <= 2 && isWhole(clamp) ? accumulateWhole : accumulate
  for (let row = fromRow; row < toRow; row++) {
    const first = Math.max(0, Math.floor((row - startY - widthY) / stepY) + 1)
    const last = Math.min(size - 1, Math.ceil((row + 1 - startY) / stepY) - 1)
    if (first > last) continue
    sumUp(samples, row * Columns, fromColumn, toColumn, clamp)
    if (abutting) {
      // A row ends in one value's stretch, or in one and the next.
      const end = startY + (first + 1) * stepY
      const upper = (Math.min(row + 1, end) - Math.max(row, startY + first * stepY)) * perCell
      const lower = last > first ? (row + 1 - end) * perCell : 0
      shareRow(target, first * size, size, upper, lower)
      continue
    }
    for (let x = 0; x < size; x++)
      values[x] = edge(sums, pixel[size + x]!, share[size + x]!) - edge(sums, pixel[x]!, share[x]!)
    for (let y = first; y <= last; y++) {
      const top = startY + y * stepY
      const weight = (Math.min(row + 1, top + widthY) - Math.max(row, top)) * perCell
      if (weight <= 0) continue
      const at = y * size
      for (let x = 0; x < size; x++) target[at + x]! += values[x]! * weight
    }
  }
  return plane
}

/** Adds a line to the row of values it lies in and, for the share `lower`, to the next: each value begins where the one before ends. */
const shareRow = (target: Float32Array, at: number, size: number, upper: number, lower: number): void => {
  const { pixel, share } = columns
  const sums = cumulated
  let before = edge(sums, pixel[0]!, share[0]!)
  if (lower > 0) {
    for (let x = 0; x < size; x++) {
      const after = edge(sums, pixel[size + x]!, share[size + x]!)
      const value = after - before
      before = after
      target[at + x]! += value * upper
      target[at + size + x] = value * lower
    }
  } else {
    for (let x = 0; x < size; x++) {
      const after = edge(sums, pixel[size + x]!, share[size + x]!)
      target[at + x]! += (after - before) * upper
      before = after
    }
  }
}

/** Then sums of 16-bit samples stay whole, and below 2³¹ for any frame a DICOM object can hold. */
const isWhole = ({ low, high, background }: Clamp): boolean =>
  Number.isInteger(low) && Number.isInteger(high) && Number.isInteger(background) && high - low <= 65_536

/** Sum of the line's values up to an edge within a pixel. */
const edge = (sums: Float32Array, pixel: number, share: number): number =>
  sums[pixel]! + (sums[pixel + 1]! - sums[pixel]!) * share

/**
 * Running sums of a line's values less the background, one more than there are pixels, the last one twice. NaN compares
 * false and becomes `low`. With whole numbers all along, each sum waits for one integer addition only.
 */
const accumulateWhole = (samples: Samples, offset: number, from: number, to: number, clamp: Clamp): void => {
  const sums = cumulated
  const [low, high, background] = [clamp.low | 0, clamp.high | 0, clamp.background | 0]
  const padding = clamp.padding ?? Number.NaN
  const padded = !Number.isNaN(padding)
  let sum = 0
  sums[from] = 0
  for (let column = from; column < to; column++) {
    const value = samples[offset + column]! | 0
    const clamped = value > low ? (value < high ? value : high) : low
    sum = (sum + (padded && value === padding ? 0 : clamped - background)) | 0
    sums[column + 1] = sum
  }
  sums[to + 1] = sum
}

const accumulate = (samples: Samples, offset: number, from: number, to: number, clamp: Clamp): void => {
  const sums = cumulated
  const { low, high, background } = clamp
  const padding = clamp.padding ?? Number.NaN
  let sum = 0
  sums[from] = 0
  for (let column = from; column < to; column++) {
    const value = samples[offset + column]!
    sum += value === padding ? 0 : (value > low ? (value < high ? value : high) : low) - background
    sums[column + 1] = sum
  }
  sums[to + 1] = sum
}
