// What a matching key asks of an attribute's values (PS3.4 §C.2.2.2), made ready for SQL columns and attribute maps alike.
import { comparableNumber, foldName, numericVr } from "./comparable.ts"
import { dateOf, dateTimeSpan, type Span, timeSpan } from "./moments.ts"
import { isWildcard, nameMatches, wildcardMatches } from "./wildcard.ts"

export type ValueTest =
  | { readonly kind: "equals"; readonly values: ReadonlyArray<string> }
  /** Both ends count; an empty one is open. */
  | { readonly kind: "range"; readonly from: string; readonly to: string }
  | { readonly kind: "wildcard"; readonly pattern: string }
  | { readonly kind: "name"; readonly pattern: string }
  /** Absent or without a value. */
  | { readonly kind: "empty" }

const wildcardVr = new Set(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT"])
const unmatchable = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "ox", "na"])
/** One value, in which a backslash is text (PS3.5 §6.2). */
const singleValued = new Set(["LT", "ST", "UT", "UR"])
const spans: Readonly<Record<string, (text: string) => Span | undefined>> = {
  DA: (text) => {
    const date = dateOf(text)
    return date === undefined ? undefined : { from: date, to: date }
  },
  TM: timeSpan,
  DT: dateTimeSpan,
}

const rangeTest = (text: string, span: (text: string) => Span | undefined): ValueTest | undefined => {
  const whole = span(text)
  if (whole !== undefined) return { kind: "range", ...whole }
  // The hyphen between two date-times may stand among those of their offsets.
  for (let dash = text.indexOf("-"); dash >= 0; dash = text.indexOf("-", dash + 1)) {
    const [first, last] = [text.slice(0, dash).trim(), text.slice(dash + 1).trim()]
    const from = first === "" ? "" : span(first)?.from
    const to = last === "" ? "" : span(last)?.to
    if (from !== undefined && to !== undefined && text.trim() !== "-") return { kind: "range", from, to }
  }
  return undefined
}

const uid = /^[0-9.]{1,64}$/
const age = /^[0-9]{3}[DWMY]$/

const oneTest = (vr: string, text: string): ValueTest | undefined => {
  const span = spans[vr]
  if (span !== undefined) return text.length > 64 ? undefined : rangeTest(text, span)
  if (isWildcard(text) && !wildcardVr.has(vr)) return undefined
  if (vr === "UI") return uid.test(text) ? { kind: "equals", values: [text] } : undefined
  if (vr === "AS") return age.test(text) ? { kind: "equals", values: [text] } : undefined
  if (vr === "AT") return /^[0-9A-F]{8}$/i.test(text) ? { kind: "equals", values: [text.toUpperCase()] } : undefined
  if (numericVr.has(vr)) {
    return Number.isFinite(Number(text)) ? { kind: "equals", values: [comparableNumber(text)] } : undefined
  }
  if (vr === "PN") {
    const pattern = foldName(text)
    return isWildcard(text) ? { kind: "name", pattern } : { kind: "equals", values: [pattern] }
  }
  if (isWildcard(text)) return { kind: "wildcard", pattern: text }
  // A private attribute may be stored as a number.
  return { kind: "equals", values: vr === "UN" ? [...new Set([text, comparableNumber(text)])] : [text] }
}

/** UID lists (PS3.4 §C.2.2.2.2), and lists of codes, which hold no comma either; a backslash parts values everywhere. */
const listOf = (vr: string, text: string): ReadonlyArray<string> =>
  (vr === "UI" || vr === "CS" ? text.split(/[\\,]/) : singleValued.has(vr) ? [text] : text.split("\\"))
    .map((part) => part.trim())
    .filter((part) => part !== "")

const merged = (tests: ReadonlyArray<ValueTest>): ReadonlyArray<ValueTest> => {
  const values = tests.flatMap((test) => (test.kind === "equals" ? test.values : []))
  return [
    ...(values.length === 0 ? [] : [{ kind: "equals", values } as const]),
    ...tests.filter(({ kind }) => kind !== "equals"),
  ]
}

/**
 * Tests of which one must hold; none when anything matches (universal matching); undefined when the text is no value
 * of this VR. `""` asks for an empty value where `emptyValue` says so (PS3.18 §8.3.4.5).
 */
export const valueTests = (vr: string, text: string, emptyValue: boolean): ReadonlyArray<ValueTest> | undefined => {
  const trimmed = text.trim()
  // A name of nothing but delimiters is as empty as none.
  if (/^\**$/.test(trimmed) || (vr === "PN" && foldName(trimmed) === "")) return []
  if (emptyValue && trimmed === '""') return [{ kind: "empty" }]
  if (unmatchable.has(vr)) return undefined
  const parts = listOf(vr, trimmed)
  if (parts.length === 0) return undefined
  if (parts.some((part) => /^\*+$/.test(part))) return []
  const tests = parts.map((part) => oneTest(vr, part))
  return tests.includes(undefined) ? undefined : merged(tests.filter((test) => test !== undefined))
}

const oneHolds = (test: ValueTest, text: string): boolean => {
  switch (test.kind) {
    case "equals":
      return test.values.includes(text)
    case "range":
      return text !== "" && (test.from === "" || text >= test.from) && (test.to === "" || text <= test.to)
    case "wildcard":
      return wildcardMatches(test.pattern, text)
    case "name":
      return nameMatches(test.pattern, text)
    case "empty":
      return false
  }
}

/** Whether one of the tests holds for one of the comparable values. */
export const holds = (tests: ReadonlyArray<ValueTest>, values: ReadonlyArray<string>): boolean =>
  tests.some((test) => (test.kind === "empty" ? values.length === 0 : values.some((text) => oneHolds(test, text))))
