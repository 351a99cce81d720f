// Drawn frames for the normaliser: what is drawn is given in patient mm, so that any orientation shows the same body.
import type { Vec3 } from "../../src/domain/slice.ts"
import type { DecodedFrame } from "../../src/normalise/prepare-slice.ts"

export type Cosines = DecodedFrame["ImageOrientationPatient"]

/** Modality value at a point of the patient, mm from the frame's centre along x, y, z (LPS). */
export type Body = (x: number, y: number, z: number) => number

export interface Drawing {
  readonly body: Body
  readonly cosines: Cosines
  readonly Rows?: number
  readonly Columns?: number
  /** mm between rows, mm between columns. */
  readonly spacing?: readonly [number, number]
  readonly centre?: Vec3
  readonly frame?: Partial<DecodedFrame>
}

export const axial: Cosines = [1, 0, 0, 0, 1, 0]

/** All eight ways in which the axes p and q can lie along rows and columns. */
export const turned = (p: Vec3, q: Vec3): ReadonlyArray<Cosines> =>
  [1, -1].flatMap((a) =>
    [1, -1].flatMap((b): ReadonlyArray<Cosines> => {
      const first: Vec3 = [p[0] * a + 0, p[1] * a + 0, p[2] * a + 0]
      const second: Vec3 = [q[0] * b + 0, q[1] * b + 0, q[2] * b + 0]
      return [
        [...first, ...second],
        [...second, ...first],
      ]
    }),
  )

export const draw = ({
  body,
  cosines,
  Rows = 128,
  Columns = 128,
  spacing = [2, 2],
  centre = [13, -40, 250],
  frame = {},
}: Drawing): DecodedFrame => {
  const [rowSpacing, columnSpacing] = spacing
  const { RescaleSlope = 1, RescaleIntercept = 0 } = frame
  const samples = new Int16Array(Rows * Columns)
  const offset = (column: number, row: number, axis: 0 | 1 | 2) =>
    cosines[axis] * (column - (Columns - 1) / 2) * columnSpacing +
    cosines[(axis + 3) as 3 | 4 | 5] * (row - (Rows - 1) / 2) * rowSpacing
  for (let row = 0; row < Rows; row++)
    for (let column = 0; column < Columns; column++) {
      const value = body(offset(column, row, 0), offset(column, row, 1), offset(column, row, 2))
      samples[row * Columns + column] = Math.round((value - RescaleIntercept) / RescaleSlope)
    }
  return {
    FrameNumber: 1,
    Rows,
    Columns,
    samples,
    Modality: "CT",
    PhotometricInterpretation: "MONOCHROME2",
    RescaleSlope,
    RescaleIntercept,
    ImagePositionPatient: [centre[0] + offset(0, 0, 0), centre[1] + offset(0, 0, 1), centre[2] + offset(0, 0, 2)],
    ImageOrientationPatient: cosines,
    PixelSpacing: spacing,
    SliceThickness: 5,
    ...frame,
  }
}

const ball =
  (centre: Vec3, radius: number) =>
  (...point: Vec3): boolean =>
    Math.hypot(point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]) <= radius

/** Where the bright mark lies from the body's centre: left, posterior and superior by different amounts. */
export const mark: Vec3 = [40, 25, 33]
const markAt = (x: number, y: number, z: number) => [
  ball([mark[0], mark[1], 0], 9)(x, y, z),
  ball([0, mark[1], mark[2]], 9)(x, y, z),
  ball([mark[0], 0, mark[2]], 9)(x, y, z),
]

/** A ball of soft tissue in air with a mark of bone in each of the three planes. */
export const markedBody: Body = (x, y, z) =>
  markAt(x, y, z).includes(true) ? 1200 : ball([0, 0, 0], 80)(x, y, z) ? 40 : -1000
