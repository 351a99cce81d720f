// Which slices of a series a region means, and where in their planes.
import type { Region } from "../domain/region.ts"
import type { Box, SliceGeometry, SliceHeader, Vec3 } from "../domain/slice.ts"
import {
  around,
  axesOf,
  dot,
  imageRectangle,
  intersection,
  isEmpty,
  normalOf,
  type Rectangle,
} from "../rerank/plane.ts"
import type { StackMatrix } from "../vector-index/VectorIndex.ts"

export interface ChosenSlice {
  /** In patient order, counted from 0. */
  readonly index: number
  /** The region in the slice's plane; the whole plane when absent. */
  readonly rectangle?: Rectangle
}

export interface Chosen {
  readonly stack: StackMatrix
  /** Ascending. */
  readonly slices: ReadonlyArray<ChosenSlice>
}

/** A sentence for people where there is no such region. */
export type Choice = Chosen | { readonly missing: string }

const bySize = (stacks: ReadonlyArray<StackMatrix>) => stacks.toSorted((a, b) => b.headers.length - a.headers.length)

const range = (stack: StackMatrix, from: number, to: number): Chosen => ({
  stack,
  slices: Array.from({ length: to - from + 1 }, (_, i) => ({ index: from + i })),
})

type Bound = Extract<Region, { readonly slices: unknown }>["slices"]["from"]

/** The indices a bound names: one, or all frames of an instance. */
const indicesOf = (bound: Bound, headers: ReadonlyArray<SliceHeader>): ReadonlyArray<number> =>
  typeof bound === "number"
    ? bound < headers.length
      ? [bound]
      : []
    : headers.flatMap(({ instance }, index) => (instance.SOPInstanceUID === bound ? [index] : []))

/** Both ends included, in either order; indices count in the stack that holds the named instances, or else in the largest. */
export const slicesBetween = (stacks: ReadonlyArray<StackMatrix>, from: Bound, to: Bound): Choice => {
  const ordered = bySize(stacks)
  const named = [from, to].filter((bound) => typeof bound === "string")
  const holding = named.map((uid) => ordered.filter(({ headers }) => indicesOf(uid, headers).length > 0))
  const absent = named.find((_, at) => holding[at]!.length === 0)
  if (absent !== undefined) return { missing: `instance ${absent} has no searchable slice in this series` }
  const stack = ordered.find((candidate) => holding.every((stacks) => stacks.includes(candidate)))
  if (stack === undefined) return { missing: "the two ends lie in different volumes of the series" }
  const beyond = [from, to].find((bound) => indicesOf(bound, stack.headers).length === 0)
  if (beyond !== undefined)
    return { missing: `slice ${beyond} is outside the volume: it has slices 0 to ${stack.headers.length - 1}` }
  const indices = [...indicesOf(from, stack.headers), ...indicesOf(to, stack.headers)]
  return range(stack, Math.min(...indices), Math.max(...indices))
}

const cornersOf = ({ min, max }: Box): ReadonlyArray<Vec3> =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n & 1 ? max[0] : min[0], n & 2 ? max[1] : min[1], n & 4 ? max[2] : min[2]])

/** Pairs of corners (indices into `cornersOf`) that share an edge. */
const edges = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) => [1, 2, 4].filter((bit) => !(n & bit)).map((bit) => [n, n | bit]))

const half = ({ SliceThickness }: SliceGeometry) => Math.max(SliceThickness, 1e-3) / 2

/** The corners of the part of a box that lies within the slice: half a thickness on either side of its plane. */
const within = (box: Box, geometry: SliceGeometry): ReadonlyArray<Vec3> => {
  const normal = normalOf(geometry)
  const plane = dot(normal, geometry.ImagePositionPatient)
  const corners = cornersOf(box)
  const heights = corners.map((corner) => dot(normal, corner) - plane)
  const points = corners.filter((_, n) => Math.abs(heights[n]!) <= half(geometry))
  for (const [from = 0, to = 0] of edges) {
    for (const side of [-half(geometry), half(geometry)]) {
      const [a, b] = [heights[from]! - side, heights[to]! - side]
      if (a * b >= 0) continue
      const share = a / (a - b)
      const [p, q] = [corners[from]!, corners[to]!]
      points.push([p[0] + (q[0] - p[0]) * share, p[1] + (q[1] - p[1]) * share, p[2] + (q[2] - p[2]) * share])
    }
  }
  return points
}

