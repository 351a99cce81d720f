// One frame of an object: read at its offset, never the whole object, and brought to native little endian (PS3.5 §8).
import type { Samples } from "../domain/samples.ts"
import { readPart10Bytes, type Part10 } from "../dicom/part10.ts"
import { swapWords } from "../dicom/value-representation.ts"
import { decodeCompressed, isCompressed, nativeByteOrder, type NativeFrame } from "./codec.ts"
import { DecodeFailure } from "./failure.ts"
import { encapsulatedFrames, readFragments } from "./fragments.ts"
import { frameBytes, maxFrameBytes, type ImageModule } from "./image-module.ts"

/** Own memory, so that it can be viewed as wider samples, changed and transferred. */
const owned = (bytes: Buffer): Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer && bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    ? new Uint8Array(bytes.buffer)
    : Uint8Array.from(bytes)

/** Two chroma samples per pixel pair instead of four (PS3.3 §C.7.6.3.1.2, YBR_FULL_422). */
export const isSubsampled = (image: ImageModule): boolean =>
  image.SamplesPerPixel === 3 && image.BitsAllocated === 8 && image.PhotometricInterpretation === "YBR_FULL_422"

/** Bytes of one frame in a native encoding. */
export const nativeFrameBytes = (image: ImageModule): number =>
  isSubsampled(image) ? image.Rows * image.Columns * 2 : frameBytes(image)

/** Bytes of the words that native pixels are swapped by (PS3.5 §8.1.1, §A.3). */
export const pixelWidth = (part10: Part10): 1 | 2 | 4 | 8 => {
  if (part10.pixelData === undefined || nativeByteOrder(part10.TransferSyntaxUID) !== "big") return 1
  const allocated = part10.dataset.uint16("x00280100") ?? 16
  if (part10.pixelData.tag === "7FE00009" || allocated === 64) return 8
  if (part10.pixelData.tag === "7FE00008" || allocated === 32) return 4
  return part10.pixelData.vr === "OB" ? 1 : 2
}

/** Frames of single bits follow each other without padding (PS3.5 §8.1.1): shift to the frame's first bit. */
const alignBits = (bytes: Uint8Array<ArrayBuffer>, shift: number, length: number): Uint8Array<ArrayBuffer> =>
  shift === 0
    ? bytes.subarray(0, length)
    : Uint8Array.from({ length }, (_, i) => ((bytes[i]! | ((bytes[i + 1] ?? 0) << 8)) >> shift) & 0xff)

const nativeFrame = (part10: Part10, image: ImageModule, index: number): NativeFrame => {
  const pixels = part10.pixelData!
  if (pixels.length === undefined)
    throw new DecodeFailure("corrupt", "pixel data of undefined length in a native syntax")
  const bits = image.BitsAllocated === 1 ? image.Rows * image.Columns * image.SamplesPerPixel : undefined
  const size = nativeFrameBytes(image)
  const start = bits === undefined ? index * size : Math.floor((index * bits) / 8)
  const shift = bits === undefined ? 0 : (index * bits) % 8
  const length = bits === undefined ? size : Math.ceil((shift + bits) / 8)
  if (start + length > pixels.length) {
    throw new DecodeFailure("corrupt", `pixel data of ${pixels.length} bytes ends within frame ${index + 1}`)
  }
  const bytes = owned(readPart10Bytes(part10, pixels.offset + start, length))
  swapWords(Buffer.from(bytes.buffer), bits === undefined ? pixelWidth(part10) : 1)
  return {
    bytes: bits === undefined ? bytes : alignBits(bytes, shift, Math.ceil(bits / 8)),
    PhotometricInterpretation: image.PhotometricInterpretation,
  }
}

/** Reads frames of one object; what is the same for all of them is found once. `frame` is 1-based. */
export const frameReader = (part10: Part10, image: ImageModule): ((frame: number) => NativeFrame) => {
  const order = nativeByteOrder(part10.TransferSyntaxUID)
  let spans: ReturnType<typeof encapsulatedFrames> | undefined
  return (frame) => {
    if (!(frame >= 1 && frame <= image.NumberOfFrames)) {
      throw new DecodeFailure("missing", `there is no frame ${frame} of ${image.NumberOfFrames}`)
    }
    if (order !== undefined) return nativeFrame(part10, image, frame - 1)
    if (!isCompressed(part10.TransferSyntaxUID)) {
      throw new DecodeFailure("unsupported", `transfer syntax ${part10.TransferSyntaxUID}`)
    }
    spans ??= encapsulatedFrames(part10, image.NumberOfFrames)
    const span = spans[frame - 1]
    if (span === undefined) throw new DecodeFailure("corrupt", `the pixel data holds ${spans.length} frames`)
    return decodeCompressed(part10.TransferSyntaxUID, readFragments(part10, span, maxFrameBytes), image)
  }
}

/** Whether samples may sit above bit 0: only in native encodings, codecs deliver them right-aligned. */
const shiftOf = (part10: Part10, image: ImageModule): number =>
  nativeByteOrder(part10.TransferSyntaxUID) === undefined ? 0 : image.HighBit + 1 - image.BitsStored

const viewOf = (bytes: Uint8Array, image: ImageModule): Samples => {
  const { buffer, byteOffset, byteLength } =
    bytes.byteOffset % (image.BitsAllocated / 8 || 1) === 0 ? bytes : Uint8Array.from(bytes)
  const count = Math.floor(byteLength / Math.max(1, image.BitsAllocated / 8))
  const signed = image.PixelRepresentation === 1
  if (image.real && image.BitsAllocated === 32) return new Float32Array(buffer, byteOffset, count)
  if (image.real) return new Float64Array(buffer, byteOffset, count)
  if (image.BitsAllocated === 32)
    return signed ? new Int32Array(buffer, byteOffset, count) : new Uint32Array(buffer, byteOffset, count)
  if (image.BitsAllocated === 16)
    return signed ? new Int16Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count)
  return signed ? new Int8Array(buffer, byteOffset, count) : new Uint8Array(buffer, byteOffset, count)
}

/** Sample values of a frame: overlay bits masked, sign extended (PS3.5 §8.1.1); single bits become 0 and 1. */
export const samplesOf = (part10: Part10, image: ImageModule, { bytes }: NativeFrame): Samples => {
  if (image.BitsAllocated === 1) {
    const count = image.Rows * image.Columns * image.SamplesPerPixel
    return Uint8Array.from({ length: count }, (_, i) => (bytes[i >> 3]! >> (i & 7)) & 1)
  }
  const samples = viewOf(bytes, image)
  const shift = shiftOf(part10, image)
  if (image.real || image.BitsStored === image.BitsAllocated) return samples
  const left = 32 - image.BitsStored
  if (image.PixelRepresentation === 1) {
    for (let i = 0; i < samples.length; i++) samples[i] = ((samples[i]! >>> shift) << left) >> left
  } else {
    for (let i = 0; i < samples.length; i++) samples[i] = ((samples[i]! >>> shift) << left) >>> left
  }
  return samples
}
