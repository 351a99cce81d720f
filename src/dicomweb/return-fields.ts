// Which attributes a search answers with (PS3.18 §10.6.3.3), and the part of a map that they are.
import type { DicomJson } from "../domain/instance.ts"
import type { Search } from "../ledger/Ledger.ts"

/** Whether the address names a study and a series. */
export interface Fixed {
  readonly study: boolean
  readonly series: boolean
}

type Attribute = DicomJson[string]
type Required = Readonly<Record<string, string>>

/** Key Types U and R, with the VR that says so when there is no value. */
const required: Readonly<Record<Search["level"], Required>> = {
  study: {
    "00080020": "DA",
    "00080030": "TM",
    "00080050": "SH",
    "00080061": "CS",
    "00080090": "PN",
    "00100010": "PN",
    "00100020": "LO",
    "00100030": "DA",
    "00100040": "CS",
    "0020000D": "UI",
    "00200010": "SH",
    "00201206": "IS",
    "00201208": "IS",
  },
  series: { "00080060": "CS", "0020000D": "UI", "0020000E": "UI", "00200011": "IS", "00201209": "IS" },
  instance: { "00080016": "UI", "00080018": "UI", "0020000D": "UI", "0020000E": "UI", "00200013": "IS" },
}

/** Of Type C, and what viewers look for beside the tables: there when they are known. */
const known: Readonly<Record<Search["level"], ReadonlyArray<string>>> = {
  study: ["00081030"],
  series: ["00080021", "00080031", "00080070", "0008103E", "00180015", "00400244", "00400245", "00400275"],
  instance: ["00280008", "00280010", "00280011", "00280100"],
}

const always = ["00080005", "00080054", "00080056", "00080201", "00081190"]

/** The attributes of levels that the address leaves open come along. */
const levels = (level: Search["level"], fixed: Fixed): ReadonlyArray<Search["level"]> => [
  ...(level === "study" || !fixed.study ? (["study"] as const) : []),
  ...(level === "series" || (level === "instance" && !fixed.series) ? (["series"] as const) : []),
  ...(level === "instance" ? (["instance"] as const) : []),
]

export interface Fields {
  /** Tags that are answered whole; those with a VR also when they have no value. */
  readonly whole: ReadonlyMap<string, string | undefined>
  /** Of sequences only the attribute at the end of a path: tags with dots between. */
  readonly paths: ReadonlyArray<string>
  readonly all: boolean
}

/** `asked`: tags and paths of includefield and of matching keys; "all". */
export const fieldsOf = (level: Search["level"], fixed: Fixed, asked: ReadonlyArray<string>): Fields => {
  const whole = new Map<string, string | undefined>(
    [...always, ...asked.filter((tag) => /^[0-9A-F]{8}$/.test(tag))].map((tag) => [tag, undefined]),
  )
  for (const one of levels(level, fixed)) {
    for (const tag of known[one]) whole.set(tag, undefined)
    for (const [tag, vr] of Object.entries(required[one])) whole.set(tag, vr)
  }
  return {
    whole,
    paths: asked.filter((tag) => tag.includes(".") && !whole.has(tag.slice(0, 8))),
    all: asked.includes("all"),
  }
}

/** Bulk data is for WADO-RS. */
const withoutBulk = (attribute: Attribute): Attribute | undefined => {
  if (attribute.BulkDataURI !== undefined) return undefined
  if (attribute.vr !== "SQ" || attribute.Value === undefined) return attribute
  return { ...attribute, Value: attribute.Value.map((item) => entries((item ?? {}) as DicomJson, () => true)) }
}

const entries = (map: DicomJson, wanted: (tag: string) => boolean): DicomJson =>
  Object.fromEntries(
    Object.entries(map).flatMap(([tag, attribute]) => {
      const kept = wanted(tag) ? withoutBulk(attribute) : undefined
      return kept === undefined ? [] : [[tag, kept]]
    }),
  )

/** The attribute at the end of a path, in the items that lead to it. */
const along = (map: DicomJson, path: ReadonlyArray<string>): DicomJson => {
  const [tag = "", ...rest] = path
  const attribute = map[tag]
  if (attribute === undefined) return {}
  if (rest.length === 0) return entries({ [tag]: attribute }, () => true)
  if (attribute.Value === undefined) return { [tag]: attribute }
  return { [tag]: { vr: attribute.vr, Value: attribute.Value.map((item) => along((item ?? {}) as DicomJson, rest)) } }
}

/** Two parts of the same sequence, item by item. */
const merged = (first: DicomJson, second: DicomJson): DicomJson => {
  const both = { ...first }
  for (const [tag, attribute] of Object.entries(second)) {
    const before = both[tag]
    const items = attribute.Value
    both[tag] =
      before?.Value === undefined || items === undefined || attribute.vr !== "SQ"
        ? attribute
        : {
            vr: attribute.vr,
            Value: items.map((item, i) => merged((before.Value?.[i] ?? {}) as DicomJson, (item ?? {}) as DicomJson)),
          }
  }
  return both
}

/** A private attribute means nothing without its creator (PS3.5 §7.8.1). */
const creator = (tag: string): string | undefined =>
  (Number.parseInt(tag.slice(0, 4), 16) & 1) === 1 ? `${tag.slice(0, 4)}00${tag.slice(4, 6)}` : undefined

/** Only what was asked for, keys ascending; what is required and has no value is there without one. */
export const project = (attributes: DicomJson, { whole, paths, all }: Fields): DicomJson => {
  const tags = new Set(
    [...whole.keys(), ...paths.map((path) => path.slice(0, 8))].flatMap((tag) => [tag, creator(tag) ?? tag]),
  )
  const nested = all ? [] : paths
  const empty = [...whole].flatMap(([tag, vr]) => (vr === undefined ? [] : [[tag, { vr }] as const]))
  const kept = entries(
    attributes,
    (tag) => all || (tags.has(tag) && (whole.has(tag) || !nested.some((path) => path.startsWith(tag)))),
  )
  const found = nested
    .map((path) => along(attributes, path.split(".")))
    .reduce(merged, { ...Object.fromEntries(empty), ...kept })
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)))
}
