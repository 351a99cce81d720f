// One frame as an 8-bit picture for people (PS3.18 §8.3.5): modality, window, palette and colour space applied.
import type { DataSet } from "dicom-parser"
import { nativeByteOrder } from "./codec.ts"
import { toRgb } from "./colour.ts"
import { frameAttributes } from "./frame-attributes.ts"
import { isSubsampled, samplesOf } from "./frame.ts"
import { type GreyTables, toGrey, type Window } from "./grey.ts"
import type { ImageModule } from "./image-module.ts"
import { sequenceLut } from "./lut.ts"
import { openImage } from "./opened.ts"
import { encode, fit, type Viewport } from "./picture.ts"

export interface RenderJob {
  readonly path: string
  /** 1-based. */
  readonly frame: number
  readonly mediaType: "image/jpeg" | "image/png"
  readonly window?: Window
  readonly viewport?: Viewport
  readonly quality?: number
}

/** Tables of the object itself (PS3.3 §C.11.1, §C.11.2). */
const tablesOf = (dataset: DataSet, image: ImageModule, rescaled: boolean): GreyTables => {
  const signed = image.PixelRepresentation === 1
  return {
    modality: image.real ? undefined : sequenceLut(dataset, "x00283000", signed),
    // Its input is modality values, which a negative intercept makes signed.
    voi: image.real ? undefined : sequenceLut(dataset, "x00283010", signed || rescaled),
    padding: signed ? dataset.int16("x00280120") : dataset.uint16("x00280120"),
  }
}

/** The encoded picture. Overlays are not burned in. Throws DecodeFailure and Part10Error. */
export const renderFrame = (job: RenderJob): Uint8Array => {
  const { part10, image, read } = openImage(job.path)
  const native = read(job.frame)
  const compressed = nativeByteOrder(part10.TransferSyntaxUID) === undefined
  const samples = isSubsampled(image) && !compressed ? native.bytes : samplesOf(part10, image, native)
  const { Rows: height, Columns: width } = image
  const { dataset } = part10
  const colour = image.SamplesPerPixel >= 3 || native.PhotometricInterpretation === "PALETTE COLOR"
  const whole = { width, height }
  if (colour) {
    const data = toRgb(dataset, image, samples, native.PhotometricInterpretation, compressed)
    return encode(fit({ ...whole, channels: 3, data }, job.viewport), job.mediaType, job.quality)
  }
  const frame = frameAttributes(dataset, image, job.frame)
  const data = toGrey(
    samples,
    frame,
    image.PhotometricInterpretation === "MONOCHROME1",
    image.BitsAllocated === 1 ? { center: 1, width: 2 } : job.window,
    tablesOf(dataset, image, frame.RescaleIntercept < 0),
  )
  return encode(fit({ ...whole, channels: 1, data }, job.viewport), job.mediaType, job.quality)
}
