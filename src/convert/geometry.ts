// NIfTI's voxel-to-RAS affine as DICOM's image plane: no voxel moves, only the words change.

/** Rows of a 3 × 4 matrix: voxel indices (i, j, k, 1) to mm. */
export type Affine = readonly [Row, Row, Row]
type Row = readonly [number, number, number, number]
type Vec3 = readonly [number, number, number]

/** Where the planes of constant k lie in the patient (LPS mm, PS3.3 §C.7.6.2.1.1): i runs along a row, j down a column. */
export interface StackGeometry {
  /** Direction cosines: of a row (i), then of a column (j). */
  readonly ImageOrientationPatient: readonly [...Vec3, ...Vec3]
  /** mm between rows (j), mm between columns (i). */
  readonly PixelSpacing: readonly [number, number]
  /** mm between planes, along their normal. */
  readonly SliceThickness: number
  readonly ImagePositionPatient: (k: number) => Vec3
}

const length = (v: Vec3) => Math.hypot(v[0], v[1], v[2])
const scale = (v: Vec3, by: number): Vec3 => [v[0] * by, v[1] * by, v[2] * by]
const dot = (a: Vec3, b: Vec3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
]

/** The column of the affine in LPS: RAS and LPS differ in the sign of the first two axes. */
const column = (affine: Affine, index: 0 | 1 | 2 | 3): Vec3 => [-affine[0][index], -affine[1][index], affine[2][index]]

/** A sentence instead of a geometry when the planes are degenerate, or sheared in themselves, which DICOM cannot say. */
export const stackGeometry = (affine: Affine): StackGeometry | string => {
  const [i, j, k, origin] = [column(affine, 0), column(affine, 1), column(affine, 2), column(affine, 3)]
  if (![...i, ...j, ...k, ...origin].every((value) => Number.isFinite(value) && Math.abs(value) < 1e6)) {
    return "its affine holds values that are no millimetres"
  }
  const [columnSpacing, rowSpacing] = [length(i), length(j)]
  if (columnSpacing < 1e-6 || rowSpacing < 1e-6) return "its affine is singular"
  const [right, down] = [scale(i, 1 / columnSpacing), scale(j, 1 / rowSpacing)]
  if (Math.abs(dot(right, down)) > 1e-3) return "its affine shears the image plane"
  const thickness = Math.abs(dot(k, cross(right, down)))
  if (thickness < 1e-6) return "its affine is singular"
  return {
    ImageOrientationPatient: [...right, ...down],
    PixelSpacing: [rowSpacing, columnSpacing],
    SliceThickness: thickness,
    ImagePositionPatient: (n) => [origin[0] + n * k[0], origin[1] + n * k[1], origin[2] + n * k[2]],
  }
}
