// DICOM JSON of a caller (PS3.18 §F.2) as attribute maps: nesting and repeated names are seen before a parser is.
import type { DicomJson } from "../domain/instance.ts"
import { DataSetError } from "./data-set-error.ts"

/** An item is two levels and its sequence one; half of it is more than any module has. */
const maxDepth = 128

const quote = 0x22
const backslash = 0x5c

/** Linear and without recursion. JSON.parse would take the last of two equal names in silence. */
const checkStructure = (json: string): void => {
  const open: Array<Set<string> | undefined> = []
  let start = -1
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === quote) {
      start = at + 1
      for (at++; at < json.length && json.charCodeAt(at) !== quote; at++) if (json.charCodeAt(at) === backslash) at++
      continue
    }
    if (code === 0x7b) open.push(new Set())
    else if (code === 0x5b) open.push(undefined)
    else if (code === 0x7d || code === 0x5d) open.pop()
    else if (code === 0x3a && start >= 0) {
      const names = open.at(-1)
      const name = json.slice(start, json.lastIndexOf('"', at))
      if (names?.has(name) === true) throw new DataSetError("an object has the same name twice")
      names?.add(name)
      start = -1
    }
    if (open.length > maxDepth) throw new DataSetError(`the JSON is nested more than ${maxDepth} deep`)
  }
}

const isMap = (value: unknown): value is DicomJson =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0

/** One map or a list of them, tags in upper case; what is in the maps is for their writer to judge. Throws DataSetError. */
export const readDicomJson = (text: string): ReadonlyArray<DicomJson> => {
  checkStructure(text)
  let parsed: unknown
  try {
    parsed = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch {
    throw new DataSetError("the metadata is no JSON")
  }
  const maps: ReadonlyArray<unknown> = Array.isArray(parsed) ? parsed : [parsed]
  if (maps.length === 0 || !maps.every(isMap)) throw new DataSetError("the metadata is no list of DICOM JSON objects")
  return maps.map((map) => Object.fromEntries(Object.entries(map).map(([tag, value]) => [tag.toUpperCase(), value])))
}
