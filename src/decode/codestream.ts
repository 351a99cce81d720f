// What a compressed frame says of itself: its size is compared with the header's before a decoder is asked for memory.
import { DecodeFailure } from "./failure.ts"

export interface Codestream {
  readonly Rows: number
  readonly Columns: number
  readonly components: number
  readonly precision: number
  readonly signed: boolean
  /** A JPEG that says its components are YCbCr: JFIF does always, Adobe's marker by its last byte. */
  readonly YCbCr: boolean
}

/** JPEG and JPEG-LS: the frame header (ISO/IEC 10918-1 §B.2.2); anything up to it is a marker segment. */
const jpeg = (bytes: Buffer): Codestream | undefined => {
  let at = 2
  let YCbCr = false
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1]!
    if (marker === 0xff) {
      at += 1
      continue
    }
    const frame = (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === 0xf7
    if (frame) {
      return {
        precision: bytes[at + 4]!,
        Rows: bytes.readUInt16BE(at + 5),
        Columns: bytes.readUInt16BE(at + 7),
        components: bytes[at + 9]!,
        signed: false,
        YCbCr,
      }
    }
    const length = bytes.readUInt16BE(at + 2)
    if (marker === 0xe0 && bytes.toString("latin1", at + 4, at + 8) === "JFIF") YCbCr = true
    if (marker === 0xee && bytes.toString("latin1", at + 4, at + 9) === "Adobe") YCbCr = bytes[at + 15] === 1
    at += 2 + length
  }
  return undefined
}

/** JPEG 2000 and HTJ2K: the SIZ segment (ISO/IEC 15444-1 §A.5.1). */
const jpeg2000 = (bytes: Buffer): Codestream | undefined => {
  if (bytes.length < 43 || bytes.readUInt16BE(2) !== 0xff51) return undefined
  const depth = bytes[42]!
  return {
    Columns: bytes.readUInt32BE(8) - bytes.readUInt32BE(16),
    Rows: bytes.readUInt32BE(12) - bytes.readUInt32BE(20),
    components: bytes.readUInt16BE(40),
    precision: (depth & 0x7f) + 1,
    signed: depth > 0x7f,
    YCbCr: false,
  }
}

/** Some writers store a JP2 file instead of the bare codestream (against PS3.5 §A.4.4): cut to where that begins. */
export const bareCodestream = (bytes: Buffer): Buffer => {
  if (bytes.length < 12 || bytes.toString("latin1", 4, 8) !== "jP  ") return bytes
  const start = bytes.indexOf(Buffer.from([0xff, 0x4f, 0xff, 0x51]))
  return start < 0 ? bytes : bytes.subarray(start)
}

/** Throws DecodeFailure when the bytes do not begin like the codec's. */
export const codestream = (bytes: Buffer): Codestream => {
  const start = bytes.length < 12 ? 0 : bytes.readUInt16BE(0)
  const found = start === 0xffd8 ? jpeg(bytes) : start === 0xff4f ? jpeg2000(bytes) : undefined
  if (found === undefined) throw new DecodeFailure("corrupt", "the frame does not begin with a known image header")
  return found
}
