// Text values of a data set as strings (PS3.5 §6.1, §6.2), whatever character set they are in.
import { convertBytes } from "dicom-character-set"

/** VRs whose text is in the SpecificCharacterSet; all others are plain ASCII. */
export const inCharacterSet = new Set(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])
/** One value, in which a backslash is text (PS3.5 §6.2). */
export const singleValued = new Set(["LT", "ST", "UT", "UR"])

const isPlain = (bytes: Buffer): boolean => {
  for (const byte of bytes) if (byte >= 0x80 || byte === 0x1b) return false
  return true
}

/** The defined terms of PS3.3 §C.12.1.1.2, also as the field misspells them: ISO-IR 100, ISO_IR_100, ISO2022 IR 87, UTF-8. */
const definedTerm = (term: string): string => {
  const parts = /^ISO[ _-]?(2022)?[ _-]?IR[ _-]?([0-9]{1,3})$/i.exec(term)
  if (parts !== null) return `${parts[1] === undefined ? "ISO_IR" : "ISO 2022 IR"} ${parts[2]}`
  return /^UTF[ _-]?8$/i.test(term) ? "ISO_IR 192" : term
}

const definedTerms = (characterSet: string): string =>
  characterSet
    .split("\\", 16)
    .map((term) => definedTerm(unpadded(term).trim()))
    .join("\\")

/** UTF-8 if it can be that, else Latin-1, as most senders mean that do not say. */
const guess = (bytes: Buffer): string => {
  const text = bytes.toString("utf8")
  return text.includes("\uFFFD") ? bytes.toString("latin1") : text
}

/** More than one set, or one that code extensions may leave (PS3.5 §6.1.2.5). */
export const hasEscapes = (characterSet: string | undefined): boolean => /2022|\\/.test(characterSet ?? "")

const decode = (bytes: Buffer, vr: string, characterSet: string | undefined): string => {
  if (!inCharacterSet.has(vr) || isPlain(bytes)) return bytes.toString("latin1")
  const terms = definedTerms(characterSet ?? "")
  if (terms === "") return guess(bytes)
  try {
    return convertBytes(terms, bytes, { vr })
  } catch {
    return guess(bytes)
  }
}

const isPadding = (code: number): boolean => code === 0x20 || code === 0
/** Linear, where a pattern with `$` is not. */
const unpadded = (text: string): string => {
  let end = text.length
  while (end > 0 && isPadding(text.charCodeAt(end - 1))) end--
  return text.slice(0, end)
}

/** The values, in order; an empty one is "". */
export const textValues = (bytes: Buffer, vr: string, characterSet: string | undefined): ReadonlyArray<string> => {
  const text = decode(bytes, vr, characterSet)
  if (singleValued.has(vr)) return [unpadded(text)]
  return text.split("\\").map((value) => unpadded(value).replace(/^ +/, ""))
}

/** Component groups of a name (PS3.18 §F.2.2). */
export const personName = (value: string): Readonly<Record<string, string>> | null => {
  const [Alphabetic = "", Ideographic = "", Phonetic = ""] = value.split("=").map((group) => group.trim())
  const groups = {
    ...(Alphabetic === "" ? {} : { Alphabetic }),
    ...(Ideographic === "" ? {} : { Ideographic }),
    ...(Phonetic === "" ? {} : { Phonetic }),
  }
  return Object.keys(groups).length === 0 ? null : groups
}
