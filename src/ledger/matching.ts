// Matching keys as SQL over indexed columns, and as a test of attribute maps (PS3.4 §C.2.2.2).
import type { DicomJson } from "../domain/instance.ts"
import { comparables } from "./comparable.ts"
import { holds, type ValueTest } from "./value-test.ts"
import { literalPiece, literalPrefix } from "./wildcard.ts"

/** Ready for `db.prepare`. Calls the functions of `functions.ts`. */
export interface Condition {
  readonly sql: string
  readonly values: ReadonlyArray<string>
}

/** One matching key: some value must pass one of the tests. */
export interface Key {
  /** Eight hex digits, or several with dots between: a path through sequences. */
  readonly tag: string
  readonly vr: string
  readonly tests: ReadonlyArray<ValueTest>
  /** A date range together with a range of this time attribute (PS3.4 §C.2.2.2.5): `tests` are of both, one behind the other. */
  readonly time?: string
}

export const all = (conditions: ReadonlyArray<Condition>): Condition => ({
  sql: conditions.map(({ sql }) => `(${sql})`).join(" AND ") || "1",
  values: conditions.flatMap(({ values }) => values),
})

const any = (conditions: ReadonlyArray<Condition>): Condition => ({
  sql: conditions.map(({ sql }) => `(${sql})`).join(" OR ") || "0",
  values: conditions.flatMap(({ values }) => values),
})

/** One parameter whatever their number. */
export const isOneOf = (expression: string, values: ReadonlyArray<string>): Condition =>
  values.length === 1
    ? { sql: `${expression} = ?`, values }
    : { sql: `${expression} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values)] }

/** Above every text that starts with the prefix. */
const beyond = "\u{10FFFF}"

/** Narrows by the index before the function sees a row. */
const startsWith = (column: string, prefix: string): Condition =>
  prefix === ""
    ? { sql: `${column} > ''`, values: [] }
    : { sql: `${column} >= ? AND ${column} < ?`, values: [prefix, `${prefix}${beyond}`] }

const patternCondition = (column: string, wildcard: string, pattern: string, prefix: string): Condition =>
  pattern === `${prefix}*`
    ? startsWith(column, prefix)
    : all([startsWith(column, prefix), { sql: `${wildcard}(?, ${column})`, values: [pattern] }])

const withoutCarets = (text: string) => {
  let end = text.length
  while (end > 0 && text[end - 1] === "^") end--
  return text.slice(0, end)
}

const rangeCondition = (expression: string, from: string, to: string): Condition =>
  all([
    { sql: `${expression} <> ''`, values: [] },
    ...(from === "" ? [] : [{ sql: `${expression} >= ?`, values: [from] }]),
    ...(to === "" ? [] : [{ sql: `${expression} <= ?`, values: [to] }]),
  ])

const testCondition = (column: string, test: ValueTest): Condition => {
  switch (test.kind) {
    case "equals":
      return isOneOf(column, test.values)
    case "range":
      return rangeCondition(column, test.from, test.to)
    case "wildcard":
      return patternCondition(column, "wildcard", test.pattern, literalPrefix(test.pattern))
    case "name":
      return patternCondition(column, "name_wildcard", test.pattern, withoutCarets(literalPrefix(test.pattern)))
    case "empty":
      return { sql: `${column} = ''`, values: [] }
  }
}

/** The tests over a column that holds the attribute's comparable value. */
export const columnCondition = (column: string, tests: ReadonlyArray<ValueTest>): Condition =>
  any(tests.map((test) => testCondition(column, test)))

/** A name has a column for its alphabetic group, and one for what else finds it, a line each. */
export const nameCondition = (column: string, tests: ReadonlyArray<ValueTest>): Condition => {
  const others = `${column}Other`
  const patterns = tests.flatMap((test) =>
    test.kind === "name" ? [test.pattern] : test.kind === "equals" ? test.values : [],
  )
  const empty: Condition = { sql: `${column} = '' AND ${others} = ''`, values: [] }
  return any([
    ...tests.map((test) => (test.kind === "empty" ? empty : testCondition(column, test))),
    ...patterns.map((pattern) =>
      all([startsWith(others, ""), { sql: `line_wildcard(?, ${others})`, values: [pattern] }]),
    ),
  ])
}

/** Of a date and a time column together; the date alone narrows by its index. */
export const momentCondition = (date: string, time: string, tests: ReadonlyArray<ValueTest>): Condition =>
  any(
    tests.map((test) =>
      test.kind === "range"
        ? all([
            rangeCondition(date, test.from.slice(0, 8), test.to.slice(0, 8)),
            rangeCondition(`(${date} || ${time})`, test.from, test.to),
          ])
        : { sql: "0", values: [] },
    ),
  )

const textVr = new Set(["AE", "AS", "CS", "LO", "LT", "SH", "ST", "UC", "UI", "UR", "UT"])
const integerVr = new Set(["SL", "SS", "UL", "US", "xs"])

/** Rules out most maps while they are still JSON text: text and whole numbers stand in it as they are compared. */
export const textCondition = (column: string, { vr, tests }: Key): ReadonlyArray<Condition> => {
  const pieces =
    textVr.has(vr) || integerVr.has(vr)
      ? tests.flatMap((test) =>
          test.kind === "equals" ? test.values : test.kind === "wildcard" ? [literalPiece(test.pattern)] : [""],
        )
      : []
  return pieces.length === 0 || pieces.length > 16 || pieces.includes("")
    ? []
    : [any(pieces.map((piece) => ({ sql: `instr(${column}, ?)`, values: [JSON.stringify(piece).slice(1, -1)] })))]
}

const leafMatches = (key: Key, map: DicomJson): boolean => {
  if (key.time === undefined) return holds(key.tests, comparables(map[key.tag], key.vr))
  const [date] = comparables(map[key.tag], "DA")
  return date !== undefined && holds(key.tests, [date + (comparables(map[key.time], "TM")[0] ?? "")])
}

/** All keys of a map. Those below one sequence must hold in the same item (PS3.4 §C.2.2.2.6). */
export const mapMatcher = (keys: ReadonlyArray<Key>): ((map: DicomJson) => boolean) => {
  const leaves = keys.filter(({ tag }) => !tag.includes("."))
  const below = Map.groupBy(
    keys.filter(({ tag }) => tag.includes(".")),
    ({ tag }) => tag.slice(0, 8),
  )
  const sequences = [...below].map(
    ([sequence, nested]) => [sequence, mapMatcher(nested.map((key) => ({ ...key, tag: key.tag.slice(9) })))] as const,
  )
  return (map) =>
    leaves.every((key) => leafMatches(key, map)) &&
    sequences.every(([sequence, matches]) => {
      const items = map[sequence]?.Value
      // Without an item nothing is there: that is what an empty value asks for.
      return (items === undefined || items.length === 0 ? [{}] : items).some((item) =>
        matches((item ?? {}) as DicomJson),
      )
    })
}
