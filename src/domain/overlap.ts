// How much of two intervals, or of two boxes, is the same.
import type { Box } from "../domain/slice.ts"

export type Interval = readonly [low: number, high: number]

export const interval = (low: number, high: number): Interval => [low, high]

/** Intersection over union, 0..1. */
export const intervalOverlap = (a: Interval, b: Interval): number => {
  const both = Math.max(0, Math.min(a[1], b[1]) - Math.max(a[0], b[0]))
  return both === 0 ? 0 : both / (a[1] - a[0] + (b[1] - b[0]) - both)
}

const axes = [0, 1, 2] as const
const volume = ({ min, max }: Box) =>
  axes.reduce<number>((product, axis) => product * Math.max(0, max[axis] - min[axis]), 1)

/** Intersection over union of two boxes, 0..1. */
export const boxOverlap = (a: Box, b: Box): number => {
  const both = axes.reduce<number>(
    (product, axis) => product * Math.max(0, Math.min(a.max[axis], b.max[axis]) - Math.max(a.min[axis], b.min[axis])),
    1,
  )
  return both === 0 ? 0 : both / (volume(a) + volume(b) - both)
}
