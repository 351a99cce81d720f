// A parsed data set as DICOM JSON (PS3.18 Annex F): UTF-8 values, bulk data left out, bounded in size and depth.
import type { DataSet, Element } from "dicom-parser"
import type { DicomJson } from "../domain/instance.ts"
import { dictionaryVR } from "./json-dictionary.ts"
import { hasEscapes, inCharacterSet, personName, textValues } from "./json-text.ts"

type Attribute = DicomJson[string]

export interface JsonLimits {
  readonly depth: number
  /** Longest value that is taken along, bytes. */
  readonly valueBytes: number
  /** Longest binary value that is taken along as InlineBinary, bytes. */
  readonly inlineBytes: number
  /** Value bytes of the whole map, with 16 for each element and item; later ones are left out. */
  readonly totalBytes: number
}

const defaults: JsonLimits = { depth: 32, valueBytes: 2 ** 18, inlineBytes: 2 ** 10, totalBytes: 2 ** 22 }

interface Reading {
  readonly bytes: Buffer
  readonly littleEndian: boolean
  readonly limits: JsonLimits
  left: number
}

const elementCost = 16
/** Text with escapes is read run by run, each with a decoder of its own: many short runs would hold the thread. */
const escapedCost = 8
const binary = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
const known = new Set(
  "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV".split(" "),
)
const pixelData = new Set(["7FE00008", "7FE00009", "7FE00010"])

/** PS3.18 §F.2.3 has no number for these. */
const finite = (value: number): number | string =>
  Number.isFinite(value) ? value : Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf"
const wide = (value: bigint): number | string => {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
const hex4 = (value: number) => value.toString(16).toUpperCase().padStart(4, "0")

type Read = (view: DataView, at: number, little: boolean) => number | string
const numeric: Readonly<Record<string, readonly [size: number, read: Read] | undefined>> = {
  US: [2, (view, at, little) => view.getUint16(at, little)],
  SS: [2, (view, at, little) => view.getInt16(at, little)],
  UL: [4, (view, at, little) => view.getUint32(at, little)],
  SL: [4, (view, at, little) => view.getInt32(at, little)],
  FL: [4, (view, at, little) => finite(view.getFloat32(at, little))],
  FD: [8, (view, at, little) => finite(view.getFloat64(at, little))],
  SV: [8, (view, at, little) => wide(view.getBigInt64(at, little))],
  UV: [8, (view, at, little) => wide(view.getBigUint64(at, little))],
  AT: [4, (view, at, little) => hex4(view.getUint16(at, little)) + hex4(view.getUint16(at + 2, little))],
}

/** Implicit VR names none: the dictionary does, and PixelRepresentation where it leaves the choice (PS3.5 §A.1). */
const vrOf = (tag: string, element: Element, signed: boolean): string => {
  const named = element.vr
  if (named !== undefined && named !== "UN" && known.has(named)) return named
  if (element.items !== undefined) return "SQ"
  const odd = (Number.parseInt(tag.slice(3, 4), 16) & 1) === 1
  // Private creators (PS3.5 §7.8.1); what their blocks hold only they know.
  if (odd) return /^....00[1-9A-F]/.test(tag) ? "LO" : "UN"
  const listed = dictionaryVR(tag)
  if (listed === "ox") return "OW"
  if (listed === "xs") return signed ? "SS" : "US"
  return listed !== undefined && listed !== "SQ" && known.has(listed) ? listed : "UN"
}

const decimal = (text: string): number | string => {
  const number = Number(text)
  return /^[+-]?[0-9.]/.test(text) && Number.isFinite(number) ? number : text
}

const valuesOf = (
  bytes: Buffer,
  vr: string,
  littleEndian: boolean,
  characterSet: string | undefined,
): ReadonlyArray<unknown> => {
  const number = numeric[vr]
  if (number !== undefined) {
    const [size, read] = number
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) => read(view, i * size, littleEndian))
  }
  const texts = textValues(bytes, vr, characterSet)
  if (texts.every((text) => text === "")) return []
  return texts.map((text) => {
    if (text === "") return null
    if (vr === "PN") return personName(text)
    return vr === "DS" || vr === "IS" ? decimal(text) : text
  })
}

/** Takes the bytes out of what is left for the map; false leaves the value out. */
const spend = (reading: Reading, bytes: number): boolean => {
  if (bytes > reading.left) return false
  reading.left -= bytes
  return true
}

