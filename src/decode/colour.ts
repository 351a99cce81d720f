// Colour samples to interleaved 8-bit RGB for people to look at (PS3.3 §C.7.6.3.1.2, §C.7.9, §C.8.15).
import type { DataSet } from "dicom-parser"
import { DecodeFailure } from "./failure.ts"
import type { Samples } from "../domain/samples.ts"
import { isSubsampled } from "./frame.ts"
import type { ImageModule } from "./image-module.ts"
import { readLut } from "./lut.ts"

const clamp = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : Math.round(value))

/** Index of a pixel's sample: interleaved, or plane by plane. */
const at = (image: ImageModule, planar: boolean) =>
  planar
    ? (pixel: number, sample: number) => sample * image.Rows * image.Columns + pixel
    : (pixel: number, sample: number) => pixel * image.SamplesPerPixel + sample

const ybr = (out: Uint8Array, pixel: number, y: number, cb: number, cr: number): void => {
  out[pixel * 3] = clamp(y + 1.402 * (cr - 128))
  out[pixel * 3 + 1] = clamp(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128))
  out[pixel * 3 + 2] = clamp(y + 1.772 * (cb - 128))
}

interface Palette {
  readonly first: number
  readonly red: ReadonlyArray<number>
  readonly green: ReadonlyArray<number>
  readonly blue: ReadonlyArray<number>
}

/** One palette of three; entries scaled to 8 bits (PS3.3 §C.7.6.3.1.5). */
const channel = (
  dataset: DataSet,
  colour: 1 | 2 | 3,
): { readonly first: number; readonly values: ReadonlyArray<number> } => {
  const lut = readLut(
    dataset,
    { descriptor: `x0028110${colour}`, data: `x0028120${colour}`, segmented: `x0028122${colour}` },
    dataset.uint16("x00280103") === 1,
  )
  if (lut === undefined) throw new DecodeFailure("corrupt", "no palette")
  const values = Array.from(lut.values)
  // Some writers say 16 bits and store 8-bit values in them.
  const shift = lut.bits > 8 && values.some((value) => value > 255) ? 8 : 0
  return { first: lut.first, values: values.map((value) => (value >> shift) & 0xff) }
}

const palette = (dataset: DataSet): Palette => {
  const red = channel(dataset, 1)
  return { first: red.first, red: red.values, green: channel(dataset, 2).values, blue: channel(dataset, 3).values }
}

/** RGB of Rows × Columns; `photometric` is that of the decoded samples, `interleaved` whether a codec delivered them. */
export const toRgb = (
  dataset: DataSet,
  image: ImageModule,
  samples: Samples,
  photometric: string,
  interleaved: boolean,
): Uint8Array => {
  const pixels = image.Rows * image.Columns
  const out = new Uint8Array(pixels * 3)
  if (photometric === "PALETTE COLOR") {
    const { first, red, green, blue } = palette(dataset)
    if (red.length === 0) throw new DecodeFailure("corrupt", "an empty palette")
    for (let i = 0; i < pixels; i++) {
      const entry = Math.min(Math.max(samples[i]! - first, 0), red.length - 1)
      out[i * 3] = red[entry]!
      out[i * 3 + 1] = green[entry] ?? 0
      out[i * 3 + 2] = blue[entry] ?? 0
    }
    return out
  }
  if (image.SamplesPerPixel < 3) throw new DecodeFailure("unsupported", "colour in fewer than three samples")
  if (isSubsampled(image) && !interleaved) {
    for (let i = 0; i < pixels; i++) {
      const pair = (i >> 1) * 4
      ybr(out, i, samples[pair + (i & 1)]!, samples[pair + 2]!, samples[pair + 3]!)
    }
    return out
  }
  const index = at(image, image.PlanarConfiguration === 1 && !interleaved)
  const scale = image.real ? 1 : 2 ** (8 - image.BitsStored)
  const isYbr = photometric.startsWith("YBR")
  for (let i = 0; i < pixels; i++) {
    const [a, b, c] = [samples[index(i, 0)]! * scale, samples[index(i, 1)]! * scale, samples[index(i, 2)]! * scale]
    if (isYbr) ybr(out, i, a, b, c)
    else {
      out[i * 3] = a
      out[i * 3 + 1] = b
      out[i * 3 + 2] = c
    }
  }
  return out
}
