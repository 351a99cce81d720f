// How a frame lies in the patient: the anatomical plane it is nearest to, how to turn it upright, its stack and its place in it.
import type { SliceGeometry, Vec3 } from "../domain/slice.ts"

export type Plane = "axial" | "sagittal" | "coronal"

export interface Orientation {
  readonly plane: Plane
  /** Whether the upright picture's columns run along the stored frame's rows. */
  readonly transposed: boolean
  /** Whether stored columns, then stored rows, run against the upright picture. */
  readonly flipColumns: boolean
  readonly flipRows: boolean
  /** Unit normal that points to superior (axial), left (sagittal) or posterior (coronal). */
  readonly normal: Vec3
}

/** LPS axis and sign of right and down, as each plane is read; the axis the plane's normal is nearest to. */
const upright = {
  sagittal: { normal: 0, right: [1, 1], down: [2, -1] },
  coronal: { normal: 1, right: [0, 1], down: [2, -1] },
  axial: { normal: 2, right: [0, 1], down: [1, 1] },
} as const

/** Scanners write slightly other cosines from slice to slice: decisions are taken on hundredths. */
const rounded = (value: number): number => Math.round(value * 100) / 100 + 0

export const orientationOf = (cosines: SliceGeometry["ImageOrientationPatient"]): Orientation => {
  const [a, b, c, d, e, f] = cosines
  const cross: Vec3 = [b * f - c * e, c * d - a * f, a * e - b * d]
  const length = Math.hypot(...cross) || 1
  const [x, y, z] = cross.map((value) => Math.abs(rounded(value / length))) as [number, number, number]
  const plane: Plane = z >= x && z >= y ? "axial" : x >= y ? "sagittal" : "coronal"
  const { right, down, normal: axis } = upright[plane]
  const row = cosines.slice(0, 3).map(rounded) as [number, number, number]
  const column = cosines.slice(3).map(rounded) as [number, number, number]
  const straight = Math.abs(row[right[0]]) + Math.abs(column[down[0]])
  const crossed = Math.abs(column[right[0]]) + Math.abs(row[down[0]])
  const transposed = crossed > straight
  const [alongRow, alongColumn] = transposed ? [down, right] : [right, down]
  const sign = cross[axis] < 0 ? -1 / length : 1 / length
  return {
    plane,
    transposed,
    flipColumns: row[alongRow[0]] * alongRow[1] < 0,
    flipRows: column[alongColumn[0]] * alongColumn[1] < 0,
    normal: [cross[0] * sign, cross[1] * sign, cross[2] * sign],
  }
}

type Layout = Pick<SliceGeometry, "ImageOrientationPatient" | "Rows" | "Columns" | "PixelSpacing">

/** Equal for frames that form one volume: orientation to 0.01, spacing to a micrometre. */
export const stackOf = ({ ImageOrientationPatient, Rows, Columns, PixelSpacing }: Layout): string =>
  `${ImageOrientationPatient.map(rounded).join(",")};${Rows}x${Columns};${PixelSpacing.map((mm) => mm.toFixed(3)).join(",")}`
