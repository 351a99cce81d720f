// One text value of an attribute map.
import type { DicomJson } from "../domain/instance.ts"

/** The one value; of several, none can be relied on. */
export const singleText = (attributes: DicomJson, tag: string): string | undefined => {
  const [value, ...more] = attributes[tag]?.Value ?? []
  return typeof value === "string" && more.length === 0 ? value : undefined
}
