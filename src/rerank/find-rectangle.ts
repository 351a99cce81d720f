// Where in the plane a query's box fits best: similarity maps of aligned slices, averaged, searched by summed areas.
import type { View } from "../domain/slice.ts"
import { intersection, isEmpty, type Rectangle, viewRectangle } from "./plane.ts"

export interface CellMap {
  readonly view: View
  /** side × side cosines, row by row. */
  readonly cells: ArrayLike<number>
}

/** Raster points per cell of the grid. */
const fine = 4
/** Patients differ in size. */
const sizes = [1, 0.85, 1.18] as const

/** Cosine at a point of the slice, between cell centres; undefined beyond the view. */
const sampler = ({ view, cells }: CellMap, side: number) => {
  const seen = viewRectangle(view)
  const [cellWidth, cellHeight] = [(seen.right - seen.left) / side, (seen.bottom - seen.top) / side]
  const clamp = (value: number) => Math.min(side - 1, Math.max(0, value))
  return (u: number, v: number): number | undefined => {
    if (u < seen.left || u > seen.right || v < seen.top || v > seen.bottom) return undefined
    const [x, y] = [clamp((u - seen.left) / cellWidth - 0.5), clamp((v - seen.top) / cellHeight - 0.5)]
    const [column, row] = [Math.min(side - 2, Math.floor(x)), Math.min(side - 2, Math.floor(y))]
    if (side === 1) return cells[0]!
    const [p, q] = [x - column, y - row]
    const at = row * side + column
    return (
      (cells[at]! * (1 - p) + cells[at + 1]! * p) * (1 - q) +
      (cells[at + side]! * (1 - p) + cells[at + side + 1]! * p) * q
    )
  }
}

/**
 * The rectangle of about `extent` mm (right, down) inside `bounds` that stands out most: (mean inside − mean of all) × √area,
 * so that neither a lone bright cell nor sheer size wins. Undefined when no map reaches into `bounds`.
 */
export const findRectangle = (
  maps: ReadonlyArray<CellMap>,
  side: number,
  extent: readonly [number, number],
  bounds: Rectangle,
): Rectangle | undefined => {
  const middle = maps[maps.length >> 1]
  if (middle === undefined) return undefined
  const area = intersection(bounds, viewRectangle(middle.view))
  if (isEmpty(area)) return undefined
  const points = side * fine
  const [stepX, stepY] = [(area.right - area.left) / points, (area.bottom - area.top) / points]
  const samplers = maps.map((map) => sampler(map, side))
  // Summed areas: sums[(y) × (points + 1) + x] is the sum of all raster points above and left of (x, y).
  const width = points + 1
  const sums = new Float64Array(width * width)
  for (let y = 0; y < points; y++) {
    for (let x = 0; x < points; x++) {
      const [u, v] = [area.left + (x + 0.5) * stepX, area.top + (y + 0.5) * stepY]
      let [sum, votes] = [0, 0]
      for (const sample of samplers) {
        const value = sample(u, v)
        if (value === undefined) continue
        sum += value
        votes += 1
      }
      const at = (y + 1) * width + x + 1
      sums[at] = (votes === 0 ? 0 : sum / votes) + sums[at - 1]! + sums[at - width]! - sums[at - width - 1]!
    }
  }
  const mean = sums[sums.length - 1]! / (points * points)
  let best: { gain: number; rectangle: Rectangle } | undefined
  for (const size of sizes) {
    const wide = Math.min(points, Math.max(1, Math.round((extent[0] * size) / stepX)))
    const high = Math.min(points, Math.max(1, Math.round((extent[1] * size) / stepY)))
    for (let y = 0; y + high <= points; y++) {
      for (let x = 0; x + wide <= points; x++) {
        const [top, bottom] = [y * width, (y + high) * width]
        const inside = sums[bottom + x + wide]! - sums[bottom + x]! - sums[top + x + wide]! + sums[top + x]!
        const gain = (inside / (wide * high) - mean) * Math.sqrt(wide * high)
        if (best !== undefined && gain <= best.gain + 1e-9) continue
        const [left, above] = [area.left + x * stepX, area.top + y * stepY]
        const rectangle = { left, right: left + wide * stepX, top: above, bottom: above + high * stepY }
        best = { gain, rectangle }
      }
    }
  }
  return best?.rectangle
}
