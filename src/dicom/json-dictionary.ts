// The data dictionary (PS3.6) as dcmjs ships it: VR of a tag, tag of a keyword.
import dcmjs from "dcmjs"

interface Entry {
  readonly tag: string
  readonly vr: string
}

const { DicomMetaDictionary } = dcmjs.data as unknown as {
  readonly DicomMetaDictionary: {
    readonly dictionary: Readonly<Record<string, Entry | undefined>>
    readonly nameMap: Readonly<Record<string, Entry | undefined>>
  }
}

/** VR by the dictionary; `ox` and `xs` where it depends on other attributes; undefined when unknown. `tag`: eight hex digits. */
export const dictionaryVR = (tag: string): string | undefined =>
  DicomMetaDictionary.dictionary[`(${tag.slice(0, 4)},${tag.slice(4)})`.toUpperCase()]?.vr

const tagPattern = /^\(([0-9A-F]{4}),([0-9A-F]{4})\)$/i

/** Eight upper-case hex digits of a keyword such as PatientID; undefined when the dictionary has none. */
export const keywordTag = (keyword: string): string | undefined => {
  const entry = Object.hasOwn(DicomMetaDictionary.nameMap, keyword) ? DicomMetaDictionary.nameMap[keyword] : undefined
  const parts = tagPattern.exec(entry?.tag ?? "")
  return parts === null ? undefined : `${parts[1]}${parts[2]}`.toUpperCase()
}
