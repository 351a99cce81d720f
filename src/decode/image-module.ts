// How the pixels are laid out (Image Pixel and Multi-frame modules, PS3.3 §C.7.6.3, §C.7.6.6), checked before any is read.
import type { DataSet } from "dicom-parser"
import type { Part10 } from "../dicom/part10.ts"
import { DecodeFailure } from "./failure.ts"

export interface ImageModule {
  readonly Rows: number
  readonly Columns: number
  readonly SamplesPerPixel: number
  readonly PhotometricInterpretation: string
  readonly BitsAllocated: number
  readonly BitsStored: number
  readonly HighBit: number
  readonly PixelRepresentation: number
  readonly PlanarConfiguration: number
  readonly NumberOfFrames: number
  /** Float and double pixel data carry no Bits Stored (PS3.3 §C.7.6.24). */
  readonly real: boolean
}

/** Samples of one frame above this are refused before any memory is asked for. */
export const maxFrameBytes = 512 * 2 ** 20
const maxFrames = 1_000_000

export const stringOf = (dataset: DataSet, tag: string): string => (dataset.string(tag) ?? "").trim()

/** Decimal strings (DS) of one element; what is no number becomes NaN. */
export const numbersOf = (dataset: DataSet, tag: string): ReadonlyArray<number> => {
  const text = stringOf(dataset, tag)
  return text === "" ? [] : text.split("\\").map((part) => (part.trim() === "" ? Number.NaN : Number(part)))
}

/** Throws DecodeFailure: missing when there are no pixels, corrupt or unsupported when their description is unsound. */
export const imageModule = ({ dataset, pixelData }: Part10): ImageModule => {
  if (pixelData === undefined) throw new DecodeFailure("missing", "no pixel data")
  const bits = pixelData.tag === "7FE00008" ? 32 : pixelData.tag === "7FE00009" ? 64 : undefined
  const BitsAllocated = bits ?? dataset.uint16("x00280100") ?? 0
  const BitsStored = bits ?? dataset.uint16("x00280101") ?? BitsAllocated
  const frames = stringOf(dataset, "x00280008").split("\\")[0] ?? ""
  const image: ImageModule = {
    Rows: dataset.uint16("x00280010") ?? 0,
    Columns: dataset.uint16("x00280011") ?? 0,
    SamplesPerPixel: dataset.uint16("x00280002") ?? 1,
    PhotometricInterpretation: stringOf(dataset, "x00280004").toUpperCase(),
    BitsAllocated,
    BitsStored,
    HighBit: bits === undefined ? (dataset.uint16("x00280102") ?? BitsStored - 1) : bits - 1,
    PixelRepresentation: bits === undefined ? (dataset.uint16("x00280103") ?? 0) : 0,
    PlanarConfiguration: dataset.uint16("x00280006") ?? 0,
    NumberOfFrames: frames === "" || Number(frames) === 0 ? 1 : Number(frames),
    real: bits !== undefined,
  }
  const { Rows, Columns, SamplesPerPixel, NumberOfFrames } = image
  if (Rows === 0 || Columns === 0) throw new DecodeFailure("corrupt", `${Rows} rows, ${Columns} columns`)
  if (SamplesPerPixel < 1 || SamplesPerPixel > 4) {
    throw new DecodeFailure("unsupported", `${SamplesPerPixel} samples per pixel`)
  }
  if (![1, 8, 16, 32, 64].includes(BitsAllocated)) {
    throw new DecodeFailure("unsupported", `${BitsAllocated} bits allocated`)
  }
  if (BitsAllocated === 64 && !image.real) throw new DecodeFailure("unsupported", "64-bit integer pixels")
  if (
    BitsStored < 1 ||
    BitsStored > BitsAllocated ||
    image.HighBit >= BitsAllocated ||
    image.HighBit < BitsStored - 1
  ) {
    throw new DecodeFailure("corrupt", `${BitsStored} of ${BitsAllocated} bits stored, high bit ${image.HighBit}`)
  }
  if (!Number.isInteger(NumberOfFrames) || NumberOfFrames < 1 || NumberOfFrames > maxFrames) {
    throw new DecodeFailure("corrupt", "NumberOfFrames is no sane number")
  }
  if (frameBytes(image) > maxFrameBytes) {
    throw new DecodeFailure("too-large", `${Rows} × ${Columns} pixels in one frame`)
  }
  return image
}

/** Bytes of one frame as decoded; a frame of single bits rounded up. */
export const frameBytes = ({ Rows, Columns, SamplesPerPixel, BitsAllocated }: ImageModule): number =>
  Math.ceil((Rows * Columns * SamplesPerPixel * BitsAllocated) / 8)
