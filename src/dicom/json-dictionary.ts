// The data dictionary (PS3.6) as dcmjs ships it: VR of a tag, tag of a keyword.
import { createRequire } from "node:module"

interface Entry {
  readonly tag: string
  readonly vr: string
  readonly name: string
}

interface Dictionary {
  readonly DicomMetaDictionary: {
    readonly dictionary: Readonly<Record<string, Entry | undefined>>
    readonly nameMap: Readonly<Record<string, Entry | undefined>>
  }
}

// By require, as dcmjs-codecs does: an import would load dcmjs a second time, and decode threads start by half a second later.
const { DicomMetaDictionary } = (createRequire(import.meta.url)("dcmjs") as { readonly data: Dictionary }).data

const entryOf = (tag: string): Entry | undefined =>
  DicomMetaDictionary.dictionary[`(${tag.slice(0, 4)},${tag.slice(4)})`.toUpperCase()]

/** VR by the dictionary; `ox` and `xs` where it depends on other attributes; undefined when unknown. `tag`: eight hex digits. */
export const dictionaryVR = (tag: string): string | undefined => entryOf(tag)?.vr

/** dcmjs's mark, which the standard's own keywords of retired attributes do not have. */
const retired = "RETIRED_"

/** Keyword of eight hex digits; undefined when the dictionary has none. */
export const tagKeyword = (tag: string): string | undefined => {
  const name = entryOf(tag)?.name
  return name?.startsWith(retired) ? name.slice(retired.length) : name
}

const tagPattern = /^\(([0-9A-F]{4}),([0-9A-F]{4})\)$/i

/** Eight upper-case hex digits of a keyword such as PatientID; undefined when the dictionary has none. */
export const keywordTag = (keyword: string): string | undefined => {
  const { nameMap } = DicomMetaDictionary
  const name = [keyword, `${retired}${keyword}`].find((known) => Object.hasOwn(nameMap, known))
  const entry = name === undefined ? undefined : nameMap[name]
  const parts = tagPattern.exec(entry?.tag ?? "")
  return parts === null ? undefined : `${parts[1]}${parts[2]}`.toUpperCase()
}
