// Walks a header without recursion and without keeping anything: where it ends, where the pixels lie, and that
// nesting, element count and lengths are sane. Only what passes here is handed to the recursive parser.
import { Part10Error } from "./part10-error.ts"

export interface HeaderLimits {
  /** Nested items; the standard's own modules stay below ten. */
  readonly depth: number
  /** Elements and items in the whole header. */
  readonly elements: number
  /** A top-level value above this many bytes ends the header, since it is bulk data. */
  readonly valueBytes: number
}

export interface ValueSpan {
  readonly offset: number
  /** Bytes; undefined where the value is delimited (encapsulated pixel data). */
  readonly length: number | undefined
}

export interface HeaderExtent {
  /** First byte behind the last element that belongs to the header. */
  readonly end: number
  readonly pixelTag: PixelTag | undefined
  readonly pixels: (ValueSpan & { readonly vr: string }) | undefined
  /** Extended Offset Table and its lengths (PS3.5 §A.4). */
  readonly extendedOffsets: ValueSpan | undefined
  readonly extendedLengths: ValueSpan | undefined
  /** Tag of the bulk value that ended the header early. */
  readonly stoppedAt: string | undefined
  /** Offsets of VRs with 32-bit lengths that the parser does not know: OV, SV, UV. */
  readonly unknownLongVRs: ReadonlyArray<number>
}

/** Float, double and integer pixel data (PS3.3 §C.7.6.24, §C.7.6.25, §C.7.6.3). */
export type PixelTag = "7FE00008" | "7FE00009" | "7FE00010"

export interface Encoding {
  readonly start: number
  readonly explicit: boolean
  readonly littleEndian: boolean
  /** Size of the whole file, of which `bytes` is the beginning. */
  readonly total: number
}

const undefinedLength = 0xffffffff
const item = 0xfffee000
const itemDelimiter = 0xfffee00d
const sequenceDelimiter = 0xfffee0dd
const longVRs = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
const unknownToParser = new Set(["OV", "SV", "UV"])

type Frame = { readonly kind: "data" | "items" | "fragments"; readonly end: number; readonly explicit: boolean }

export const hexTag = (tag: number): string => tag.toString(16).toUpperCase().padStart(8, "0")

/**
 * The extent, or how many bytes from the start of the file must be at hand to go on.
 * Throws Part10Error (truncated, too-deep, too-large, corrupt).
 */
export const headerExtent = (
  bytes: Buffer,
  { start, explicit, littleEndian, total }: Encoding,
  limits: HeaderLimits,
): HeaderExtent | { readonly need: number } => {
  const u16 = (at: number) => (littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const u32 = (at: number) => (littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const tagAt = (at: number) => u16(at) * 0x10000 + u16(at + 2)
  const stack: Array<Frame> = [{ kind: "data", end: total, explicit }]
  const unknownLongVRs: Array<number> = []
  let [position, elements] = [start, 0]
  let headerEnd: number | undefined
  let extendedOffsets: ValueSpan | undefined
  let extendedLengths: ValueSpan | undefined
  const extent = (end: number, more: Partial<HeaderExtent> = {}): HeaderExtent => ({
    end: headerEnd ?? end,
    pixelTag: undefined,
    pixels: undefined,
    stoppedAt: undefined,
    extendedOffsets,
    extendedLengths,
    unknownLongVRs,
    ...more,
  })
  const push = (frame: Frame) => {
    if (stack.length > limits.depth * 2) throw new Part10Error("too-deep", `more than ${limits.depth} nested items`)
    stack.push(frame)
  }
  for (;;) {
    const frame = stack[stack.length - 1]!
    const outermost = stack.length === 1
    if (position >= frame.end) {
      if (outermost) return extent(position)
      if (position > frame.end) throw new Part10Error("corrupt", `value runs past its item at offset ${position}`)
      stack.pop()
      continue
    }
    // Less than one element left behind the data set: padding.
    if (outermost && position + 8 > total) return extent(position)
    if (position + 12 > bytes.length && bytes.length < total) return { need: Math.min(position + 12, total) }
    if (position + 8 > bytes.length)
      throw new Part10Error("truncated", `file ends within an item at offset ${position}`)
    if (++elements > limits.elements) throw new Part10Error("too-large", `more than ${limits.elements} elements`)
    const tag = tagAt(position)

    if (frame.kind !== "data") {
      const length = u32(position + 4)
      const from = position
      position += 8
      if (tag === sequenceDelimiter) stack.pop()
      else if (tag !== item) throw new Part10Error("corrupt", `expected an item at offset ${from}`)
      else if (frame.kind === "fragments") position += length
      else {
        const end = length === undefinedLength ? frame.end : position + length
        if (end > frame.end)
          throw new Part10Error(end > total ? "truncated" : "corrupt", `item at offset ${from} runs past its end`)
        push({ kind: "data", end, explicit: frame.explicit })
      }
      continue
    }

    if (tag === itemDelimiter && !outermost) {
      stack.pop()
      position += 8
      continue
    }
    // Zeros behind the data set are padding that some archives add.
    if (outermost && tag === 0) return extent(position)
    // Delimiters where none belong, left by writers that close a sequence twice or give it length 0.
    if (tag === item || tag === itemDelimiter || tag === sequenceDelimiter) {
      position += 8
      continue
    }
    const from = position
    const vr = frame.explicit ? bytes.toString("latin1", position + 4, position + 6) : ""
    if (frame.explicit && !/^[A-Z]{2}$/.test(vr))
      throw new Part10Error("corrupt", `no VR at ${hexTag(tag)}, offset ${from}`)
    const long = !frame.explicit || longVRs.has(vr)
    if (frame.explicit && long && position + 12 > bytes.length) {
      throw new Part10Error("truncated", `file ends within ${hexTag(tag)}`)
    }
    const length = frame.explicit ? (long ? u32(position + 8) : u16(position + 6)) : u32(position + 4)
    position += frame.explicit && long ? 12 : 8

    if (outermost && tag >= 0x7fe00001) {
      headerEnd ??= from
      const span = { offset: position, length: length === undefinedLength ? undefined : length }
      if (tag === 0x7fe00008 || tag === 0x7fe00009 || tag === 0x7fe00010) {
        return extent(from, { pixelTag: hexTag(tag) as PixelTag, pixels: { ...span, vr: vr === "" ? "OW" : vr } })
      }
      if (tag > 0x7fe00010) return extent(from)
      if (tag === 0x7fe00001) extendedOffsets = span
      if (tag === 0x7fe00002) extendedLengths = span
    }
    if (unknownToParser.has(vr) && headerEnd === undefined) unknownLongVRs.push(from + 4)

    const end = length === undefinedLength ? frame.end : position + length
    if (end > frame.end) {
      throw new Part10Error(end > total ? "truncated" : "corrupt", `${hexTag(tag)} at offset ${from} runs past its end`)
    }
    const peeked = position + 4 <= Math.min(end, bytes.length) ? tagAt(position) : 0
    const publicTag = ((tag / 0x10000) & 1) === 0
    const sequence =
      vr === "SQ" ||
      (length === undefinedLength &&
        (vr === "UN" || (vr === "" && (peeked === item || peeked === sequenceDelimiter)))) ||
      (vr === "" && publicTag && length > 0 && (peeked === item || peeked === sequenceDelimiter))
    if (sequence) push({ kind: "items", end, explicit: frame.explicit && vr !== "UN" })
    else if (length === undefinedLength) push({ kind: "fragments", end, explicit: frame.explicit })
    else if (outermost && length > limits.valueBytes) return extent(from, { stoppedAt: hexTag(tag) })
    else position = end
  }
}
