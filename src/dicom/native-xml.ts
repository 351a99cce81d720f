// A DICOM JSON attribute map as a document of the Native DICOM Model (PS3.19 §A.1, PS3.18 §F.3.1).
import type { DicomJson } from "../domain/instance.ts"
import { tagKeyword } from "./json-dictionary.ts"

type Attribute = DicomJson[string]

/** XML 1.0 has no way to write these, not even as references; text values may hold them (PS3.5 §6.1.3). */
// oxlint-disable-next-line no-control-regex
const unwritable = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/gu
const special = /[&<>"\t\n\r]/g
const references: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  // As they are, a parser would make one kind of white space of them.
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
}

const escape = (text: string): string =>
  text.replace(unwritable, "\uFFFD").replace(special, (character) => references[character] ?? character)

const groups = ["Alphabetic", "Ideographic", "Phonetic"] as const
const components = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"] as const

/** What is beyond the five components stays with the last one, so that nothing is lost. */
const nameGroup = (group: string, text: string): string => {
  const parts = text.split("^")
  const values = [...parts.slice(0, 4), parts.slice(4).join("^")]
  const inner = components.flatMap((name, i) => (values[i] ? [`<${name}>${escape(values[i])}</${name}>`] : []))
  return `<${group}>${inner.join("")}</${group}>`
}

const personName = (value: unknown): string => {
  if (typeof value === "string") return nameGroup("Alphabetic", value)
  if (typeof value !== "object" || value === null) return ""
  const named = value as Readonly<Record<string, unknown>>
  return groups
    .flatMap((group) => {
      const text = named[group]
      return typeof text === "string" && text !== "" ? [nameGroup(group, text)] : []
    })
    .join("")
}

const valueOf = (vr: string, value: unknown, number: number): string => {
  if (vr === "SQ") return `<Item number="${number}">${attributesOf((value ?? {}) as DicomJson)}</Item>`
  if (vr === "PN") return `<PersonName number="${number}">${personName(value)}</PersonName>`
  const text = typeof value === "string" || typeof value === "number" ? String(value) : ""
  return `<Value number="${number}">${escape(text)}</Value>`
}

const contentOf = ({ vr, Value, BulkDataURI, InlineBinary }: Attribute): string => {
  if (BulkDataURI !== undefined) return `<BulkData uri="${escape(BulkDataURI)}"/>`
  if (InlineBinary !== undefined) return `<InlineBinary>${escape(InlineBinary)}</InlineBinary>`
  return (Value ?? []).map((value, i) => valueOf(vr, value, i + 1)).join("")
}

/** The creator of the block (PS3.5 §7.8.1) that a private data element lies in. */
const creatorOf = (map: DicomJson, tag: string): string | undefined => {
  const creator = map[`${tag.slice(0, 4)}00${tag.slice(4, 6)}`]?.Value?.[0]
  return typeof creator === "string" && creator !== "" ? creator : undefined
}

const isPrivate = (tag: string): boolean => (Number.parseInt(tag.slice(0, 4), 16) & 1) === 1

/** Private data elements carry their creator instead of their block, so creators have no element of their own. */
const attributeOf = (map: DicomJson, tag: string): string => {
  const attribute = map[tag]!
  const odd = isPrivate(tag)
  if (odd && tag.startsWith("00", 4) && attribute.Value !== undefined) return ""
  const creator = odd ? creatorOf(map, tag) : undefined
  const keyword = odd ? undefined : tagKeyword(tag)
  const names =
    `tag="${creator === undefined ? tag : `${tag.slice(0, 4)}00${tag.slice(6)}`}" vr="${escape(attribute.vr)}"` +
    (keyword === undefined ? "" : ` keyword="${keyword}"`) +
    (creator === undefined ? "" : ` privateCreator="${escape(creator)}"`)
  const content = contentOf(attribute)
  return content === "" ? `<DicomAttribute ${names}/>` : `<DicomAttribute ${names}>${content}</DicomAttribute>`
}

const attributesOf = (map: DicomJson): string =>
  Object.keys(map)
    .sort()
    .map((tag) => attributeOf(map, tag))
    .join("")

/** One document, in UTF-8 when encoded so. Characters that XML cannot hold become U+FFFD. */
export const nativeXml = (attributes: DicomJson): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">${attributesOf(attributes)}</NativeDicomModel>`
