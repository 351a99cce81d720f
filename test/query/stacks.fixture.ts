// Stacks with a geometry and chosen vectors: axial, sagittal or oblique, with or without local grids.
import { Digest, Receipt } from "../../src/domain/instance.ts"
import type { SliceGeometry, SliceHeader, Vec3 } from "../../src/domain/slice.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"
import type { StackMatrix } from "../../src/vector-index/VectorIndex.ts"

export interface Layout {
  /** Direction cosines of rows and columns. */
  readonly right: Vec3
  readonly down: Vec3
  readonly normal: Vec3
}

export const axial: Layout = { right: [1, 0, 0], down: [0, 1, 0], normal: [0, 0, 1] }
/** Seen from the left: right is posterior, down is inferior; slices go to the left. */
export const sagittal: Layout = { right: [0, 1, 0], down: [0, 0, -1], normal: [1, 0, 0] }
const [c, s] = [Math.cos(0.5), Math.sin(0.5)]
/** Axial, tilted about the x axis by 0.5 rad. */
export const oblique: Layout = { right: [1, 0, 0], down: [0, c, s], normal: [0, -s, c] }

const at = (origin: Vec3, { right, down, normal }: Layout, u: number, v: number, n: number): Vec3 => [
  origin[0] + right[0] * u + down[0] * v + normal[0] * n,
  origin[1] + right[1] * u + down[1] * v + normal[1] * n,
  origin[2] + right[2] * u + down[2] * v + normal[2] * n,
]

const times = (a: Vec3, by: number): Vec3 => [a[0] * by, a[1] * by, a[2] * by]

export const dot = (a: Vec3, b: Vec3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]

/** 100 × 100 pixels of 2 mm (200 mm a side, pixel edges from −100 to 100 about `origin`), seen whole by a 50 pixel input. */
export const geometryAt = (layout: Layout, n: number, origin: Vec3 = [0, 0, 0], spacing = 5): SliceGeometry => {
  const first = at(origin, layout, -99, -99, n)
  const { right, down } = layout
  return {
    stack: "main",
    position: dot(layout.normal, first),
    ImagePositionPatient: first,
    ImageOrientationPatient: [...right, ...down],
    PixelSpacing: [2, 2],
    SliceThickness: spacing,
    Rows: 100,
    Columns: 100,
    view: { origin: at(origin, layout, -98, -98, n), right: times(right, 4), down: times(down, 4), size: 50 },
    blank: false,
  }
}

export interface StackOptions {
  readonly uid?: string
  readonly stack?: string
  readonly layout?: Layout
  readonly slices: number
  readonly spacing?: number
  /** mm of the first slice along the normal. */
  readonly first?: number
  /** slices × dimension; one constant vector of two when absent. */
  readonly vectors?: Float32Array
  readonly locals?: Int8Array
  readonly blank?: (index: number) => boolean
  /** Frames of one instance, or an instance per slice. */
  readonly multiFrame?: boolean
}

export const stackOf = (options: StackOptions): StackMatrix => {
  const { uid = "1.2", layout = axial, slices, spacing = 5, first = 0, stack = "main", multiFrame = false } = options
  const study = StudyInstanceUID.make(`${uid}.9`)
  const series = SeriesInstanceUID.make(uid)
  const headers = Array.from({ length: slices }, (_, index): SliceHeader => ({
    instance: {
      receipt: Receipt.make(index + 1),
      StudyInstanceUID: study,
      SeriesInstanceUID: series,
      SOPInstanceUID: SOPInstanceUID.make(multiFrame ? `${uid}.${stack.length}.0` : `${uid}.${stack.length}.${index}`),
      digest: Digest.make("0".repeat(64)),
    },
    FrameNumber: multiFrame ? index + 1 : 1,
    geometry: {
      ...geometryAt(layout, first + index * spacing, [0, 0, 0], spacing),
      stack,
      blank: options.blank?.(index) ?? false,
    },
  }))
  return {
    StudyInstanceUID: study,
    SeriesInstanceUID: series,
    stack,
    headers,
    vectors: options.vectors ?? Float32Array.from({ length: slices * 2 }, (_, i) => (i + 1) % 2),
    locals: options.locals ?? new Int8Array(0),
  }
}
