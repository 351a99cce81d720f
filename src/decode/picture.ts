// An 8-bit picture: brought to the viewport (PS3.18 §8.3.5.1.3) and encoded as JPEG or PNG.
import dcmjsCodecs from "dcmjs-codecs"
import { encode as encodePng } from "fast-png"
import { DecodeFailure } from "./failure.ts"

export interface Picture {
  readonly width: number
  readonly height: number
  /** 1 grey, 3 interleaved RGB. */
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

const maxPicturePixels = 2 ** 26

export interface Viewport {
  readonly width: number
  readonly height: number
  /** The part of the picture that is shown; all of it when absent. A negative size flips. */
  readonly source?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
}

/** The pixels of a rectangle, mirrored where asked for; what lies outside of the picture is left out. */
const cropped = (picture: Picture, { source }: Viewport): Picture => {
  if (source === undefined) return picture
  const { channels } = picture
  const left = Math.min(Math.max(Math.floor(source.x), 0), picture.width - 1)
  const top = Math.min(Math.max(Math.floor(source.y), 0), picture.height - 1)
  const width = Math.max(1, Math.min(Math.round(Math.abs(source.width)), picture.width - left))
  const height = Math.max(1, Math.min(Math.round(Math.abs(source.height)), picture.height - top))
  const data = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++) {
    const row = (top + (source.height < 0 ? height - 1 - y : y)) * picture.width
    for (let x = 0; x < width; x++) {
      const from = (row + left + (source.width < 0 ? width - 1 - x : x)) * channels
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = picture.data[from + c]!
    }
  }
  return { width, height, channels, data }
}

/** Bilinear when it grows, the mean of the covered pixels when it shrinks; the aspect of the pixels is kept. */
export const fit = (whole: Picture, viewport: Viewport | undefined): Picture => {
  if (viewport === undefined) return whole
  const picture = cropped(whole, viewport)
  const scale = Math.min(viewport.width / picture.width, viewport.height / picture.height)
  const width = Math.max(1, Math.round(picture.width * scale))
  const height = Math.max(1, Math.round(picture.height * scale))
  if (!Number.isFinite(scale) || scale <= 0 || width * height > maxPicturePixels) {
    throw new DecodeFailure("too-large", "the viewport is not a sane size")
  }
  const rows = resampled(picture, width)
  return transposed(resampled(transposed(rows), height))
}

/** Each output column as a weighted mean of input columns. */
const resampled = ({ width, height, channels, data }: Picture, target: number): Picture => {
  const out = new Uint8Array(target * height * channels)
  const ratio = width / target
  const reach = Math.max(ratio, 1)
  for (let x = 0; x < target; x++) {
    const centre = (x + 0.5) * ratio - 0.5
    const from = Math.ceil(centre - reach)
    const to = Math.floor(centre + reach)
    const weights = Array.from({ length: to - from + 1 }, (_, i) => 1 - Math.abs(from + i - centre) / reach)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const columns = weights.map((_, i) => Math.min(Math.max(from + i, 0), width - 1))
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0
        for (let i = 0; i < weights.length; i++) sum += weights[i]! * data[(y * width + columns[i]!) * channels + c]!
        out[(y * target + x) * channels + c] = sum / total + 0.5
      }
    }
  }
  return { width: target, height, channels, data: out }
}

const transposed = ({ width, height, channels, data }: Picture): Picture => {
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) out[(x * height + y) * channels + c] = data[(y * width + x) * channels + c]!
    }
  }
  return { width: height, height: width, channels, data: out }
}

/** Baseline JPEG: 4:2:2 chroma for colour. */
const encodeJpeg = ({ width, height, channels, data }: Picture, quality: number): Uint8Array => {
  const context = new dcmjsCodecs.Context({
    width,
    height,
    bitsAllocated: 8,
    bitsStored: 8,
    samplesPerPixel: channels,
    pixelRepresentation: 0,
    planarConfiguration: 0,
    photometricInterpretation: channels === 1 ? "MONOCHROME2" : "RGB",
    decodedBuffer: data,
  })
  const encoded = dcmjsCodecs.NativeCodecs.encodeJpeg(context, { lossy: true, quality }).getEncodedBuffer()
  return Uint8Array.from(encoded ?? [])
}

export const encode = (picture: Picture, mediaType: "image/jpeg" | "image/png", quality = 90): Uint8Array =>
  mediaType === "image/jpeg"
    ? encodeJpeg(picture, Math.min(100, Math.max(1, Math.round(quality))))
    : encodePng({ ...picture, depth: 8 })
