// The set pixels of one SEG segment, as a rectangle in the patient per frame (PS3.3 §A.51, §C.8.20).
import type { DataSet } from "dicom-parser"
import { openPart10 } from "../dicom/part10.ts"
import type { SegmentFrame } from "./Decoder.ts"
import { geometryReason } from "./embeddable.ts"
import { DecodeFailure } from "./failure.ts"
import { frameAttributes, type FrameAttributes } from "./frame-attributes.ts"
import type { Samples } from "../domain/samples.ts"
import { frameReader, samplesOf } from "./frame.ts"
import { imageModule, stringOf } from "./image-module.ts"

export interface Segment {
  readonly ReferencedSeriesInstanceUID: string | undefined
  readonly frames: ReadonlyArray<SegmentFrame>
}

interface Rectangle {
  readonly columns: readonly [number, number]
  readonly rows: readonly [number, number]
  readonly pixels: number
}

const first = (dataset: DataSet | undefined, ...tags: ReadonlyArray<string>): DataSet | undefined =>
  tags.reduce((found, tag) => found?.elements[tag]?.items?.[0]?.dataSet, dataset)

const rectangle = (samples: Samples, width: number, isSet: (value: number) => boolean): Rectangle | undefined => {
  let [left, right, top, bottom, pixels] = [width, -1, -1, -1, 0]
  for (let i = 0; i < samples.length; i++) {
    if (samples[i] === 0 || !isSet(samples[i]!)) continue
    const column = i % width
    pixels += 1
    if (column < left) left = column
    if (column > right) right = column
    bottom = (i - column) / width
    if (top < 0) top = bottom
  }
  return pixels === 0 ? undefined : { columns: [left, right], rows: [top, bottom], pixels }
}

/** Pixel edges, not centres, so that a single pixel has an extent; in order around the rectangle. */
const cornersOf = ({ columns, rows }: Rectangle, frame: FrameAttributes): SegmentFrame["corners"] => {
  const [x = 0, y = 0, z = 0] = frame.ImagePositionPatient
  const [a = 1, b = 0, c = 0, d = 0, e = 1, f = 0] = frame.ImageOrientationPatient
  const [betweenRows = 1, betweenColumns = 1] = frame.PixelSpacing
  const corner = (column: number, row: number) => {
    const [along, down] = [column * betweenColumns, row * betweenRows]
    return [x + a * along + d * down, y + b * along + e * down, z + c * along + f * down] as const
  }
  const [left, right, top, bottom] = [columns[0] - 0.5, columns[1] + 0.5, rows[0] - 0.5, rows[1] + 0.5]
  return [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)]
}

/** Frames without a set pixel are left out. Throws DecodeFailure: missing when there is no such segment. */
export const readSegment = (path: string, SegmentNumber: number): Segment => {
  const part10 = openPart10(path)
  const { dataset } = part10
  const kind = stringOf(dataset, "x00620001")
  if (stringOf(dataset, "x00080060") !== "SEG" || !["BINARY", "FRACTIONAL", "LABELMAP"].includes(kind)) {
    throw new DecodeFailure("unsupported", "not a segmentation")
  }
  const described = (dataset.elements.x00620002?.items ?? []).map((item) => item.dataSet?.uint16("x00620004"))
  if (!described.includes(SegmentNumber)) throw new DecodeFailure("missing", `there is no segment ${SegmentNumber}`)
  const image = imageModule(part10)
  const read = frameReader(part10, image)
  const perFrame = dataset.elements.x52009230?.items ?? []
  const shared = first(dataset, "x52009229")
  // Probability or occupancy counts from one half on.
  const half = (dataset.uint16("x0062000e") ?? 255) / 2
  const isSet =
    kind === "BINARY"
      ? () => true
      : kind === "FRACTIONAL"
        ? (value: number) => value >= half
        : (value: number) => value === SegmentNumber
  const frames: Array<SegmentFrame> = []
  for (let frame = 1; frame <= image.NumberOfFrames; frame++) {
    const own = perFrame[frame - 1]?.dataSet
    const number = (first(own, "x0062000a") ?? first(shared, "x0062000a"))?.uint16("x0062000b")
    if (kind !== "LABELMAP" && number !== SegmentNumber) continue
    const found = rectangle(samplesOf(part10, image, read(frame)), image.Columns, isSet)
    if (found === undefined) continue
    const attributes = frameAttributes(dataset, image, frame)
    const reason = geometryReason(attributes)
    if (reason !== undefined) throw new DecodeFailure("unsupported", `frame ${frame} of the segmentation: ${reason}`)
    const source = first(own, "x00089124", "x00082112")
    const ReferencedSOPInstanceUID = source === undefined ? "" : stringOf(source, "x00081155")
    const ReferencedFrameNumber =
      source === undefined ? Number.NaN : Number(stringOf(source, "x00081160").split("\\")[0] || "x")
    frames.push({
      ...(ReferencedSOPInstanceUID === "" ? {} : { ReferencedSOPInstanceUID }),
      ...(Number.isInteger(ReferencedFrameNumber) ? { ReferencedFrameNumber } : {}),
      corners: cornersOf(found, attributes),
      pixels: found.pixels,
    })
  }
  const series = first(dataset, "x00081115")
  const ReferencedSeriesInstanceUID = series === undefined ? "" : stringOf(series, "x0020000e")
  return { ReferencedSeriesInstanceUID: ReferencedSeriesInstanceUID || undefined, frames }
}
