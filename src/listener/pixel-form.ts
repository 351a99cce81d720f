// Pixel data that came as bulk data parts: its transfer syntax, by what the parts say they are (PS3.18 §8.7.3.3) and are.
import { type Chunk, frameItems, lengthOf } from "../dicom/write-data-set.ts"
import type { DicomJson } from "../domain/instance.ts"
import type { BulkPart } from "./bulk-index.ts"
import { Refusal } from "./refusal.ts"
import { FailureReason } from "./store-response.ts"

export interface PixelForm {
  readonly TransferSyntaxUID: string
  /** Items of encapsulated pixel data; absent for native ones. */
  readonly encapsulated?: ReadonlyArray<Chunk>
}

const root = "1.2.840.10008.1.2"
const explicitLittleEndian = `${root}.1`
const native: PixelForm = { TransferSyntaxUID: explicitLittleEndian }

/** Defaults of PS3.18 §8.7.3.3.2; a JPEG says by itself which it is. */
const defaults: Readonly<Record<string, string | undefined>> = {
  "image/jls": `${root}.4.80`,
  "image/jp2": `${root}.4.90`,
  "image/jpx": `${root}.4.92`,
  "image/jphc": `${root}.4.201`,
  "image/jxl": `${root}.4.110`,
  "image/dicom-rle": `${root}.5`,
  "video/mpeg": `${root}.4.100`,
  "video/mp4": `${root}.4.102`,
}
const jpegs: Readonly<Record<number, string | undefined>> = {
  0xc0: `${root}.4.50`,
  0xc1: `${root}.4.51`,
  0xc3: `${root}.4.70`,
  0xf7: `${root}.4.80`,
}
const encapsulatedSyntax = /^1\.2\.840\.10008\.1\.2\.(4\.[0-9]{2,3}|5)$/
const itemTag = Buffer.from("feff00e0", "hex")
const sequenceEnd = Buffer.from("feffdde000000000", "hex")

/** By the frame header's marker (ISO/IEC 10918-1 §B.1.1.3). */
export const jpegSyntax = (head: Buffer): string | undefined => {
  for (let at = 2; at + 4 <= head.length && head[at] === 0xff; at += 2 + head.readUInt16BE(at + 2)) {
    const syntax = jpegs[head[at + 1]!]
    if (syntax !== undefined) return syntax
  }
  return undefined
}

export const beginsItem = (head: Buffer): boolean => head.subarray(0, 4).equals(itemTag)
export const endsSequence = (tail: Buffer): boolean => tail.equals(sequenceEnd)

const number = (attributes: DicomJson, tag: string, otherwise: number): number => {
  const value = Number(attributes[tag]?.Value?.[0] ?? otherwise)
  return Number.isInteger(value) && value > 0 ? value : 0
}

/** Bytes of native pixel data (PS3.5 §8.1.1); undefined where the attributes do not say. */
const nativeBytes = (attributes: DicomJson, frames: number): number | undefined => {
  const photometric = String(attributes["00280004"]?.Value?.[0] ?? "")
  const [rows, columns, allocated] = [
    number(attributes, "00280010", 0),
    number(attributes, "00280011", 0),
    number(attributes, "00280100", 0),
  ]
  const bits = rows * columns * allocated * number(attributes, "00280002", 1) * frames
  return bits === 0 || /_4[12]/.test(photometric) ? undefined : Math.ceil(bits / 8)
}

const mismatch = (detail: string) => new Refusal({ reason: FailureReason.mismatch, detail })

/** `parts`: of the pixel data's BulkDataURI, in the order in which they came; at least one. Throws Refusal. */
export const pixelForm = (attributes: DicomJson, parts: ReadonlyArray<BulkPart>): PixelForm => {
  const [first] = parts
  const frames = number(attributes, "00280008", 1)
  const expected = nativeBytes(attributes, frames)
  const length = lengthOf(parts)
  const fits = expected === undefined || length === expected || length === expected + (expected % 2)
  const named = new Set(parts.map(({ syntax }) => syntax))
  const types = new Set(parts.map(({ type }) => type))
  if (first === undefined || named.size > 1 || types.size > 1) {
    throw mismatch("the frames do not have one media type and transfer syntax")
  }
  const { type } = first
  const octets = type === "application/octet-stream"
  // Without a parameter octets are native; metadata of a compressed object may have been left as they were.
  const hint = octets && !fits ? (attributes["00083002"] ?? attributes["00020010"])?.Value?.[0] : undefined
  const byType = octets ? explicitLittleEndian : type === "image/jpeg" ? first.jpegSyntax : defaults[type]
  const syntax = [...named][0] ?? (typeof hint === "string" ? hint : byType)
  if (syntax === explicitLittleEndian || syntax === root) {
    if (!fits) throw mismatch(`the pixel data have ${length} bytes instead of ${expected}`)
    return native
  }
  if (syntax === undefined || !encapsulatedSyntax.test(syntax)) {
    const detail = "the transfer syntax of the pixel data is not supported"
    throw new Refusal({ reason: FailureReason.transferSyntax, detail })
  }
  if (parts.length === 1 && first.beginsItem) {
    // The whole value as it lies in a file.
    const end = first.endsSequence ? sequenceEnd.length : 0
    const items = [{ offset: first.offset, length: first.length - end }]
    return { TransferSyntaxUID: syntax, encapsulated: items }
  }
  if (parts.length !== frames && !type.startsWith("video/")) {
    throw mismatch(`${parts.length} parts came for ${frames} frames`)
  }
  return { TransferSyntaxUID: syntax, encapsulated: frameItems(parts) }
}
