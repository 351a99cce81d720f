// The square cut from the frame, and where each pixel of the model input lies in the patient.
import type { SliceGeometry, Vec3, View } from "../domain/slice.ts"
import type { BodyBox } from "./body-box.ts"
import type { CoarseGrid } from "./coarse-grid.ts"
import type { Orientation } from "./orientation.ts"
import type { Span } from "./resample.ts"

type Placed = Pick<
  SliceGeometry,
  "Rows" | "Columns" | "PixelSpacing" | "ImagePositionPatient" | "ImageOrientationPatient"
>

/** Of the body's longer side, kept free on either end. */
const margin = 0.04

const vector = (of: (axis: 0 | 1 | 2) => number): Vec3 => [of(0), of(1), of(2)]

/** The square to show, as spans of stored columns and rows. */
export const crop = (frame: Placed, grid: CoarseGrid, body: BodyBox | undefined): readonly [Span, Span] => {
  const { Rows, Columns } = frame
  const [rowSpacing, columnSpacing] = frame.PixelSpacing
  const left = (body?.left ?? 0) * grid.columnStep
  const right = Math.min(Columns, ((body?.right ?? grid.columns) + 1) * grid.columnStep)
  const top = (body?.top ?? 0) * grid.rowStep
  const bottom = Math.min(Rows, ((body?.bottom ?? grid.rows) + 1) * grid.rowStep)
  const longer = Math.max((right - left) * columnSpacing, (bottom - top) * rowSpacing)
  // The crown of a head, a toe: not blown up to fill the picture.
  const least = Math.min(Columns * columnSpacing, Rows * rowSpacing) / 3
  const side = body === undefined ? longer : Math.max(longer * (1 + 2 * margin), least)
  const span = (from: number, to: number, mm: number): Span => ({
    start: (from + to - side / mm - 1) / 2,
    length: side / mm,
  })
  return [span(left, right, columnSpacing), span(top, bottom, rowSpacing)]
}

export const viewOf = (frame: Placed, turn: Orientation, across: Span, down: Span, size: number): View => {
  const [rowSpacing, columnSpacing] = frame.PixelSpacing
  const cosines = frame.ImageOrientationPatient
  const ends = (span: Span, flip: boolean, mm: number) => {
    const step = span.length / size
    const first = flip ? span.start + span.length - step / 2 : span.start + step / 2
    return { first: first * mm, step: flip ? -step * mm : step * mm }
  }
  const alongColumns = ends(across, turn.flipColumns, columnSpacing)
  const alongRows = ends(down, turn.flipRows, rowSpacing)
  const stepColumns = vector((i) => cosines[i] * alongColumns.step)
  const stepRows = vector((i) => cosines[(i + 3) as 3 | 4 | 5] * alongRows.step)
  return {
    origin: vector(
      (i) =>
        frame.ImagePositionPatient[i] +
        cosines[i] * alongColumns.first +
        cosines[(i + 3) as 3 | 4 | 5] * alongRows.first,
    ),
    right: turn.transposed ? stepRows : stepColumns,
    down: turn.transposed ? stepColumns : stepRows,
    size,
  }
}
