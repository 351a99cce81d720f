// How well a hit lies on the organ it should show.
import type { Hit } from "../domain/hit.ts"
import type { Box } from "../domain/slice.ts"

const axes = [0, 1, 2] as const
const span = (box: Box, axis: 0 | 1 | 2) => Math.max(0, box.max[axis] - box.min[axis])
const shared = (a: Box, b: Box, axis: 0 | 1 | 2) =>
  Math.max(0, Math.min(a.max[axis], b.max[axis]) - Math.max(a.min[axis], b.min[axis]))
const volume = (box: Box) => axes.reduce<number>((product, axis) => product * span(box, axis), 1)

/** Intersection over union of two boxes, 0..1. */
export const boxOverlap = (a: Box, b: Box): number => {
  const both = axes.reduce<number>((product, axis) => product * shared(a, b, axis), 1)
  return both === 0 ? 0 : both / (volume(a) + volume(b) - both)
}

/** The same along the body axis only. */
export const heightOverlap = (a: Box, b: Box): number => {
  const both = shared(a, b, 2)
  return both === 0 ? 0 : both / (span(a, 2) + span(b, 2) - both)
}

export interface Judged {
  readonly hit: Hit
  /** Undefined: the patient's scan does not show the organ. */
  readonly overlap: number | undefined
  readonly height: number | undefined
}

export const judge = (hit: Hit, truth: Box | undefined): Judged => ({
  hit,
  overlap: truth && boxOverlap(hit.box, truth),
  height: truth && heightOverlap(hit.box, truth),
})
