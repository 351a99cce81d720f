// How well a hit lies on the organ it should show.
import type { Hit } from "../domain/hit.ts"
import { boxOverlap, interval, intervalOverlap } from "../domain/overlap.ts"
import type { Box } from "../domain/slice.ts"

/** Intersection over union along the body axis only. */
export const heightOverlap = (a: Box, b: Box): number =>
  intervalOverlap(interval(a.min[2], a.max[2]), interval(b.min[2], b.max[2]))

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
