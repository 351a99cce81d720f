// One frame as an 8-bit picture for people (PS3.18 §8.3.5): modality, window, palette and colour space applied.
import { nativeByteOrder } from "./codec.ts"
import { toRgb } from "./colour.ts"
import { frameAttributes } from "./frame-attributes.ts"
import { isSubsampled, samplesOf } from "./frame.ts"
import { toGrey, type Window } from "./grey.ts"
import { openImage } from "./opened.ts"
import { encode, fit } from "./picture.ts"

export interface RenderJob {
  readonly path: string
  /** 1-based. */
  readonly frame: number
  readonly mediaType: "image/jpeg" | "image/png"
  readonly window?: Window
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly quality?: number
}

/** The encoded picture. Throws DecodeFailure and Part10Error. */
export const renderFrame = (job: RenderJob): Uint8Array => {
  const { part10, image, read } = openImage(job.path)
  const native = read(job.frame)
  const compressed = nativeByteOrder(part10.TransferSyntaxUID) === undefined
  const samples = isSubsampled(image) && !compressed ? native.bytes : samplesOf(part10, image, native)
  const { Rows: height, Columns: width } = image
  const colour = image.SamplesPerPixel >= 3 || native.PhotometricInterpretation === "PALETTE COLOR"
  const picture = colour
    ? {
        width,
        height,
        channels: 3 as const,
        data: toRgb(part10.dataset, image, samples, native.PhotometricInterpretation, compressed),
      }
    : {
        width,
        height,
        channels: 1 as const,
        data: toGrey(
          samples,
          frameAttributes(part10.dataset, image, job.frame),
          image.PhotometricInterpretation === "MONOCHROME1",
          image.BitsAllocated === 1 ? { center: 1, width: 2 } : job.window,
        ),
      }
  return encode(fit(picture, job.viewport), job.mediaType, job.quality)
}
