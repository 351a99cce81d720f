// A stored object in Explicit VR Little Endian, the default of PS3.18 §8.7.3.5.2: element by element, character sets
// untouched, values and frames by reference, so that neither header nor pixels are ever rebuilt in memory.
import { deflatedExplicit, readPart10Bytes, type Part10 } from "../dicom/part10.ts"
import { makeWindow } from "../dicom/byte-window.ts"
import type { Pieces } from "../dicom/pieces.ts"
import { swapWords, vrOf, wordBytes } from "../dicom/value-representation.ts"
import { hexTag, isLongVR, isPixelTag, walk, type Token, type ValueToken } from "../dicom/walk.ts"
import { nativeByteOrder, type NativeFrame } from "./codec.ts"
import { delimiter, elementHeader, makeWriter, numberElement, textElement, type Writer } from "./element-writer.ts"
import { DecodeFailure } from "./failure.ts"
import { frameBytes, type ImageModule } from "./image-module.ts"
import { pixelWidth } from "./frame.ts"
import { openImage, openObject } from "./opened.ts"

const explicitLittleEndian = "1.2.840.10008.1.2.1"
const limits = { depth: 64, elements: 2_000_000 }
const undefinedLength = 0xffffffff
const maxJoinedBits = 16 * 2 ** 20
const trailingPadding = 0xfffcfffc
/** Offset tables of frames that are no longer compressed, and padding. */
const dropped = new Set([0x7fe00001, 0x7fe00002, trailingPadding])

/** Preamble and file meta information (PS3.10 §7.1), with the new transfer syntax and the right group length. */
const writeMeta = (part10: Part10, writer: Writer) => {
  const { datasetAt } = part10
  const file = readPart10Bytes(part10, 0, datasetAt)
  const kept: Array<Uint8Array> = []
  for (const token of walk(
    makeWindow(datasetAt, file, (offset, length) => file.subarray(offset, offset + length)),
    { start: 132, explicit: true, littleEndian: true },
    limits,
  )) {
    if (token._tag !== "Value" || token.tag === 0x00020000) continue
    kept.push(
      token.tag === 0x00020010
        ? textElement(0x00020010, "UI", explicitLittleEndian)
        : file.subarray(token.at, token.offset + token.length),
    )
  }
  const length = Buffer.alloc(4)
  length.writeUInt32LE(kept.reduce((sum, { length }) => sum + length, 0))
  for (const bytes of [file.subarray(0, 132), elementHeader(0x00020000, "UL", 4), length, ...kept]) writer.bytes(bytes)
}

/** Every element anew: from implicit VR or big endian. */
const writeConverted = (part10: Part10, writer: Writer) => {
  const ofPixels = pixelWidth(part10)
  const signed = (part10.dataset.uint16("x00280103") ?? 0) !== 0
  const value = ({ tag, vr: written, offset, length, littleEndian }: ValueToken, pixels: boolean) => {
    const named = vrOf(hexTag(tag), written === "" ? undefined : written, false, signed)
    const available = Math.min(length, part10.fileBytes - offset)
    const odd = available % 2
    const vr = !isLongVR(named) && available + odd > 0xfffe ? "UN" : named
    const swap = pixels ? ofPixels : littleEndian || written === "UN" ? 1 : wordBytes(vr === "UN" ? named : vr)
    writer.bytes(elementHeader(tag, vr, available + odd))
    writer.stored(offset, available, swap, (bytes) => swapWords(bytes, swap))
    if (odd === 1) writer.bytes(Uint8Array.of(/^(OB|OW|UI|UN)$/.test(vr) ? 0 : 0x20))
  }
  return (token: Token) => {
    if (token._tag === "Sequence") {
      if (token.fragments) throw new DecodeFailure("unsupported", `delimited bytes at ${hexTag(token.tag)}`)
      writer.bytes(elementHeader(token.tag, "SQ", undefinedLength))
    } else if (token._tag === "Item") writer.bytes(delimiter(0xfffee000, undefinedLength))
    else if (token._tag === "End") writer.bytes(delimiter(token.of === "Item" ? 0xfffee00d : 0xfffee0dd, 0))
    else if (token._tag === "Value" && (token.tag & 0xffff) !== 0 && token.tag !== trailingPadding) {
      value(token, token.depth === 0 && isPixelTag(token.tag))
    }
  }
}

interface Decoded {
  readonly image: ImageModule
  readonly PhotometricInterpretation: string
  readonly first: Uint8Array
  readonly read: (frame: number) => NativeFrame
}

/** As the codecs deliver: whole samples, whatever was subsampled. */
const photometric = (name: string): string => (/^YBR_(FULL|PARTIAL)_42[02]$/.test(name) ? "YBR_FULL" : name)

/** Native frames of single bits follow each other without padding (PS3.5 §8.1.1). */
const joinedBits = (image: ImageModule, read: Decoded["read"]): Uint8Array => {
  const bits = image.Rows * image.Columns
  const size = Math.ceil((bits * image.NumberOfFrames) / 8)
  if (size > maxJoinedBits) throw new DecodeFailure("too-large", `${size} bytes of single bits`)
  const joined = Buffer.alloc(size + (size % 2))
  for (let frame = 0; frame < image.NumberOfFrames; frame++) {
    const { bytes } = read(frame + 1)
    for (let i = 0, to = frame * bits; i < bits; i++, to++) {
      if ((bytes[i >> 3]! >> (i & 7)) & 1) joined[to >> 3]! |= 1 << (to & 7)
    }
  }
  return joined
}

