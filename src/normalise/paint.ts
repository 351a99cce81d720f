// Resampled values to RGB bytes, turned upright on the way.
import type { Range } from "./intensity.ts"
import type { Orientation } from "./orientation.ts"

interface Scale {
  readonly scale: number
  readonly offset: number
}

/** `plane` holds stored units less their background, in stored order; value = slope × plane + offset. */
export const paint = (
  plane: Float32Array,
  size: number,
  turn: Orientation,
  channels: readonly [Range, Range, Range],
  slope: number,
  offset: number,
): Uint8Array => {
  const out = new Uint8ClampedArray(size * size * 3)
  const [red, green, blue] = channels.map(({ low, high }) => {
    const scale = 255 / (high - low)
    return { scale: slope * scale, offset: (offset - low) * scale }
  }) as [Scale, Scale, Scale]
  const one = channels[0] === channels[1]
  const columnStride = (turn.transposed ? size : 1) * (turn.flipColumns ? -3 : 3)
  const rowStride = (turn.transposed ? 1 : size) * (turn.flipRows ? -3 : 3)
  const start = (columnStride < 0 ? -columnStride * (size - 1) : 0) + (rowStride < 0 ? -rowStride * (size - 1) : 0)
  for (let y = 0, from = 0; y < size; y++) {
    for (let x = 0, to = start + y * rowStride; x < size; x++, to += columnStride) {
      const value = plane[from++]!
      if (one) out[to] = out[to + 1] = out[to + 2] = value * red.scale + red.offset
      else {
        out[to] = value * red.scale + red.offset
        out[to + 1] = value * green.scale + green.offset
        out[to + 2] = value * blue.scale + blue.offset
      }
    }
  }
  return new Uint8Array(out.buffer)
}
