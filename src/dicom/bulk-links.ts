// The bulk data that an instance's attributes refer to, and the references as callers can follow them (PS3.18 §F.2.6).
import type { DicomJson } from "../domain/instance.ts"

type Attribute = DicomJson[string]

const itemsOf = ({ vr, Value }: Attribute): ReadonlyArray<DicomJson | null> | undefined =>
  vr === "SQ" ? (Value as ReadonlyArray<DicomJson | null> | undefined) : undefined

/** References below the instance's address made absolute. The map itself where there are none. */
export const withAbsoluteLinks = (map: DicomJson, instance: string): DicomJson => {
  const changed: Array<readonly [string, Attribute]> = []
  for (const [tag, attribute] of Object.entries(map)) {
    if (attribute.BulkDataURI !== undefined) {
      changed.push([tag, { ...attribute, BulkDataURI: `${instance}/${attribute.BulkDataURI}` }])
      continue
    }
    const items = itemsOf(attribute)
    const linked = items?.map((item) => (item === null ? item : withAbsoluteLinks(item, instance)))
    if (linked?.some((item, i) => item !== items?.[i]) === true) changed.push([tag, { vr: "SQ", Value: linked }])
  }
  return changed.length === 0 ? map : { ...map, ...Object.fromEntries(changed) }
}

/** Relative references, in the order of the attributes. */
export const bulkLinks = (map: DicomJson): ReadonlyArray<string> =>
  Object.keys(map)
    .sort()
    .flatMap((tag) => {
      const attribute = map[tag]!
      if (attribute.BulkDataURI !== undefined) return [attribute.BulkDataURI]
      return (itemsOf(attribute) ?? []).flatMap((item) => (item === null ? [] : bulkLinks(item)))
    })
