// Stored values as text that equality, order and wildcards can work on, whatever way a sender wrote them.
import type { DicomJson } from "../domain/instance.ts"
import { dateOf, dateTimeSpan, timeSpan } from "./moments.ts"

/** VRs that are compared as numbers; `xs` is the dictionary's US or SS. */
export const numericVr = new Set(["DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV", "xs"])

const withoutTrailing = (text: string, character: string): string => {
  let end = text.length
  while (end > 0 && text[end - 1] === character) end--
  return text.slice(0, end)
}

/** Case does not matter in names (PS3.4 §C.2.2.2.1 leaves it open), nor do empty components at the end. */
export const foldName = (text: string): string =>
  withoutTrailing(
    text
      .normalize("NFC")
      .toUpperCase()
      .toLowerCase()
      .split("=")
      .map((group) =>
        withoutTrailing(
          group
            .split("^")
            .map((component) => component.trim())
            .join("^"),
          "^",
        ),
      )
      .join("="),
    "=",
  )

/** The groups of a name by themselves, then from the first on together: `a=b=c` is found by each, by `a=b` and by all. */
const nameForms = (value: unknown): ReadonlyArray<string> => {
  const { Alphabetic, Ideographic, Phonetic } =
    typeof value === "object" && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : { Alphabetic: value, Ideographic: "", Phonetic: "" }
  const groups = [Alphabetic, Ideographic, Phonetic].map((group) => (typeof group === "string" ? foldName(group) : ""))
  const joined = [groups.slice(0, 2).join("="), groups.join("=")].map((text) => withoutTrailing(text, "="))
  const [alphabetic = "", ...others] = groups
  return [alphabetic, ...new Set([...others, ...joined].filter((form) => form !== "" && form !== alphabetic))]
}

export const comparableNumber = (text: string): string => {
  const trimmed = text.trim()
  return trimmed !== "" && Number.isFinite(Number(trimmed)) ? String(Number(trimmed)) : trimmed
}

const comparable = (vr: string, value: unknown): string => {
  if (typeof value !== "string" && typeof value !== "number") return ""
  const text = String(value).trim()
  if (numericVr.has(vr)) return comparableNumber(text)
  if (vr === "DA") return dateOf(text) ?? text
  if (vr === "TM") return timeSpan(text)?.from ?? text
  if (vr === "DT") return dateTimeSpan(text)?.from ?? text
  return text
}

/** None when the attribute is absent or empty. `vr` of the dictionary; UN goes by the stored one. */
export const comparables = (attribute: DicomJson[string] | undefined, vr: string): ReadonlyArray<string> => {
  if (attribute === undefined) return []
  const { Value, InlineBinary } = attribute
  if (Value === undefined) {
    return InlineBinary === undefined
      ? []
      : // What came as UN in an implicit encoding: text, as a rule.
        [Buffer.from(InlineBinary, "base64").toString("latin1").replaceAll("\0", " ").trim()]
  }
  const known = vr === "UN" ? attribute.vr : vr
  const found = known === "PN" ? Value.flatMap(nameForms) : Value.map((value) => comparable(known, value))
  return found.every((text) => text === "") ? [] : found
}
