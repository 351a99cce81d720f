// The elements of a data set one after the other (PS3.5 §7), without recursion and without their values; nesting,
// element count and lengths are checked on the way, so that what passes is sane for recursive code.
import type { ByteWindow } from "./byte-window.ts"
import { Part10Error } from "./part10-error.ts"

export interface WalkLimits {
  /** Nested items; the standard's own modules stay below ten. */
  readonly depth: number
  /** Elements and items of the whole. */
  readonly elements: number
}

export interface Encoding {
  readonly start: number
  readonly explicit: boolean
  readonly littleEndian: boolean
}

export interface ValueToken {
  readonly _tag: "Value"
  readonly tag: number
  /** As written; empty in implicit encodings. */
  readonly vr: string
  /** Of the element's first byte. */
  readonly at: number
  readonly offset: number
  /** Pixel data may say more than the file holds. */
  readonly length: number
  readonly littleEndian: boolean
  /** 0: of the data set itself. */
  readonly depth: number
}

export type Token =
  | ValueToken
  /** Of a sequence, and of encapsulated data (`fragments`), whose items are its fragments. */
  | {
      readonly _tag: "Sequence"
      readonly tag: number
      readonly vr: string
      readonly at: number
      readonly offset: number
      readonly fragments: boolean
      readonly depth: number
    }
  | { readonly _tag: "Item"; readonly at: number; readonly depth: number }
  | { readonly _tag: "Fragment"; readonly offset: number; readonly length: number }
  /** `at`: behind its last byte. */
  | { readonly _tag: "End"; readonly of: "Item" | "Sequence"; readonly at: number; readonly depth: number }

const undefinedLength = 0xffffffff
const item = 0xfffee000
const itemDelimiter = 0xfffee00d
const sequenceDelimiter = 0xfffee0dd
const longVRs = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])

/** Whether the element's header has a 32-bit length (PS3.5 §7.1.2). */
export const isLongVR = (vr: string): boolean => longVRs.has(vr)

/** Float, double and integer pixel data (PS3.3 §C.7.6.24, §C.7.6.25, §C.7.6.3). */
export const isPixelTag = (tag: number): boolean => tag === 0x7fe00008 || tag === 0x7fe00009 || tag === 0x7fe00010

interface Frame {
  readonly kind: "data" | "items" | "fragments"
  readonly end: number
  /** Of items: a delimiter must end them. Fragments without one occur in the field, and their lengths tell enough. */
  readonly delimited: boolean
  readonly explicit: boolean
  readonly littleEndian: boolean
}

export const hexTag = (tag: number): string => tag.toString(16).toUpperCase().padStart(8, "0")

const isVR = (vr: string): boolean => {
  const [a, b] = [vr.charCodeAt(0), vr.charCodeAt(1)]
  return a >= 65 && a <= 90 && b >= 65 && b <= 90
}

