// A slice's plane in the patient: rectangles in it, the cells of its local grid, and boxes around several slices.
import type { Box, SliceGeometry, Vec3, View } from "../domain/slice.ts"

/** mm from the patient origin along the view's right and down. Slices of a stack share these axes, whatever their crop. */
export interface Rectangle {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const length = (a: Vec3): number => Math.hypot(a[0], a[1], a[2]) || 1e-9
const scaled = (a: Vec3, by: number): Vec3 => [a[0] * by, a[1] * by, a[2] * by]
const plus = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]]

export interface Axes {
  readonly right: Vec3
  readonly down: Vec3
  /** mm per pixel of the model's input. */
  readonly step: readonly [number, number]
}

export const axesOf = ({ right, down }: View): Axes => ({
  right: scaled(right, 1 / length(right)),
  down: scaled(down, 1 / length(down)),
  step: [length(right), length(down)],
})

/** Unit normal along which the stack's positions grow. */
export const normalOf = ({ ImageOrientationPatient, ImagePositionPatient, position }: SliceGeometry): Vec3 => {
  const [a, b, c, d, e, f] = ImageOrientationPatient
  const cross: Vec3 = [b * f - c * e, c * d - a * f, a * e - b * d]
  const normal = scaled(cross, 1 / length(cross))
  const along = dot(normal, ImagePositionPatient)
  return Math.abs(along - position) <= Math.abs(along + position) ? normal : scaled(normal, -1)
}

export const around = (points: Iterable<Vec3>, { right, down }: Axes): Rectangle => {
  let [l, r, t, b] = [Infinity, -Infinity, Infinity, -Infinity]
  for (const point of points) {
    const [u, v] = [dot(point, right), dot(point, down)]
    ;[l, r, t, b] = [Math.min(l, u), Math.max(r, u), Math.min(t, v), Math.max(b, v)]
  }
  return { left: l, right: r, top: t, bottom: b }
}

/** Pixel edges of what the model saw. */
export const viewRectangle = ({ origin, size, ...view }: View): Rectangle => {
  const { right, down, step } = axesOf({ origin, size, ...view })
  const [u, v] = [dot(origin, right) - step[0] / 2, dot(origin, down) - step[1] / 2]
  return { left: u, right: u + size * step[0], top: v, bottom: v + size * step[1] }
}

/** Pixel edges of the stored image. */
export const imageRectangle = (geometry: SliceGeometry): Rectangle => {
  const { ImagePositionPatient, ImageOrientationPatient, PixelSpacing, Rows, Columns, view } = geometry
  const [a, b, c, d, e, f] = ImageOrientationPatient
  const at = (column: number, row: number): Vec3 =>
    plus(
      ImagePositionPatient,
      plus(scaled([a, b, c], column * PixelSpacing[1]), scaled([d, e, f], row * PixelSpacing[0])),
    )
  return around([at(-0.5, -0.5), at(Columns - 0.5, Rows - 0.5)], axesOf(view))
}

/** Empty (right < left or bottom < top) when they do not meet. */
export const intersection = (a: Rectangle, b: Rectangle): Rectangle => ({
  left: Math.max(a.left, b.left),
  right: Math.min(a.right, b.right),
  top: Math.max(a.top, b.top),
  bottom: Math.min(a.bottom, b.bottom),
})

export const isEmpty = ({ left, right, top, bottom }: Rectangle): boolean => !(right > left && bottom > top)

/** The body as the model saw it: the view, less what lies beyond the image. */
export const bodyRectangle = (geometry: SliceGeometry): Rectangle => {
  const both = intersection(viewRectangle(geometry.view), imageRectangle(geometry))
  return isEmpty(both) ? imageRectangle(geometry) : both
}

/** Point of the slice's plane at u, v. */
const pointAt = ({ origin }: View, { right, down }: Axes, u: number, v: number): Vec3 =>
  plus(origin, plus(scaled(right, u - dot(origin, right)), scaled(down, v - dot(origin, down))))

/** Share of each cell of a side × side grid that the rectangle covers, row by row. */
export const cellWeights = (view: View, side: number, rectangle: Rectangle): Float32Array => {
  const seen = viewRectangle(view)
  const overlaps = (from: number, to: number, start: number, cell: number) =>
    Array.from({ length: side }, (_, i) =>
      Math.max(0, (Math.min(to, start + (i + 1) * cell) - Math.max(from, start + i * cell)) / cell),
    )
  const across = overlaps(rectangle.left, rectangle.right, seen.left, (seen.right - seen.left) / side)
  const down = overlaps(rectangle.top, rectangle.bottom, seen.top, (seen.bottom - seen.top) / side)
  return Float32Array.from({ length: side * side }, (_, cell) => across[cell % side]! * down[Math.floor(cell / side)]!)
}

/** Axis-aligned box (LPS mm) around a rectangle in each slice, with half a thickness beyond the first and last. */
export const boxAround = (
  slices: ReadonlyArray<{ readonly geometry: SliceGeometry; readonly rectangle: Rectangle }>,
): Box => {
  const min: [number, number, number] = [Infinity, Infinity, Infinity]
  const max: [number, number, number] = [-Infinity, -Infinity, -Infinity]
  slices.forEach(({ geometry, rectangle: { left, right, top, bottom } }, at) => {
    const axes = axesOf(geometry.view)
    const normal = normalOf(geometry)
    const half = geometry.SliceThickness / 2
    const ends = [...(at === 0 ? [-half] : []), 0, ...(at === slices.length - 1 ? [half] : [])]
    for (const u of [left, right]) {
      for (const v of [top, bottom]) {
        for (const beyond of ends) {
          const point = plus(pointAt(geometry.view, axes, u, v), scaled(normal, beyond))
          for (const axis of [0, 1, 2] as const) {
            min[axis] = Math.min(min[axis], point[axis])
            max[axis] = Math.max(max[axis], point[axis])
          }
        }
      }
    }
  })
  return { min, max }
}
