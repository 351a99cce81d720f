// One compressed frame to native samples through dcmjs-codecs (PS3.5 §8.2, §10): interleaved, little endian.
import { constants, inflateRawSync } from "node:zlib"
import dcmjsCodecs, { type Context as CodecContext } from "dcmjs-codecs"
import { bareCodestream, codestream } from "./codestream.ts"
import { DecodeFailure } from "./failure.ts"
import { frameBytes, type ImageModule } from "./image-module.ts"

const { Context, log, NativeCodecs } = dcmjsCodecs

const family: Readonly<Record<string, "rle" | "deflate" | "jpeg" | "jpegls" | "jpeg2000" | "htj2k">> = {
  "1.2.840.10008.1.2.5": "rle",
  "1.2.840.10008.1.2.8.1": "deflate",
  "1.2.840.10008.1.2.4.50": "jpeg",
  "1.2.840.10008.1.2.4.51": "jpeg",
  "1.2.840.10008.1.2.4.57": "jpeg",
  "1.2.840.10008.1.2.4.70": "jpeg",
  "1.2.840.10008.1.2.4.80": "jpegls",
  "1.2.840.10008.1.2.4.81": "jpegls",
  "1.2.840.10008.1.2.4.90": "jpeg2000",
  "1.2.840.10008.1.2.4.91": "jpeg2000",
  "1.2.840.10008.1.2.4.201": "htj2k",
  "1.2.840.10008.1.2.4.202": "htj2k",
  "1.2.840.10008.1.2.4.203": "htj2k",
}

/** Implicit, explicit, deflated, big endian, and GE's private implicit syntax with big endian pixels. */
const native: Readonly<Record<string, "little" | "big">> = {
  "1.2.840.10008.1.2": "little",
  "1.2.840.10008.1.2.1": "little",
  "1.2.840.10008.1.2.1.99": "little",
  "1.2.840.10008.1.2.2": "big",
  "1.2.840.113619.5.2": "big",
}

export const nativeByteOrder = (TransferSyntaxUID: string): "little" | "big" | undefined => native[TransferSyntaxUID]

export const isCompressed = (TransferSyntaxUID: string): boolean => family[TransferSyntaxUID] !== undefined

let ready: Promise<void> | undefined

/** The codecs are one WebAssembly module per thread; load it before the first synchronous decode. */
export const loadCodecs = (): Promise<void> => {
  log.setLevel("silent")
  return (ready ??= NativeCodecs.initializeAsync())
}

export interface NativeFrame {
  readonly bytes: Uint8Array
  /** As the samples now are: the codec's own colour transform is undone, planes are interleaved. */
  readonly PhotometricInterpretation: string
}

const run = (kind: (typeof family)[string], context: CodecContext, colour: boolean): CodecContext => {
  switch (kind) {
    case "rle":
      return NativeCodecs.decodeRle(context)
    case "jpeg":
      return NativeCodecs.decodeJpeg(context, { convertColorspaceToRgb: colour })
    case "jpegls":
      return NativeCodecs.decodeJpegLs(context)
    case "jpeg2000":
      return NativeCodecs.decodeJpeg2000(context)
    default:
      return NativeCodecs.decodeHtJpeg2000(context)
  }
}

/** Deflated Image Frame Compression (PS3.5 §A.4.13): native bytes, each frame a raw deflate stream of its own. */
const inflated = (encoded: Buffer, image: ImageModule): NativeFrame => {
  try {
    const bytes = inflateRawSync(encoded, {
      maxOutputLength: frameBytes(image) + 1,
      finishFlush: constants.Z_SYNC_FLUSH,
    })
    if (bytes.length < frameBytes(image)) throw new RangeError("too short")
    return {
      bytes: Uint8Array.from(bytes.subarray(0, frameBytes(image))),
      PhotometricInterpretation: image.PhotometricInterpretation,
    }
  } catch {
    throw new DecodeFailure("corrupt", "the deflated frame does not inflate to its size")
  }
}

const packBits = (values: Uint8Array): Uint8Array => {
  const out = new Uint8Array(Math.ceil(values.length / 8))
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) out[i >> 3]! |= 1 << (i & 7)
  return out
}

/** Throws DecodeFailure (corrupt, unsupported). The answer is a copy outside the codec's memory. */
export const decodeCompressed = (TransferSyntaxUID: string, encoded: Buffer, image: ImageModule): NativeFrame => {
  const kind = family[TransferSyntaxUID]
  if (kind === undefined) throw new DecodeFailure("unsupported", `transfer syntax ${TransferSyntaxUID}`)
  const { Rows, Columns, SamplesPerPixel } = image
  if (kind === "deflate") return inflated(encoded, image)
  // Single bits are bytes to all codecs but RLE, which packs them as native pixels are.
  const bitmap = image.BitsAllocated === 1 && kind !== "rle"
  const BitsAllocated = bitmap ? 8 : image.BitsAllocated
  const expected = frameBytes({ ...image, BitsAllocated })
  const bytes = kind === "rle" ? encoded : bareCodestream(encoded)
  let stored = image.BitsStored
  let YCbCr = false
  if (kind !== "rle") {
    const found = codestream(bytes)
    if (found.Rows !== Rows || found.Columns !== Columns || found.components !== SamplesPerPixel) {
      throw new DecodeFailure(
        "corrupt",
        `the frame is ${found.Rows} × ${found.Columns} × ${found.components}, the header says ${Rows} × ${Columns} × ${SamplesPerPixel}`,
      )
    }
    if (found.precision > BitsAllocated)
      throw new DecodeFailure("corrupt", `${found.precision} bits in ${BitsAllocated}`)
    stored = found.precision
    YCbCr = found.YCbCr
  }
  // A JPEG under RGB is YCbCr all the same when it says so itself.
  const colour = SamplesPerPixel === 3 && (image.PhotometricInterpretation.startsWith("YBR") || YCbCr)
  const context = new Context({
    width: Columns,
    height: Rows,
    bitsAllocated: BitsAllocated,
    bitsStored: stored,
    samplesPerPixel: SamplesPerPixel,
    pixelRepresentation: image.PixelRepresentation,
    planarConfiguration: 0,
    photometricInterpretation: image.PhotometricInterpretation,
    encodedBuffer: bytes,
  })
  let decoded: Uint8Array | undefined
  try {
    decoded = run(kind, context, colour).getDecodedBuffer()
  } catch (thrown) {
    // After a trap the module's memory can no longer be trusted: the next task gets a new one.
    if (thrown instanceof Error && thrown.name === "RuntimeError") {
      NativeCodecs.release()
      ready = undefined
    }
    throw new DecodeFailure("corrupt", thrown instanceof Error ? thrown.message : "the codec failed")
  }
  if (decoded === undefined || decoded.length < expected) {
    throw new DecodeFailure("corrupt", `the frame decodes to ${decoded?.length ?? 0} bytes of ${expected}`)
  }
  // The JPEG decoder undoes any YCbCr, the JPEG 2000 decoder its own two transforms (PS3.3 §C.7.6.3.1.2).
  const toRgb = colour && (kind === "jpeg" || /^YBR_(RCT|ICT)$/.test(image.PhotometricInterpretation))
  return {
    bytes: bitmap ? packBits(decoded.subarray(0, expected)) : Uint8Array.from(decoded.subarray(0, expected)),
    PhotometricInterpretation: toRgb ? "RGB" : image.PhotometricInterpretation,
  }
}
