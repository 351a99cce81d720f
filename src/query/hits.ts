// Scored sub-volumes as the hits a caller sees: ranked, with pixel ranges and links into DICOMweb.
import type { Hit, SliceRef } from "../domain/hit.ts"
import type { Box, SliceGeometry, SliceHeader, Vec3 } from "../domain/slice.ts"
import { evenly } from "../rerank/evenly.ts"
import type { SubVolume } from "../rerank/Reranker.ts"

/** Links of one hit; of a longer range so many spread evenly. */
const maxLinks = 256

const range = (values: ReadonlyArray<number>, count: number): readonly [number, number] => {
  const clip = (value: number) => Math.min(count - 1, Math.max(0, value))
  // Pixel n reaches from n − ½ to n + ½.
  const first = clip(Math.round(Math.min(...values) + 0.5))
  return [first, Math.max(first, clip(Math.round(Math.max(...values) - 0.5)))]
}

/** The pixels of the stored image that the box covers, ends included, clipped to the image. */
export const boxPixels = ({ min, max }: Box, geometry: SliceGeometry): Hit["boxPixels"] => {
  const { ImagePositionPatient: origin, ImageOrientationPatient, PixelSpacing, Columns, Rows } = geometry
  const [a, b, c, d, e, f] = ImageOrientationPatient
  const along = (point: Vec3, x: number, y: number, z: number) =>
    (point[0] - origin[0]) * x + (point[1] - origin[1]) * y + (point[2] - origin[2]) * z
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((n): Vec3 => [
    n & 1 ? max[0] : min[0],
    n & 2 ? max[1] : min[1],
    n & 4 ? max[2] : min[2],
  ])
  return {
    columns: range(
      corners.map((corner) => along(corner, a, b, c) / PixelSpacing[1]),
      Columns,
    ),
    rows: range(
      corners.map((corner) => along(corner, d, e, f) / PixelSpacing[0]),
      Rows,
    ),
  }
}

const frameLink = ({ instance, FrameNumber }: SliceHeader) =>
  `/dicomweb/studies/${instance.StudyInstanceUID}/series/${instance.SeriesInstanceUID}/instances/${instance.SOPInstanceUID}/frames/${FrameNumber}`

/** `sorted`: best first, with at least one header each. */
export const hitsOf = (sorted: ReadonlyArray<SubVolume & { readonly score: number }>): ReadonlyArray<Hit> =>
  sorted
    .filter(({ headers }) => headers.length > 0)
    .map(({ StudyInstanceUID, SeriesInstanceUID, score, headers, from, box, alignment }, at) => {
      const end = (slice: number): SliceRef => {
        const { instance, FrameNumber } = headers[slice]!
        return { SOPInstanceUID: instance.SOPInstanceUID, FrameNumber, index: from + slice }
      }
      const frames = evenly(headers.length, maxLinks).map((slice) => frameLink(headers[slice]!))
      return {
        StudyInstanceUID,
        SeriesInstanceUID,
        score,
        rank: at + 1,
        slices: { from: end(0), to: end(headers.length - 1), count: headers.length },
        box,
        boxPixels: boxPixels(box, headers[headers.length >> 1]!.geometry),
        alignment,
        links: { frames, rendered: frames.map((link) => `${link}/rendered`) },
      }
    })
