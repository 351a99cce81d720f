// Where in the frame the body is: the large connected parts above a threshold, without table, holders and specks.
import type { CoarseGrid } from "./coarse-grid.ts"

/** In cells of the grid; ends included. */
export interface BodyBox {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  /** Cells of the body. */
  readonly cells: number
}

export interface Thickness {
  /** Parts thinner than so many cells across, or down, are no body. */
  readonly across: number
  readonly down: number
}

const maxCells = 128 * 128
const mask = new Uint8Array(maxCells)
const pending = new Int32Array(maxCells)

/** Clears runs shorter than `shortest` along lines of `length` cells `step` apart. */
const clearShortRuns = (start: number, length: number, step: number, shortest: number): void => {
  let run = 0
  for (let i = 0, at = start; i <= length; i++, at += step) {
    if (i < length && mask[at] === 1) run++
    else {
      if (run < shortest) for (let back = at - step; run > 0; run--, back -= step) mask[back] = 0
      run = 0
    }
  }
}

/** Visits the part that holds `seed`, clears it from the mask and answers its box. */
const take = (seed: number, columns: number, rows: number): BodyBox => {
  let [left, right, top, bottom, cells, open] = [columns, -1, rows, -1, 0, 0]
  const push = (at: number): void => {
    if (mask[at] !== 1) return
    mask[at] = 2
    pending[open++] = at
  }
  push(seed)
  while (open > 0) {
    const at = pending[--open]!
    const row = Math.trunc(at / columns)
    const column = at - row * columns
    cells++
    if (column < left) left = column
    if (column > right) right = column
    if (row < top) top = row
    if (row > bottom) bottom = row
    if (column > 0) push(at - 1)
    if (column < columns - 1) push(at + 1)
    if (row > 0) push(at - columns)
    if (row < rows - 1) push(at + columns)
  }
  return { left, right, top, bottom, cells }
}

const join = (a: BodyBox, b: BodyBox): BodyBox => ({
  left: Math.min(a.left, b.left),
  right: Math.max(a.right, b.right),
  top: Math.min(a.top, b.top),
  bottom: Math.max(a.bottom, b.bottom),
  cells: a.cells + b.cells,
})

/** A part belongs to the body when it has this share of the largest one: both legs do, arms beside the trunk do not. */
const pairShare = 0.35

/** Undefined when nothing large enough lies above the threshold. */
export const bodyBox = (
  { values, columns, rows }: CoarseGrid,
  threshold: number,
  thickness: Thickness,
  minCells: number,
): BodyBox | undefined => {
  for (let i = 0; i < values.length; i++) mask[i] = values[i]! > threshold ? 1 : 0
  for (let row = 0; row < rows; row++) clearShortRuns(row * columns, columns, 1, Math.min(thickness.across, columns))
  for (let column = 0; column < columns; column++) clearShortRuns(column, rows, columns, Math.min(thickness.down, rows))
  const parts: Array<BodyBox> = []
  for (let i = 0; i < values.length; i++) {
    if (mask[i] === 1) {
      const part = take(i, columns, rows)
      if (part.cells >= minCells) parts.push(part)
    }
  }
  const largest = parts.reduce((most, { cells }) => Math.max(most, cells), 0)
  const kept = parts.filter(({ cells }) => cells >= largest * pairShare)
  return kept.length === 0 ? undefined : kept.reduce(join)
}
