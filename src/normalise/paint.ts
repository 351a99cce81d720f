// Resampled values to RGB bytes, turned upright on the way.
import { air, ctWindows, type Range } from "./intensity.ts"
import type { Orientation } from "./orientation.ts"

/** Red, green and blue, from the lowest byte on, of 4096 steps from black to white; looked up, as three windows a pixel cost more to compute. */
export type Palette = Uint32Array

const steps = 4096

/** `range` is what the steps run over, each channel a window of it. */
const palette = (range: Range, channels: readonly [Range, Range, Range]): Palette => {
  const found = new Uint32Array(steps)
  const bytes = new Uint8ClampedArray(3)
  for (let step = 0; step < steps; step++) {
    const value = range.low + (step * (range.high - range.low)) / (steps - 1)
    for (const [i, { low, high }] of channels.entries()) bytes[i] = (255 * (value - low)) / (high - low)
    found[step] = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16)
  }
  return found
}

/** Hounsfield units that some window tells apart. */
export const ctRange: Range = { low: air, high: Math.max(...ctWindows.map(({ high }) => high)) }
export const ctPalette: Palette = palette(ctRange, ctWindows)
const unit: Range = { low: 0, high: 1 }
export const greyPalette: Palette = palette(unit, [unit, unit, unit])

/** `plane` holds size² values in stored order; scale × value + offset runs from 0, the palette's first colour, to 1, its last. */
export const paint = (
  plane: Float32Array,
  size: number,
  turn: Orientation,
  colours: Palette,
  scale: number,
  offset: number,
): Uint8Array => {
  const out = new Uint8Array(size * size * 3)
  const columnStride = (turn.transposed ? size : 1) * (turn.flipColumns ? -3 : 3)
  const rowStride = (turn.transposed ? 1 : size) * (turn.flipRows ? -3 : 3)
  const start = (columnStride < 0 ? -columnStride * (size - 1) : 0) + (rowStride < 0 ? -rowStride * (size - 1) : 0)
  const [perStep, first] = [scale * (steps - 1), offset * (steps - 1) + 0.5]
  for (let y = 0, from = 0; y < size; y++) {
    for (let x = 0, to = start + y * rowStride; x < size; x++, to += columnStride) {
      const step = plane[from++]! * perStep + first
      const colour = colours[step > 0 ? (step < steps ? step | 0 : steps - 1) : 0]!
      out[to] = colour
      out[to + 1] = colour >> 8
      out[to + 2] = colour >> 16
    }
  }
  return out
}
