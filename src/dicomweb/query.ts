// QIDO-RS query parameters (PS3.18 §8.3.4, §10.6) to a ledger search and the attributes that are wanted back.
import { dictionaryVR, keywordTag } from "../dicom/json-dictionary.ts"
import type { DicomJson } from "../domain/instance.ts"
import type { Search } from "../ledger/Ledger.ts"

export interface QidoQuery {
  readonly match: Search["match"]
  readonly limit: number
  readonly offset: number
  readonly fields: "all" | ReadonlySet<string>
  readonly fuzzymatching: boolean
}

const maxParameters = 100

// PS3.18 §10.6.3.3, tables of returned attributes.
const always = ["00080005", "00080054", "00080056", "00081190", "00080201"]
const study = [
  "00080020",
  "00080030",
  "00080050",
  "00080061",
  "00080062",
  "00080090",
  "00081030",
  "00100010",
  "00100020",
  "00100030",
  "00100040",
  "0020000D",
  "00200010",
  "00201206",
  "00201208",
]
const series = [
  "00080021",
  "00080031",
  "00080060",
  "0008103E",
  "0020000D",
  "0020000E",
  "00200011",
  "00201209",
  "00400244",
  "00400245",
  "00400275",
  "00080070",
  "00180015",
]
const instance = [
  "00080016",
  "00080018",
  "0020000D",
  "0020000E",
  "00200013",
  "00280008",
  "00280010",
  "00280011",
  "00280100",
]

/** `broad`: the level above is not fixed by the address, so its attributes come along (PS3.18 §10.6.3.3). */
const defaultFields = (level: Search["level"], fixed: { readonly study: boolean; readonly series: boolean }) => [
  ...always,
  ...(level === "study" || !fixed.study ? study : []),
  ...(level === "series" || (level === "instance" && !fixed.series) ? series : []),
  ...(level === "instance" ? instance : []),
]

const tagOf = (name: string): string | undefined =>
  /^[0-9A-Fa-f]{8}$/.test(name) ? name.toUpperCase() : keywordTag(name)

const path = (name: string): string | undefined => {
  const tags = name.split(".").map(tagOf)
  return tags.length > 2 || tags.some((tag) => tag === undefined) ? undefined : tags.join(".")
}

const natural = (text: string) => (/^[0-9]{1,9}$/.test(text) ? Number(text) : undefined)

/** The query, or a sentence that names the parameter at fault. */
export const parseQuery = (
  parameters: URLSearchParams,
  level: Search["level"],
  fixed: { readonly study: boolean; readonly series: boolean },
  limits: { readonly defaultLimit: number; readonly maxLimit: number },
): QidoQuery | string => {
  const match: Array<Search["match"][number]> = []
  const fields = new Set(defaultFields(level, fixed))
  let limit = limits.defaultLimit
  let offset = 0
  let all = false
  let fuzzymatching = false
  if (parameters.size > maxParameters) return `more than ${maxParameters} query parameters`
  for (const [name, value] of parameters) {
    const bad = `bad value of the query parameter ${name}`
    if (name === "limit" || name === "offset") {
      const number = natural(value)
      if (number === undefined) return bad
      if (name === "offset") offset = number
      else limit = Math.min(number, limits.maxLimit)
    } else if (name === "fuzzymatching") {
      if (value !== "true" && value !== "false") return bad
      fuzzymatching = value === "true"
    } else if (name === "includefield") {
      for (const field of value.split(",").filter((text) => text !== "")) {
        const tag = field === "all" ? "all" : path(field.trim())
        if (tag === undefined) return `unknown attribute in includefield: ${field.slice(0, 64)}`
        if (tag === "all") all = true
        else fields.add(tag.slice(0, 8))
      }
    } else {
      const tag = path(name)
      if (tag === undefined) return `unknown query parameter ${name.slice(0, 64)}`
      fields.add(tag.slice(0, 8))
      // An empty value matches everything (PS3.4 §C.2.2.2.3).
      if (value !== "") match.push({ tag, vr: dictionaryVR(tag.slice(-8)) ?? "UN", value })
    }
  }
  return { match, limit, offset, fields: all ? "all" : fields, fuzzymatching }
}

/** Only what was asked for, keys ascending. */
export const project = (attributes: DicomJson, fields: QidoQuery["fields"]): DicomJson =>
  Object.fromEntries(
    Object.keys(attributes)
      .sort()
      .filter((tag) => fields === "all" || fields.has(tag))
      .map((tag) => [tag, attributes[tag]!]),
  )
