// A frame seen from afar: modality values of a grid of at most 128 × 128 cells, enough to find the body and its intensities.
import type { Samples } from "../domain/samples.ts"

export interface CoarseGrid {
  readonly columns: number
  readonly rows: number
  /** Stored pixels per cell. */
  readonly columnStep: number
  readonly rowStep: number
  /** Row by row; NaN where a cell holds only padding or no number. Valid until the next grid is made. */
  readonly values: Float32Array
}

const maxCells = 128
const scratch = new Float32Array(maxCells * maxCells)

/** Each cell averages up to four samples spread over it: more would cost as much as the resampling itself. */
export const coarseGrid = (
  samples: Samples,
  Rows: number,
  Columns: number,
  slope: number,
  intercept: number,
  padding: number | undefined,
): CoarseGrid => {
  const columnStep = Math.max(1, Math.ceil(Columns / maxCells))
  const rowStep = Math.max(1, Math.ceil(Rows / maxCells))
  const columns = Math.ceil(Columns / columnStep)
  const rows = Math.ceil(Rows / rowStep)
  const values = scratch.subarray(0, columns * rows)
  const halfColumn = columnStep >> 1
  const halfRow = rowStep >> 1
  const pad = padding ?? Number.NaN
  for (let row = 0; row < rows; row++) {
    const upper = row * rowStep * Columns
    const lower = Math.min(row * rowStep + halfRow, Rows - 1) * Columns
    for (let column = 0; column < columns; column++) {
      const left = column * columnStep
      const right = Math.min(left + halfColumn, Columns - 1)
      const a = samples[upper + left]!
      const b = samples[upper + right]!
      const c = samples[lower + left]!
      const d = samples[lower + right]!
      const all = a + b + c + d
      // Rejects NaN and infinities too.
      if (a !== pad && b !== pad && c !== pad && d !== pad && all - all === 0) {
        values[row * columns + column] = (all / 4) * slope + intercept
        continue
      }
      let sum = 0
      let count = 0
      for (let i = 0; i < 4; i++) {
        const value = i < 2 ? (i === 0 ? a : b) : i === 2 ? c : d
        if (value !== pad && value - value === 0) {
          sum += value
          count++
        }
      }
      values[row * columns + column] = count === 0 ? Number.NaN : (sum / count) * slope + intercept
    }
  }
  return { columns, rows, columnStep, rowStep, values }
}
