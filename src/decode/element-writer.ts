// Elements in explicit VR little endian (PS3.5 §7.1.2), gathered as pieces: small values as bytes, long ones by reference.
import { bytesPiece, type Piece, type Pieces } from "../dicom/pieces.ts"
import { isLongVR } from "../dicom/walk.ts"
import { DecodeFailure } from "./failure.ts"

/** Bytes of values that one object's pieces may hold. */
const maxGathered = 64 * 2 ** 20
const inlineBytes = 4096

export const elementHeader = (tag: number, vr: string, length: number): Buffer => {
  const long = isLongVR(vr)
  const bytes = Buffer.alloc(long ? 12 : 8)
  bytes.writeUInt16LE(tag >>> 16, 0)
  bytes.writeUInt16LE(tag & 0xffff, 2)
  bytes.write(vr, 4, "latin1")
  if (long) bytes.writeUInt32LE(length, 8)
  else bytes.writeUInt16LE(length, 6)
  return bytes
}

/** Text values are padded to an even length (PS3.5 §6.2). */
export const textElement = (tag: number, vr: "UI" | "CS", text: string): Buffer => {
  const padded = text.length % 2 === 0 ? text : `${text}${vr === "UI" ? "\0" : " "}`
  return Buffer.concat([elementHeader(tag, vr, padded.length), Buffer.from(padded, "latin1")])
}

export const numberElement = (tag: number, value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return Buffer.concat([elementHeader(tag, "US", 2), bytes])
}

/** A delimiter or the head of an item; of undefined length as a rule. */
export const delimiter = (tag: number, length: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(tag >>> 16, 0)
  bytes.writeUInt16LE(tag & 0xffff, 2)
  bytes.writeUInt32LE(length, 4)
  return bytes
}

export const makeWriter = (read: (offset: number, length: number) => Buffer) => {
  const pieces: Array<Piece> = []
  let gathered: Array<Uint8Array> = []
  let total = 0
  const flush = () => {
    if (gathered.length > 0) pieces.push(bytesPiece(Buffer.concat(gathered)))
    gathered = []
  }
  const bytes = (value: Uint8Array) => {
    total += value.length
    if (total > maxGathered) throw new DecodeFailure("too-large", `more than ${maxGathered} bytes of header`)
    gathered.push(value)
  }
  const piece = (one: Piece) => {
    flush()
    pieces.push(one)
  }
  return {
    bytes,
    piece,
    /** Bytes of the file. `words`: what is done to those that are not copied as they are. */
    stored: (offset: number, length: number, swap: 1 | 2 | 4 | 8, words: (bytes: Buffer) => Buffer) => {
      if (length <= inlineBytes) bytes(words(Buffer.from(read(offset, length))))
      else piece({ _tag: "Stored", offset, length, swap })
    },
    end: (): Pieces => {
      flush()
      return pieces
    },
  }
}
export type Writer = ReturnType<typeof makeWriter>