/** Throws Part10Error (truncated, too-deep, too-large, corrupt) where the data set stops making sense. */
export function* walk(
  bytes: ByteWindow,
  { start, explicit, littleEndian }: Encoding,
  limits: WalkLimits,
): Generator<Token, void, undefined> {
  const { total } = bytes
  const stack: Array<Frame> = [{ kind: "data", end: total, delimited: false, explicit, littleEndian }]
  let [position, elements] = [start, 0]
  const push = (frame: Frame) => {
    if (stack.length > limits.depth * 2) throw new Part10Error("too-deep", `more than ${limits.depth} nested items`)
    stack.push(frame)
  }
  // Items and sequences alternate.
  const depth = () => (stack.length - 1) >> 1
  const pop = (): Token => {
    const ended = stack.pop()!
    return { _tag: "End", of: ended.kind === "data" ? "Item" : "Sequence", at: position, depth: depth() }
  }
  for (;;) {
    const frame = stack[stack.length - 1]!
    const outermost = stack.length === 1
    if (position >= frame.end) {
      if (outermost) return
      if (frame.delimited && position >= total) throw new Part10Error("truncated", "a sequence is open at the end")
      if (position > frame.end) throw new Part10Error("corrupt", `value runs past its item at offset ${position}`)
      yield pop()
      continue
    }
    // Less than one element left behind the data set: padding.
    if (!bytes.has(position, 8)) {
      if (outermost) return
      throw new Part10Error("truncated", `file ends within an item at offset ${position}`)
    }
    if (++elements > limits.elements) throw new Part10Error("too-large", `more than ${limits.elements} elements`)
    const little = frame.littleEndian
    const from = position
    const tag = bytes.u16(from, little) * 0x10000 + bytes.u16(from + 2, little)

    if (frame.kind !== "data") {
      const length = bytes.u32(from + 4, little)
      position += 8
      if (tag === sequenceDelimiter) yield pop()
      else if (tag !== item) throw new Part10Error("corrupt", `expected an item at offset ${from}`)
      else if (frame.kind === "fragments") {
        yield { _tag: "Fragment", offset: position, length }
        position += length
      } else {
        const end = length === undefinedLength ? frame.end : position + length
        if (end > frame.end)
          throw new Part10Error(end > total ? "truncated" : "corrupt", `item at offset ${from} runs past its end`)
        push({
          kind: "data",
          end,
          delimited: length === undefinedLength,
          explicit: frame.explicit,
          littleEndian: little,
        })
        yield { _tag: "Item", at: from, depth: depth() }
      }
      continue
    }
    if (tag === itemDelimiter && !outermost) {
      position += 8
      yield pop()
      continue
    }
    // Zeros behind the data set are padding that some archives add.
    if (outermost && tag === 0) return
    // Delimiters where none belong, left by writers that close a sequence twice or give it length 0.
    if (tag === item || tag === itemDelimiter || tag === sequenceDelimiter) {
      position += 8
      continue
    }
    const vr = frame.explicit ? bytes.pair(from + 4) : ""
    if (frame.explicit && !isVR(vr)) throw new Part10Error("corrupt", `no VR at ${hexTag(tag)}, offset ${from}`)
    const long = frame.explicit && longVRs.has(vr)
    if (long && !bytes.has(from, 12)) throw new Part10Error("truncated", `file ends within ${hexTag(tag)}`)
    const length = frame.explicit && !long ? bytes.u16(from + 6, little) : bytes.u32(long ? from + 8 : from + 4, little)
    position += long ? 12 : 8
    const offset = position
    const pixels = outermost && isPixelTag(tag)

    const end = length === undefinedLength ? frame.end : position + length
    if (end > frame.end && !pixels) {
      throw new Part10Error(end > total ? "truncated" : "corrupt", `${hexTag(tag)} at offset ${from} runs past its end`)
    }
    const peeked =
      position + 4 <= end && bytes.has(position, 4)
        ? bytes.u16(position, little) * 0x10000 + bytes.u16(position + 2, little)
        : 0
    const beginsItems = peeked === item || peeked === sequenceDelimiter
    const publicTag = ((tag / 0x10000) & 1) === 0
    const sequence =
      vr === "SQ" ||
      (length === undefinedLength && !pixels && (vr === "UN" || (vr === "" && beginsItems))) ||
      (vr === "" && publicTag && length > 0 && !pixels && beginsItems)
    if (sequence || length === undefinedLength) {
      const head = { _tag: "Sequence", tag, vr, at: from, offset, fragments: !sequence, depth: depth() } as const
      // A value of unknown VR and length is implicit little endian inside (PS3.5 §6.2.2).
      const unknown = vr === "UN"
      push({
        kind: sequence ? "items" : "fragments",
        end,
        delimited: sequence && length === undefinedLength,
        explicit: frame.explicit && !unknown,
        littleEndian: little || unknown,
      })
      yield head
    } else {
      yield { _tag: "Value", tag, vr, at: from, offset, length, littleEndian: little, depth: depth() }
      position = Math.min(end, total)
    }
  }
}
