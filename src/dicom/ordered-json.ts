// Attribute maps as JSON text whose members ascend (PS3.18 §F.2.2).
import type { DicomJson } from "../domain/instance.ts"

const itemsOf = ({ vr, Value }: DicomJson[string]): ReadonlyArray<DicomJson> =>
  vr === "SQ" && Value !== undefined ? (Value as ReadonlyArray<DicomJson>) : []

const tagsOf = (map: DicomJson): ReadonlyArray<string> => Object.keys(map)

const ascends = (map: DicomJson): boolean => {
  let last = ""
  for (const tag of tagsOf(map)) {
    if (tag < last || !itemsOf(map[tag]!).every((item) => item === null || ascends(item))) return false
    last = tag
  }
  return true
}

const ordered = (map: DicomJson): string => {
  const members = [...tagsOf(map)].sort().map((tag) => {
    const attribute = map[tag]!
    const items = itemsOf(attribute)
    const text =
      items.length === 0
        ? JSON.stringify(attribute)
        : `{"vr":"SQ","Value":[${items.map((item) => (item === null ? "{}" : ordered(item))).join(",")}]}`
    return `"${tag}":${text}`
  })
  return `{${members.join(",")}}`
}

/** JavaScript puts keys such as 54000100, which look like array indices, before 00080005: those maps are written by hand. */
export const orderedJson = (map: DicomJson): string => (ascends(map) ? JSON.stringify(map) : ordered(map))
