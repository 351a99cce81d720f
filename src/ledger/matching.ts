// Attribute matching as SQL conditions (PS3.4 §C.2.2.2).

export interface Condition {
  readonly sql: string
  readonly values: ReadonlyArray<string>
}

const dates = new Set(["DA", "TM", "DT"])
/** Case matters in codes and identifiers, not in names (PS3.4 §C.2.2.2.1). */
const wildcardVr = new Set(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])

const always: Condition = { sql: "1", values: [] }

/** * and ? mean the same to GLOB; its own brackets are quoted. */
const glob = (value: string) => value.replace(/\[/g, "[[]")
const like = (value: string) =>
  value
    .replace(/[\\%_]/g, "\\$&")
    .replace(/\*/g, "%")
    .replace(/\?/g, "_")

/**
 * Range matching. A shorter value stands for the whole span it names, so `to` covers everything that starts with it:
 * 2024 in a DT, 0930 in a TM.
 */
const range = (expression: string, value: string): Condition => {
  const dash = value.indexOf("-")
  if (dash === -1) return { sql: `${expression} LIKE ? ESCAPE '\\'`, values: [`${like(value)}%`] }
  const from = value.slice(0, dash)
  const to = value.slice(dash + 1)
  const parts = [
    { sql: `${expression} <> ''`, values: [] },
    ...(from === "" ? [] : [{ sql: `${expression} >= ?`, values: [from] }]),
    ...(to === "" ? [] : [{ sql: `${expression} <= ?`, values: [`${to}\uFFFF`] }]),
  ]
  return { sql: parts.map(({ sql }) => sql).join(" AND "), values: parts.flatMap(({ values }) => values) }
}

/** One value of an attribute against what was asked; an empty value matches everything (universal matching). */
export const valueCondition = (expression: string, vr: string, value: string): Condition => {
  if (value === "" || value === "*") return always
  if (vr === "UI") {
    const uids = value.split(/[\\,]/).filter((uid) => uid !== "")
    return { sql: `${expression} IN (${uids.map(() => "?").join(", ")})`, values: uids }
  }
  if (dates.has(vr)) return range(expression, value)
  if (vr === "PN") return { sql: `${expression} LIKE ? ESCAPE '\\'`, values: [like(value)] }
  if (wildcardVr.has(vr) && /[*?]/.test(value)) return { sql: `${expression} GLOB ?`, values: [glob(value)] }
  // Numbers as text may be written in more than one way.
  if (vr === "IS" || vr === "DS") return { sql: `CAST(${expression} AS REAL) = CAST(? AS REAL)`, values: [value] }
  return { sql: `CAST(${expression} AS TEXT) = ?`, values: [value] }
}

/** An attribute without a column: any of its values in the DICOM JSON; "SEQ.TAG" looks into a sequence's items. */
export const jsonCondition = (attributes: string, tag: string, vr: string, value: string): Condition => {
  if (value === "" || value === "*") return always
  const [first = "", nested] = tag.split(".")
  const path = (name: string) => `$."${name}".Value`
  const item = "CASE v.type WHEN 'object' THEN json_extract(v.value, '$.Alphabetic') ELSE v.value END"
  const matched = valueCondition(item, vr, value)
  const source =
    nested === undefined
      ? `json_each(${attributes}, '${path(first)}') AS v`
      : `json_each(${attributes}, '${path(first)}') AS s, json_each(s.value, '${path(nested)}') AS v`
  return { sql: `EXISTS (SELECT 1 FROM ${source} WHERE ${matched.sql})`, values: matched.values }
}
