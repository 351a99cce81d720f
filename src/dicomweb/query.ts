// QIDO-RS query parameters (PS3.18 §8.3.4, §10.6) to a ledger search and the attributes that are wanted back.
import { dictionaryVR, keywordTag } from "../dicom/json-dictionary.ts"
import type { Key } from "../ledger/matching.ts"
import type { Search } from "../ledger/Ledger.ts"
import { type ValueTest, valueTests } from "../ledger/value-test.ts"
import { pairMoments } from "./moment-pairs.ts"
import { type Parameter, shown } from "./parameters.ts"
import { type Fields, fieldsOf, type Fixed } from "./return-fields.ts"

export interface QidoQuery {
  readonly match: ReadonlyArray<Key>
  readonly limit: number
  readonly offset: number
  readonly fields: Fields
  readonly fuzzymatching: boolean
}

export interface Limits {
  readonly defaultLimit: number
  readonly maxLimit: number
}

/** Sequences within sequences: the standard's deepest are about as deep. */
const deepest = 8

/** What a request says of itself is no key: the character set and time zone of its values, and the level. */
const notMatched = new Set(["00080005", "00080052", "00080201"])

const tagOf = (name: string): string | undefined =>
  /^[0-9A-Fa-f]{8}$/.test(name) ? name.toUpperCase() : keywordTag(name)

const vrOf = (tag: string): string => dictionaryVR(tag) ?? (/^...[13579BDF]00[1-9A-F]/.test(tag) ? "LO" : "UN")

/** Tags with dots between; all but the last are sequences, as far as the dictionary knows them. */
const pathOf = (name: string): string | undefined => {
  const tags = name.split(".", deepest + 1).map(tagOf)
  const sound = tags.every((tag, i) => tag !== undefined && (i === tags.length - 1 || ["SQ", "UN"].includes(vrOf(tag))))
  return sound && tags.length <= deepest ? tags.join(".") : undefined
}

const natural = (text: string) => (/^[0-9]{1,9}$/.test(text) ? Number(text) : undefined)
const flag = (text: string) => (text === "true" ? true : text === "false" ? false : undefined)

/** Said once at most; undefined when it is no such value. */
const setting = <A>(
  given: ReadonlyArray<Parameter>,
  name: string,
  otherwise: A,
  read: (text: string) => A | undefined,
) => {
  const found = given.filter((parameter) => parameter.name === name)
  return found.length === 0 ? otherwise : found.length > 1 ? undefined : read(found[0]!.texts[0] ?? "")
}

/** The tags and paths, or the name that is none. */
const includedFields = (given: ReadonlyArray<Parameter>): ReadonlyArray<string> | { readonly unknown: string } => {
  const fields: Array<string> = []
  const names = given.flatMap(({ name, texts }) => (name === "includefield" ? (texts[0] ?? "").split(",") : []))
  for (const name of names.map((text) => text.trim()).filter((text) => text !== "")) {
    const tag = name.toLowerCase() === "all" ? "all" : pathOf(name)
    if (tag === undefined) return { unknown: name }
    fields.push(tag)
  }
  return fields
}

/** Values that a parameter may mean, and those of a parameter that comes again, are alternatives; none: anything goes. */
const testsOf = (
  tag: string,
  texts: ReadonlyArray<string>,
  emptyValue: boolean,
): ReadonlyArray<ValueTest> | undefined => {
  const meanings = texts
    .map((text) => valueTests(vrOf(tag.slice(-8)), text, emptyValue))
    .filter((tests) => tests !== undefined)
  return meanings.length === 0 ? undefined : meanings.some((tests) => tests.length === 0) ? [] : meanings.flat()
}

/** Of one key; each is looked at by itself, whereas a list of literal values is looked up. */
const mostAlternatives = 100
const alternatives = (tag: string, test: ValueTest): number =>
  test.kind === "equals" && vrOf(tag.slice(-8)) === "PN" ? test.values.length : 1

/** Handled elsewhere, or without meaning for attributes (PS3.18 §8.3.3). */
const settings = new Set(
  "accept charset limit offset includefield fuzzymatching emptyvaluematching multiplevaluematching".split(" "),
)

/** The query, or a sentence that names the parameter at fault. */
export const parseQuery = (
  given: ReadonlyArray<Parameter>,
  level: Search["level"],
  fixed: Fixed,
  limits: Limits,
): QidoQuery | string => {
  const bad = (name: string) => `bad value of the query parameter ${shown(name)}`
  const limit = setting(given, "limit", limits.defaultLimit, natural)
  if (limit === undefined) return bad("limit")
  const offset = setting(given, "offset", 0, natural)
  if (offset === undefined) return bad("offset")
  const fuzzymatching = setting(given, "fuzzymatching", false, flag)
  if (fuzzymatching === undefined) return bad("fuzzymatching")
  const emptyValue = setting(given, "emptyvaluematching", false, flag)
  if (emptyValue === undefined) return bad("emptyvaluematching")
  if (setting(given, "multiplevaluematching", false, flag) === undefined) return bad("multiplevaluematching")
  const included = includedFields(given)
  if ("unknown" in included) return `unknown attribute in includefield: ${shown(included.unknown)}`

  const keys = new Map<string, ReadonlyArray<ValueTest>>()
  const ranges = new Set<string>()
  const asked = [...included]
  for (const { name, texts } of given.filter((parameter) => !settings.has(parameter.name))) {
    const tag = pathOf(name)
    if (tag === undefined) return `unknown query parameter ${shown(name)}`
    asked.push(tag)
    const tests = testsOf(tag, texts, emptyValue)
    if (tests === undefined) return bad(name)
    if (notMatched.has(tag)) continue
    if (texts[0]?.includes("-") === true) ranges.add(tag)
    const before = keys.get(tag)
    const both = before === undefined ? tests : before.length === 0 || tests.length === 0 ? [] : [...before, ...tests]
    if (both.reduce((sum, test) => sum + alternatives(tag, test), 0) > mostAlternatives) return bad(name)
    keys.set(tag, both)
  }
  const match = [...keys].flatMap(([tag, tests]) =>
    tests.length === 0 ? [] : [{ tag, vr: vrOf(tag.slice(-8)), tests }],
  )
  return {
    match: pairMoments(match, (tag) => ranges.has(tag)),
    limit: Math.min(limit, limits.maxLimit),
    offset,
    fields: fieldsOf(level, fixed, asked),
    fuzzymatching,
  }
}
