// The frames of a CT, MR or PET object as samples with their geometry, or why the object has none to embed.
import { openPart10, type Part10 } from "../dicom/part10.ts"
import { geometryReason, imageReason, objectReason } from "./embeddable.ts"
import { DecodeFailure } from "./failure.ts"
import type { SliceGeometry, Vec3 } from "../domain/slice.ts"
import { frameAttributes } from "./frame-attributes.ts"
import type { Samples } from "../domain/samples.ts"
import { frameReader, samplesOf } from "./frame.ts"
import { imageModule, stringOf, type ImageModule } from "./image-module.ts"

/** A decoded frame with sound geometry. What the object does not say is absent. */
export interface VolumeFrame {
  /** 1-based. */
  readonly FrameNumber: number
  readonly Rows: number
  readonly Columns: number
  readonly SamplesPerPixel: number
  readonly PhotometricInterpretation: string
  readonly Modality: string
  readonly ImagePositionPatient: Vec3
  readonly ImageOrientationPatient: SliceGeometry["ImageOrientationPatient"]
  /** mm between rows, mm between columns. */
  readonly PixelSpacing: SliceGeometry["PixelSpacing"]
  readonly RescaleSlope: number
  readonly RescaleIntercept: number
  readonly SliceThickness?: number
  readonly RescaleType?: string
  readonly BodyPartExamined?: string
  readonly PixelPaddingValue?: number
  readonly WindowCenter?: number
  readonly WindowWidth?: number
  /** Stored values, Rows × Columns, row by row; the memory is the receiver's. */
  readonly samples: Samples
}

export type VolumeFrames =
  | { readonly _tag: "NotEmbeddable"; readonly reason: string }
  | { readonly _tag: "Frames"; readonly NumberOfFrames: number; readonly frames: Iterable<VolumeFrame> }

const padding = ({ dataset }: Part10, image: ImageModule): number | undefined =>
  dataset.elements.x00280120 === undefined || image.real
    ? undefined
    : image.PixelRepresentation === 1
      ? dataset.int16("x00280120")
      : dataset.uint16("x00280120")

const said = <K extends string, A>(name: K, value: A | undefined): { readonly [_ in K]?: A } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [_ in K]?: A }

const refuse = (reason: string): VolumeFrames => ({ _tag: "NotEmbeddable", reason })

/** Frames are decoded one by one as they are asked for. Throws DecodeFailure and Part10Error, then as well as later. */
export const volumeFrames = (path: string, firstFrame: number, maxFrames: number): VolumeFrames => {
  const part10 = openPart10(path)
  const { dataset } = part10
  const unfit = objectReason(part10)
  if (unfit !== undefined) return refuse(unfit)
  if ((dataset.uint16("x00280010") ?? 0) === 0 || (dataset.uint16("x00280011") ?? 0) === 0)
    return refuse("no rows or no columns")
  const absurd = imageReason({
    Rows: dataset.uint16("x00280010") ?? 0,
    Columns: dataset.uint16("x00280011") ?? 0,
    SamplesPerPixel: dataset.uint16("x00280002") ?? 1,
    PhotometricInterpretation: stringOf(dataset, "x00280004").toUpperCase(),
    BitsAllocated: dataset.uint16("x00280100") ?? 0,
  })
  if (absurd !== undefined) return refuse(absurd)
  const image = imageModule(part10)
  const { Rows, Columns, SamplesPerPixel, PhotometricInterpretation, NumberOfFrames } = image
  const last = Math.min(NumberOfFrames, firstFrame + maxFrames - 1)
  if (firstFrame > NumberOfFrames)
    throw new DecodeFailure("missing", `there is no frame ${firstFrame} of ${NumberOfFrames}`)
  const attributes = Array.from({ length: last - firstFrame + 1 }, (_, i) =>
    frameAttributes(dataset, image, firstFrame + i),
  )
  const misplaced = attributes.map(geometryReason).find((reason) => reason !== undefined)
  if (misplaced !== undefined) return refuse(misplaced)
  const read = frameReader(part10, image)
  const frames = function* (): Generator<VolumeFrame> {
    for (const [i, own] of attributes.entries()) {
      const { ImagePositionPatient: p, ImageOrientationPatient: o, PixelSpacing: spacing } = own
      yield {
        FrameNumber: firstFrame + i,
        Rows,
        Columns,
        SamplesPerPixel,
        PhotometricInterpretation,
        Modality: stringOf(dataset, "x00080060"),
        // Their lengths were checked with the geometry.
        ImagePositionPatient: [p[0]!, p[1]!, p[2]!],
        ImageOrientationPatient: [o[0]!, o[1]!, o[2]!, o[3]!, o[4]!, o[5]!],
        PixelSpacing: [spacing[0]!, spacing[1]!],
        RescaleSlope: own.RescaleSlope,
        RescaleIntercept: own.RescaleIntercept,
        ...said("SliceThickness", own.SliceThickness),
        ...said("RescaleType", own.RescaleType),
        ...said("BodyPartExamined", stringOf(dataset, "x00180015") || undefined),
        ...said("PixelPaddingValue", padding(part10, image)),
        ...said("WindowCenter", own.WindowCenter[0]),
        ...said("WindowWidth", own.WindowWidth[0]),
        samples: samplesOf(part10, image, read(firstFrame + i)),
      }
    }
  }
  return { _tag: "Frames", NumberOfFrames, frames: frames() }
}
