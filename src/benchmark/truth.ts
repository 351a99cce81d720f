// What the labels of one volume say: per structure the planes that show it, and where in each plane.
import * as Effect from "effect/Effect"
import type { Box, Vec3 } from "../domain/slice.ts"
import { identify, imageSeries } from "../convert/series.ts"
import { type NiftiVolume, readNifti } from "../convert/nifti.ts"
import type { StackGeometry } from "../convert/geometry.ts"
import { BenchmarkError } from "./BenchmarkError.ts"
import type { LabelledVolume, LabelSource } from "./collection.ts"

/** First and last column, first and last row, both included. */
export type PlaneBox = readonly [i0: number, i1: number, j0: number, j1: number]

export interface Structure {
  readonly name: string
  /** Plane number k of the file → the structure's rectangle in it. */
  readonly planes: ReadonlyMap<number, PlaneBox>
  /** LPS mm. */
  readonly box: Box
}

export interface Truth {
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID: string
  /** Of each plane of the file. */
  readonly SOPInstanceUID: ReadonlyArray<string>
  /** mm of each plane along the planes' normal. */
  readonly positions: ReadonlyArray<number>
  readonly fine: ReadonlyArray<Structure>
  readonly coarse: ReadonlyArray<Structure>
}

const merged = (a: PlaneBox | undefined, [i0, i1, j0, j1]: PlaneBox): PlaneBox =>
  a === undefined ? [i0, i1, j0, j1] : [Math.min(a[0], i0), Math.max(a[1], i1), Math.min(a[2], j0), Math.max(a[3], j1)]

/** Rectangles of every label number of a file: label → plane → rectangle. */
export const rectangles = ({ shape, voxels, slope, intercept }: NiftiVolume) => {
  const [columns, rows, planes] = shape
  const found = new Map<number, Map<number, PlaneBox>>()
  for (let k = 0, n = 0; k < planes; k++) {
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++, n++) {
        const raw = voxels[n]!
        if (raw === 0 && intercept === 0) continue
        const label = Math.round(raw * slope + intercept)
        if (label === 0) continue
        let inPlanes = found.get(label)
        if (inPlanes === undefined) found.set(label, (inPlanes = new Map()))
        inPlanes.set(k, merged(inPlanes.get(k), [i, i, j, j]))
      }
    }
  }
  return found
}

/** The corners of the rectangles, half a voxel further out, in patient space. */
export const boxOf = (planes: ReadonlyMap<number, PlaneBox>, geometry: StackGeometry): Box => {
  const { ImageOrientationPatient: axes, PixelSpacing, SliceThickness, ImagePositionPatient } = geometry
  const min: [number, number, number] = [Infinity, Infinity, Infinity]
  const max: [number, number, number] = [-Infinity, -Infinity, -Infinity]
  const [a, b] = [axes.slice(0, 3) as unknown as Vec3, axes.slice(3) as unknown as Vec3]
  const normal: Vec3 = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
  for (const [k, [i0, i1, j0, j1]] of planes) {
    const origin = ImagePositionPatient(k)
    for (const i of [i0 - 0.5, i1 + 0.5])
      for (const j of [j0 - 0.5, j1 + 0.5])
        for (const half of [-0.5, 0.5])
          for (const axis of [0, 1, 2] as const) {
            const at =
              origin[axis] +
              i * PixelSpacing[1] * a[axis] +
              j * PixelSpacing[0] * b[axis] +
              half * SliceThickness * normal[axis]
            min[axis] = Math.min(min[axis], at)
            max[axis] = Math.max(max[axis], at)
          }
  }
  return { min, max }
}

const structures = (
  named: ReadonlyMap<string, ReadonlyArray<ReadonlyMap<number, PlaneBox>>>,
  geometry: StackGeometry,
): ReadonlyArray<Structure> =>
  [...named].map(([name, parts]) => {
    const planes = new Map<number, PlaneBox>()
    for (const part of parts) for (const [k, box] of part) planes.set(k, merged(planes.get(k), box))
    return { name, planes, box: boxOf(planes, geometry) }
  })

const read = (file: string) =>
  readNifti(file).pipe(Effect.mapError(({ detail }) => new BenchmarkError({ message: `${file}: ${detail}` })))

/** Reads image and labels; a file at a time is in memory. */
export const readTruth = Effect.fnUntraced(function* (volume: LabelledVolume) {
  const image = yield* read(volume.image)
  const identity = identify(image.digest, volume.subject.slice(0, 64), {
    StudyDescription: volume.name.slice(0, 64),
    SeriesDescription: volume.name.slice(0, 64),
  })
  const series = imageSeries(image, volume.Modality, identity)
  if (typeof series === "string") return yield* new BenchmarkError({ message: `${volume.image}: ${series}` })
  const { geometry } = series
  const fine = new Map<string, Array<ReadonlyMap<number, PlaneBox>>>()
  const coarse = new Map<string, Array<ReadonlyMap<number, PlaneBox>>>()
  const add = (source: LabelSource, planes: ReadonlyMap<number, PlaneBox> | undefined) => {
    if (planes === undefined || planes.size === 0) return
    fine.set(source.name, [...(fine.get(source.name) ?? []), planes])
    coarse.set(source.group, [...(coarse.get(source.group) ?? []), planes])
  }
  const files = Map.groupBy(volume.labels, ({ file }) => file)
  for (const [file, sources] of files) {
    const labels = yield* read(file)
    if (labels.shape.some((n, axis) => n !== image.shape[axis])) {
      return yield* new BenchmarkError({ message: `${file} lies on another grid than its image` })
    }
    const found = rectangles(labels)
    for (const source of sources) {
      if (source.value !== undefined) add(source, found.get(source.value))
      else for (const planes of found.values()) add(source, planes)
    }
  }
  const axes = geometry.ImageOrientationPatient
  const normal = [
    axes[1] * axes[5] - axes[2] * axes[4],
    axes[2] * axes[3] - axes[0] * axes[5],
    axes[0] * axes[4] - axes[1] * axes[3],
  ] as const
  const count = image.shape[2]
  const truth: Truth = {
    StudyInstanceUID: identity.StudyInstanceUID,
    SeriesInstanceUID: identity.SeriesInstanceUID,
    SOPInstanceUID: Array.from({ length: count }, (_, k) => series.sopInstanceUid(k)),
    positions: Array.from({ length: count }, (_, k) => {
      const at = geometry.ImagePositionPatient(k)
      return at[0] * normal[0] + at[1] * normal[1] + at[2] * normal[2]
    }),
    fine: structures(fine, geometry),
    coarse: structures(coarse, geometry),
  }
  return truth
})
