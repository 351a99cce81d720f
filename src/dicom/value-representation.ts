// The value representation of an element (PS3.5 §6.2): as written, else by the dictionary; and how wide its words are.
import { dictionaryVR } from "./json-dictionary.ts"

const known = new Set(
  "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split(" "),
)

/**
 * Implicit VR names none: the dictionary does, and PixelRepresentation where it leaves the choice (PS3.5 §A.1). `tag`:
 * eight upper-case hex digits. `items`: whether the value is made of items.
 */
export const vrOf = (tag: string, written: string | undefined, items: boolean, signed: boolean): string => {
  if (written !== undefined && written !== "UN" && known.has(written)) return written
  if (items) return "SQ"
  const odd = (Number.parseInt(tag.slice(3, 4), 16) & 1) === 1
  // Private creators (PS3.5 §7.8.1); what their blocks hold only they know.
  if (odd) return /^....00[1-9A-F]/.test(tag) ? "LO" : "UN"
  // Overlays and curves repeat in even groups (PS3.6 §6), of which the dictionary lists the first.
  const listed = dictionaryVR(/^(50|60)/.test(tag) ? `${tag.slice(0, 2)}00${tag.slice(4)}` : tag)
  if (listed === "ox" || listed === "lt") return "OW"
  if (listed === "xs") return signed ? "SS" : "US"
  return listed !== undefined && listed !== "SQ" && known.has(listed) ? listed : "UN"
}

const widths: Readonly<Record<string, 2 | 4 | 8>> = {
  US: 2,
  SS: 2,
  OW: 2,
  AT: 2,
  UL: 4,
  SL: 4,
  FL: 4,
  OF: 4,
  OL: 4,
  FD: 8,
  OD: 8,
  OV: 8,
  SV: 8,
  UV: 8,
}

/** Bytes of the words whose order the encoding decides; 1 for text and bytes. */
export const wordBytes = (vr: string): 1 | 2 | 4 | 8 => widths[vr] ?? 1

/** Reverses the bytes of each word, in place; what is left of a broken last word stays. */
export const swapWords = (bytes: Buffer, width: 1 | 2 | 4 | 8): Buffer => {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % width))
  if (width === 2) whole.swap16()
  else if (width === 4) whole.swap32()
  else if (width === 8) whole.swap64()
  return bytes
}
