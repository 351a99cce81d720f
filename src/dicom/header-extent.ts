// What of a file is its header: all but the pixel data, its offset tables and top-level bulk values, found by one walk.
import type { ByteWindow } from "./byte-window.ts"
import { Part10Error } from "./part10-error.ts"
import { hexTag, isPixelTag, walk, type Encoding, type Token, type ValueToken, type WalkLimits } from "./walk.ts"

export interface HeaderLimits extends WalkLimits {
  /** A top-level value above this many bytes is bulk data and stays out of the header. */
  readonly valueBytes: number
  readonly headerBytes: number
}

export interface ValueSpan {
  readonly offset: number
  /** Bytes; undefined where the value is delimited (encapsulated pixel data). */
  readonly length: number | undefined
}

export type PixelTag = "7FE00008" | "7FE00009" | "7FE00010"

export interface HeaderExtent {
  /** What to join for the header, from the start of the file on. */
  readonly ranges: ReadonlyArray<readonly [from: number, to: number]>
  readonly pixelTag: PixelTag | undefined
  readonly pixels: (ValueSpan & { readonly vr: string }) | undefined
  /** Extended Offset Table and its lengths (PS3.5 §A.4). */
  readonly extendedOffsets: ValueSpan | undefined
  readonly extendedLengths: ValueSpan | undefined
  /** Bulk values that stay out. */
  readonly omitted: ReadonlyArray<{ readonly tag: string; readonly vr: string }>
  /** Offsets within the joined header of VRs with 32-bit lengths that the parser does not know: OV, SV, UV. */
  readonly unknownLongVRs: ReadonlyArray<number>
}

const unknownToParser = new Set(["OV", "SV", "UV"])
const trailingPadding = 0xfffcfffc

/** Throws Part10Error. What stands behind the pixel data is taken as far as it makes sense. */
export const headerExtent = (bytes: ByteWindow, encoding: Encoding, limits: HeaderLimits): HeaderExtent => {
  const ranges: Array<readonly [number, number]> = []
  const omitted: Array<{ readonly tag: string; readonly vr: string }> = []
  const unknownLongVRs: Array<number> = []
  let extendedOffsets: ValueSpan | undefined
  let extendedLengths: ValueSpan | undefined
  let found: { readonly pixelTag: PixelTag; readonly pixels: ValueSpan & { readonly vr: string } } | undefined
  let [from, kept, end] = [0, 0, encoding.start]
  /** Leaves a stretch out. */
  const cut = (at: number, to: number) => {
    ranges.push([from, at])
    kept += at - from
    from = to
    end = to
  }
  const isBulk = ({ tag, length }: ValueToken) =>
    (tag >= 0x7fe00001 && tag <= 0x7fe00010) || tag === trailingPadding || length > limits.valueBytes
  const take = (token: Token): boolean => {
    if ("at" in token && kept + token.at - from > limits.headerBytes) {
      throw new Part10Error("too-large", `the header is longer than ${limits.headerBytes} bytes`)
    }
    if (token._tag === "Sequence" && token.depth === 0 && isPixelTag(token.tag)) {
      const vr = token.vr === "" ? "OB" : token.vr
      found = { pixelTag: hexTag(token.tag) as PixelTag, pixels: { offset: token.offset, length: undefined, vr } }
      cut(token.at, token.at)
      // Its fragments would have to be walked for what stands behind them.
      return false
    }
    if (token._tag !== "Value") {
      if (token._tag === "End" && token.of === "Sequence" && token.depth === 0) end = Math.max(end, token.at)
      return true
    }
    const { tag, vr, at, offset, length, depth } = token
    if (depth > 0) {
      if (unknownToParser.has(vr)) unknownLongVRs.push(kept + at - from + 4)
      return true
    }
    const next = Math.min(offset + length, bytes.total)
    if (!isBulk(token)) {
      if (unknownToParser.has(vr)) unknownLongVRs.push(kept + at - from + 4)
      end = next
      return true
    }
    if (isPixelTag(tag) && found === undefined) {
      found = { pixelTag: hexTag(tag) as PixelTag, pixels: { offset, length, vr: vr === "" ? "OW" : vr } }
    } else if (tag === 0x7fe00001) extendedOffsets = { offset, length }
    else if (tag === 0x7fe00002) extendedLengths = { offset, length }
    else if (tag !== trailingPadding && !isPixelTag(tag)) omitted.push({ tag: hexTag(tag), vr })
    cut(at, next)
    return true
  }
  try {
    for (const token of walk(bytes, encoding, limits)) if (!take(token)) break
  } catch (thrown) {
    if (found === undefined) throw thrown
  }
  if (end > from) ranges.push([from, end])
  return {
    ranges,
    pixelTag: found?.pixelTag,
    pixels: found?.pixels,
    extendedOffsets,
    extendedLengths,
    omitted,
    unknownLongVRs,
  }
}
