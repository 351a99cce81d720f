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
let cumulated = new Float64Array(0)
let line = new Float32Array(0)

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
  if (line.length !== size) line = new Float32Array(size)
  if (cumulated.length < Columns + 1) cumulated = new Float64Array(Columns + 1)
  plane.fill(0)
  const pad = padding ?? Number.NaN
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
  const perCell = 1 / (widthX * widthY)
  for (let row = fromRow; row < toRow; row++) {
    const offset = row * Columns
    let sum = 0
    cumulated[fromColumn] = 0
    for (let column = fromColumn; column < toColumn; column++) {
      const value = samples[offset + column]!
      // NaN compares false and becomes `low`.
      sum += (value === pad ? background : value > low ? (value < high ? value : high) : low) - background
      cumulated[column + 1] = sum
    }
    for (let x = 0; x < size; x++) {
      const from = Math.min(toColumn, Math.max(fromColumn, startX + x * stepX))
      const to = Math.min(toColumn, Math.max(fromColumn, startX + x * stepX + widthX))
      line[x] = at(to, toColumn) - at(from, toColumn)
    }
    const first = Math.max(0, Math.floor((row - startY - widthY) / stepY) + 1)
    const last = Math.min(size - 1, Math.ceil((row + 1 - startY) / stepY) - 1)
    for (let y = first; y <= last; y++) {
      const top = startY + y * stepY
      const weight = (Math.min(row + 1, top + widthY) - Math.max(row, top)) * perCell
      if (weight <= 0) continue
      const target = y * size
      for (let x = 0; x < size; x++) plane[target + x]! += line[x]! * weight
    }
  }
  return plane
}

/** Sum of the line's values up to an edge that may lie within a pixel. */
const at = (edge: number, end: number): number => {
  const whole = Math.min(edge | 0, end)
  const before = cumulated[whole]!
  return whole === end ? before : before + (cumulated[whole + 1]! - before) * (edge - whole)
}
