// Where each frame lies in encapsulated pixel data (PS3.5 §A.4): offset tables where they hold, fragments where not.
import { readPart10Bytes, type Part10 } from "../dicom/part10.ts"
import { DecodeFailure } from "./failure.ts"

interface Span {
  readonly offset: number
  readonly length: number
}

const maxFragments = 1_000_000
const windowBytes = 4096

/** The items of encapsulated pixel data; the first is the Basic Offset Table. Stops where the file does. */
const items = (part10: Part10, start: number, end: number): ReadonlyArray<Span> => {
  const found: Array<Span> = []
  let at = start
  let window: Buffer = Buffer.alloc(0)
  let windowAt = 0
  while (at + 8 <= end) {
    if (at < windowAt || at + 8 > windowAt + window.length) {
      windowAt = at
      window = readPart10Bytes(part10, at, Math.min(windowBytes, end - at))
    }
    const tag = window.readUInt32LE(at - windowAt)
    const length = window.readUInt32LE(at - windowAt + 4)
    if (tag !== 0xe000fffe) break
    if (found.length >= maxFragments) throw new DecodeFailure("too-large", `more than ${maxFragments} fragments`)
    found.push({ offset: at + 8, length: Math.min(length, end - at - 8) })
    at += 8 + length
  }
  return found
}

const readTable = (part10: Part10, { offset, length }: Span): ReadonlyArray<number> => {
  const bytes = readPart10Bytes(part10, offset, Math.min(length, maxFragments * 4))
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => bytes.readUInt32LE(i * 4))
}

/** The extended table holds 64-bit offsets and every frame is one fragment. */
const fromExtended = (
  part10: Part10,
  first: number,
  end: number,
  frames: number,
): ReadonlyArray<ReadonlyArray<Span>> | undefined => {
  const { extendedOffsets: offsets, extendedLengths: lengths } = part10
  if (offsets?.length === undefined || lengths?.length === undefined) return undefined
  if (offsets.length < frames * 8 || lengths.length < frames * 8) return undefined
  const at = readPart10Bytes(part10, offsets.offset, frames * 8)
  const of = readPart10Bytes(part10, lengths.offset, frames * 8)
  const spans = Array.from({ length: frames }, (_, i) => ({
    offset: first + Number(at.readBigUInt64LE(i * 8)) + 8,
    length: Number(of.readBigUInt64LE(i * 8)),
  }))
  return spans.every(({ offset, length }) => offset + length <= end) ? spans.map((span) => [span]) : undefined
}

/** A fragment that begins with a start-of-image or start-of-codestream marker begins a frame. */
const beginsFrame = (part10: Part10, { offset, length }: Span): boolean => {
  if (length < 2) return false
  const marker = readPart10Bytes(part10, offset, 2).readUInt16BE(0)
  return marker === 0xffd8 || marker === 0xff4f
}

const group = (fragments: ReadonlyArray<Span>, begins: (span: Span, index: number) => boolean) => {
  const frames: Array<Array<Span>> = []
  fragments.forEach((span, index) => {
    const last = frames[frames.length - 1]
    if (last === undefined || begins(span, index)) frames.push([span])
    else last.push(span)
  })
  return frames
}

/** Fragments of every frame that can be told apart; a damaged file may yield fewer than NumberOfFrames. */
export const encapsulatedFrames = (part10: Part10, NumberOfFrames: number): ReadonlyArray<ReadonlyArray<Span>> => {
  const { pixelData, fileBytes } = part10
  if (pixelData === undefined) throw new DecodeFailure("missing", "no pixel data")
  const end = pixelData.length === undefined ? fileBytes : Math.min(fileBytes, pixelData.offset + pixelData.length)
  const [table] = items(part10, pixelData.offset, Math.min(end, pixelData.offset + 8))
  if (table === undefined) throw new DecodeFailure("corrupt", "the pixel data holds no items")
  const tableLength = readPart10Bytes(part10, pixelData.offset + 4, 4).readUInt32LE(0)
  const first = pixelData.offset + 8 + tableLength
  const extended = fromExtended(part10, first, end, NumberOfFrames)
  if (extended !== undefined) return extended

  const fragments = items(part10, first, end)
  if (fragments.length === 0) throw new DecodeFailure("corrupt", "the pixel data holds no fragments")
  if (NumberOfFrames === 1) return [fragments]
  const offsets = tableLength >= 4 ? readTable(part10, { offset: table.offset, length: tableLength }) : []
  const starts = new Set(offsets.map((offset) => first + offset + 8))
  const byTable = group(fragments, ({ offset }) => starts.has(offset))
  if (starts.size === NumberOfFrames && byTable.length === NumberOfFrames) return byTable
  if (fragments.length <= NumberOfFrames) return fragments.map((span) => [span])
  const byMarker = group(fragments, (span) => beginsFrame(part10, span))
  if (byMarker.length === NumberOfFrames) return byMarker
  throw new DecodeFailure("corrupt", `${fragments.length} fragments do not tell ${NumberOfFrames} frames apart`)
}

/** The bytes of one frame, its fragments joined. */
export const readFragments = (part10: Part10, spans: ReadonlyArray<Span>, most: number): Buffer => {
  const total = spans.reduce((sum, { length }) => sum + length, 0)
  if (total > most) throw new DecodeFailure("too-large", `${total} encoded bytes in one frame`)
  const parts = spans.map(({ offset, length }) => readPart10Bytes(part10, offset, length))
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}