/** What a data set hands down to the items of its sequences (PS3.5 §7.5.3). */
interface Inherited {
  readonly characterSet: string | undefined
  readonly signed: boolean
}

const sequenceOf = (element: Element, reading: Reading, inherited: Inherited, depth: number): Attribute | undefined => {
  const items = element.items ?? []
  if (items.length === 0) return element.length > 0 ? undefined : { vr: "SQ" }
  if (depth >= reading.limits.depth) return undefined
  const Value: Array<DicomJson> = []
  for (const { dataSet } of items) {
    if (!spend(reading, elementCost)) break
    Value.push(dataSet === undefined ? {} : mapOf(dataSet, reading, inherited, depth + 1))
  }
  return { vr: "SQ", Value }
}

const attributeOf = (
  tag: string,
  element: Element,
  reading: Reading,
  inherited: Inherited,
  depth: number,
): Attribute | undefined => {
  const vr = vrOf(tag, element, inherited.signed)
  if (vr === "SQ") return sequenceOf(element, reading, inherited, depth)
  const { dataOffset, length } = element
  if (length === 0) return { vr }
  // Encapsulated, of undefined length, or longer than the file.
  if (element.fragments !== undefined || !(length > 0) || dataOffset + length > reading.bytes.length) return undefined
  const { limits } = reading
  const cost = length * (inCharacterSet.has(vr) && hasEscapes(inherited.characterSet) ? escapedCost : 1)
  if (length > (binary.has(vr) ? limits.inlineBytes : limits.valueBytes) || !spend(reading, cost)) return undefined
  const bytes = reading.bytes.subarray(dataOffset, dataOffset + length)
  if (binary.has(vr)) return { vr, InlineBinary: bytes.toString("base64") }
  // The values below are UTF-8, whatever they were (PS3.18 §F.2.1.1).
  if (tag === "00080005") return { vr, Value: ["ISO_IR 192"] }
  // A value that came as UN is little endian whatever the rest is (PS3.5 §6.2.2).
  const little = reading.littleEndian || element.vr === "UN"
  const Value = valuesOf(bytes, vr, little, inherited.characterSet)
  return Value.length === 0 ? { vr } : { vr, Value }
}

const bytesAt = (element: Element | undefined, { bytes }: Reading): Buffer | undefined =>
  element === undefined || element.items !== undefined || !(element.length > 0) || element.length > 1024
    ? undefined
    : bytes.subarray(element.dataOffset, element.dataOffset + element.length)

const mapOf = (dataset: DataSet, reading: Reading, inherited: Inherited, depth: number): DicomJson => {
  const { elements } = dataset
  const characterSet = bytesAt(elements["x00080005"], reading)?.toString("latin1") ?? inherited.characterSet
  const signed = bytesAt(elements["x00280103"], reading)?.some((byte) => byte !== 0) ?? inherited.signed
  const map: Record<string, Attribute> = {}
  for (const key of Object.keys(elements).sort()) {
    const element = elements[key]
    const tag = key.slice(1).toUpperCase()
    // Group lengths, file meta information and delimiters are no attributes of the object.
    if (!/^[0-9A-F]{8}$/.test(tag) || tag.endsWith("0000") || tag < "00080000" || tag >= "FFFE0000") continue
    if (element === undefined || pixelData.has(tag) || !spend(reading, elementCost)) continue
    const attribute = attributeOf(tag, element, reading, { characterSet, signed }, depth)
    if (attribute !== undefined) map[tag] = attribute
  }
  return map
}

/**
 * Never throws. Values are UTF-8 and the SpecificCharacterSet says so; private attributes stay; what is too long,
 * nested too deep, bulk data or unreadable is left out. Keys ascend. `littleEndian`: of the data set's encoding.
 */
export const toDicomJson = (dataset: DataSet, littleEndian = true, limits: Partial<JsonLimits> = {}): DicomJson => {
  const { buffer, byteOffset, byteLength } = dataset.byteArray
  const merged = { ...defaults, ...limits }
  const bytes = Buffer.from(buffer, byteOffset, byteLength)
  const reading = { bytes, littleEndian, limits: merged, left: merged.totalBytes }
  return mapOf(dataset, reading, { characterSet: undefined, signed: false }, 0)
}