const writePixels = ({ image, first, read }: Decoded, writer: Writer) => {
  const { NumberOfFrames, BitsAllocated } = image
  const size = frameBytes(image)
  const total = size * NumberOfFrames
  if (BitsAllocated === 1 && NumberOfFrames > 1 && (image.Rows * image.Columns) % 8 !== 0) {
    const joined = joinedBits(image, read)
    writer.bytes(elementHeader(0x7fe00010, "OB", joined.length))
    writer.bytes(joined)
    return
  }
  if (total > 0xfffffffe) throw new DecodeFailure("too-large", `${total} bytes of pixels`)
  writer.bytes(elementHeader(0x7fe00010, BitsAllocated > 8 ? "OW" : "OB", total + (total % 2)))
  if (NumberOfFrames === 1) writer.piece({ _tag: "Bytes", bytes: first })
  else
    for (let frame = 1; frame <= NumberOfFrames; frame++)
      writer.piece({ _tag: "Frame", frame, offset: 0, length: size })
  if (total % 2 === 1) writer.bytes(Uint8Array.of(0))
}

/** The data set is explicit little endian already: all but the pixels and what describes them is copied in long stretches. */
const writeDecoded = (part10: Part10, decoded: Decoded, writer: Writer) => {
  const { image } = decoded
  const copy = (from: number, to: number) => {
    if (to > from) writer.stored(from, to - from, 1, (bytes) => bytes)
  }
  let from = part10.datasetAt
  let inPixels = false
  let icon: number | undefined
  const replace = (at: number, next: number, ...elements: ReadonlyArray<Uint8Array>) => {
    copy(from, at)
    for (const element of elements) writer.bytes(element)
    from = next
  }
  return {
    take: (token: Token) => {
      if (token._tag === "Sequence" && token.depth === 0 && isPixelTag(token.tag)) {
        replace(token.at, part10.fileBytes)
        writePixels(decoded, writer)
        inPixels = true
      } else if (token._tag === "Sequence" && token.depth === 0 && token.tag === 0x00880200) icon = token.at
      // An icon may be compressed only where the image is (PS3.5 §A.4): it is left out then.
      else if (token._tag === "Sequence" && token.fragments && icon !== undefined) inPixels = true
      else if (token._tag === "End" && token.of === "Sequence" && token.depth === 0) {
        if (icon !== undefined && inPixels) replace(icon, token.at)
        else if (inPixels) from = token.at
        inPixels = false
        icon = undefined
      } else if (token._tag === "Value" && token.depth === 0) {
        const next = token.offset + token.length
        if ((token.tag & 0xffff) === 0 || dropped.has(token.tag)) replace(token.at, next)
        else if (isPixelTag(token.tag)) {
          replace(token.at, Math.min(next, part10.fileBytes))
          writePixels(decoded, writer)
        } else if (token.tag === 0x00280006 && image.SamplesPerPixel > 1) replace(token.at, next)
        else if (token.tag === 0x00280004) {
          replace(
            token.at,
            next,
            textElement(0x00280004, "CS", photometric(decoded.PhotometricInterpretation)),
            ...(image.SamplesPerPixel > 1 ? [numberElement(0x00280006, 0)] : []),
          )
        }
      }
    },
    end: (sound: boolean) => {
      if (sound && !inPixels) copy(from, part10.fileBytes)
    },
  }
}

/** Throws DecodeFailure and Part10Error when the object cannot be had in Explicit VR Little Endian. */
export const explicitPieces = (path: string): Pieces => {
  const part10 = openObject(path)
  const { datasetAt, explicit, littleEndian, fileBytes, TransferSyntaxUID } = part10
  const read = (offset: number, length: number) => readPart10Bytes(part10, offset, length)
  const writer = makeWriter(read)
  writeMeta(part10, writer)
  if (TransferSyntaxUID === deflatedExplicit) {
    if (!explicit) throw new DecodeFailure("unsupported", "a deflated data set of implicit VR")
    writer.piece({ _tag: "Inflated", offset: datasetAt })
    return writer.end()
  }
  const native = nativeByteOrder(TransferSyntaxUID) !== undefined || part10.pixelData === undefined
  const window = makeWindow(fileBytes, Buffer.alloc(0), read)
  const tokens = walk(window, { start: datasetAt, explicit, littleEndian }, limits)
  let pixelsSeen = false
  const each = (take: (token: Token) => void): boolean => {
    try {
      for (const token of tokens) {
        take(token)
        if ("tag" in token && token.depth === 0 && token.tag >= 0x7fe00010) pixelsSeen = true
      }
      return true
    } catch (thrown) {
      // What does not make sense behind the pixels is left behind.
      if (!pixelsSeen || thrown instanceof DecodeFailure) throw thrown
      return false
    }
  }
  if (native) {
    if (part10.pixelData?.encapsulated === true)
      throw new DecodeFailure("corrupt", "delimited pixels in a native syntax")
    each(writeConverted(part10, writer))
    return writer.end()
  }
  const { image, read: frame } = openImage(path)
  const { bytes: first, PhotometricInterpretation } = frame(1)
  const decoded = writeDecoded(part10, { image, first, PhotometricInterpretation, read: frame }, writer)
  decoded.end(each(decoded.take))
  return writer.end()
}