/** Per slice of a stack the part of the image that `pointsIn` spans; slices without are left out. */
const spanned = (
  stack: StackMatrix,
  pointsIn: (geometry: SliceGeometry, index: number) => ReadonlyArray<Vec3>,
): Chosen => ({
  stack,
  slices: stack.headers.flatMap(({ geometry }, index) => {
    const points = pointsIn(geometry, index)
    if (points.length === 0) return []
    const rectangle = intersection(around(points, axesOf(geometry.view)), imageRectangle(geometry))
    return isEmpty(rectangle) ? [] : [{ index, rectangle }]
  }),
})

const most = (chosen: ReadonlyArray<Chosen>, missing: string): Choice => {
  const best = chosen.reduce<Chosen | undefined>(
    (best, one) => (one.slices.length > (best?.slices.length ?? 0) ? one : best),
    undefined,
  )
  return best ?? { missing }
}

/** mm; no patient reaches further, and products of such numbers stay finite. */
const farthest = 1e6
const clamp = (value: number) => Math.min(farthest, Math.max(-farthest, value))

/** LPS mm; `min` and `max` in either order. Of several stacks the one with most slices in the box. */
export const slicesInBox = (stacks: ReadonlyArray<StackMatrix>, box: Box): Choice => {
  const ordered = [0, 1, 2].map((axis) => [clamp(box.min[axis]!), clamp(box.max[axis]!)].sort((a, b) => a - b))
  const [x = [], y = [], z = []] = ordered
  const sorted: Box = { min: [x[0]!, y[0]!, z[0]!], max: [x[1]!, y[1]!, z[1]!] }
  return most(
    bySize(stacks).map((stack) => spanned(stack, (geometry) => within(sorted, geometry))),
    "the box lies outside the volume, or has no extent in its planes",
  )
}

/** `frames`: the corners (LPS mm) of the segment's rectangle in each of its frames, none empty. */
export const slicesOfSegment = (
  stacks: ReadonlyArray<StackMatrix>,
  frames: ReadonlyArray<ReadonlyArray<readonly [number, number, number]>>,
): Choice => {
  if (frames.length === 0) return { missing: "the segment is empty" }
  const missing = "the segment lies outside the volume"
  const planar = bySize(stacks).map((stack) => inSlices(stack, frames))
  const found = most(planar, missing)
  if (!("missing" in found)) return found
  // Drawn in other planes than the series has: what they span together.
  const all = frames.flat()
  const [x, y, z] = [0, 1, 2].map((axis) => all.map((point) => point[axis]!))
  const extreme = (of: (...values: ReadonlyArray<number>) => number): Vec3 => [of(...x!), of(...y!), of(...z!)]
  const box = slicesInBox(stacks, { min: extreme(Math.min), max: extreme(Math.max) })
  return "missing" in box ? { missing } : box
}

/** Frames that lie flat in a slice of the stack. */
const inSlices = (stack: StackMatrix, frames: ReadonlyArray<ReadonlyArray<Vec3>>): Chosen => {
  const first = stack.headers[0]?.geometry
  if (first === undefined) return { stack, slices: [] }
  const normal = normalOf(first)
  const placed = frames.flatMap((corners) => {
    const heights = corners.map((corner) => dot(normal, corner))
    const [low, high] = [Math.min(...heights), Math.max(...heights)]
    return high - low <= 2 * half(first) ? [{ corners, height: (low + high) / 2 }] : []
  })
  placed.sort((a, b) => a.height - b.height)
  return spanned(stack, (geometry) => {
    const plane = dot(normal, geometry.ImagePositionPatient)
    return placed.filter(({ height }) => Math.abs(height - plane) <= half(geometry)).flatMap(({ corners }) => corners)
  })
}

export const wholeSeries = (stacks: ReadonlyArray<StackMatrix>): Choice => {
  const largest = bySize(stacks)[0]
  return largest === undefined
    ? { missing: "the series has no searchable slice" }
    : range(largest, 0, largest.headers.length - 1)
}
