// A parsed data set as DICOM JSON (PS3.18 Annex F): UTF-8 values, bulk data by reference, bounded in size and depth.
import type { DataSet, Element } from "dicom-parser"
import type { DicomJson } from "../domain/instance.ts"
import { hasEscapes, inCharacterSet, personName, textValues } from "./json-text.ts"
import type { Part10 } from "./part10.ts"
import { swapWords, vrOf, wordBytes } from "./value-representation.ts"

type Attribute = DicomJson[string]

export interface JsonLimits {
  readonly depth: number
  /** Longest value that is taken along, bytes. */
  readonly valueBytes: number
  /** Longest binary value that is taken along as InlineBinary, bytes. */
  readonly inlineBytes: number
  /** Value bytes of the whole map, with 64 for each element and item; later elements are left out. */
  readonly totalBytes: number
}

/** 4096 elements at most: a few milliseconds whenever such a map is read or searched. */
const defaults: JsonLimits = { depth: 64, valueBytes: 2 ** 18, inlineBytes: 2 ** 10, totalBytes: 2 ** 18 }

interface Reading {
  readonly bytes: Buffer
  readonly littleEndian: boolean
  readonly limits: JsonLimits
  left: number
}

const elementCost = 64
/** Text with escapes is read run by run, each with a decoder of its own: many short runs would hold the thread. */
const escapedCost = 4
const binary = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
/** PS3.18 §F.2.2: what may be left to a BulkDataURI. */
const bulkable = new Set("DS FD FL IS LT OB OD OF OL OV OW SL SS ST SV UC UL UN US UT UV".split(" "))

/** Relative to the instance's own address; `path` names the element: its tag, within items as SEQUENCE.item from 1.TAG. */
export const bulkDataURI = (path: string): string => `bulkdata/${path}`

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
  /** Of the elements' paths. */
  readonly prefix: string
}

const sequenceOf = (
  tag: string,
  element: Element,
  reading: Reading,
  inherited: Inherited,
  depth: number,
): Attribute | undefined => {
  const items = element.items ?? []
  if (items.length === 0) return element.length > 0 ? undefined : { vr: "SQ" }
  if (depth >= reading.limits.depth) return undefined
  const Value: Array<DicomJson> = []
  for (const [index, { dataSet }] of items.entries()) {
    if (!spend(reading, elementCost)) break
    const within = { ...inherited, prefix: `${inherited.prefix}${tag}.${index + 1}.` }
    Value.push(dataSet === undefined ? {} : mapOf(dataSet, reading, within, depth + 1))
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
  const vr = vrOf(tag, element.vr, element.items !== undefined, inherited.signed)
  if (vr === "SQ") return sequenceOf(tag, element, reading, inherited, depth)
  const { dataOffset, length } = element
  if (length === 0) return { vr }
  const elsewhere = bulkable.has(vr) ? { vr, BulkDataURI: bulkDataURI(`${inherited.prefix}${tag}`) } : undefined
  // Encapsulated, of undefined length, or longer than the file.
  if (element.fragments !== undefined || !(length > 0) || dataOffset + length > reading.bytes.length) return elsewhere
  const { limits } = reading
  const cost = length * (inCharacterSet.has(vr) && hasEscapes(inherited.characterSet) ? escapedCost : 1)
  if (length > (binary.has(vr) ? limits.inlineBytes : limits.valueBytes) || !spend(reading, cost)) return elsewhere
  const bytes = reading.bytes.subarray(dataOffset, dataOffset + length)
  if (binary.has(vr)) {
    // Little endian, whatever the data set is in (PS3.18 §F.2.7).
    const width = reading.littleEndian ? 1 : wordBytes(vr)
    return { vr, InlineBinary: (width === 1 ? bytes : swapWords(Buffer.from(bytes), width)).toString("base64") }
  }
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
    if (element === undefined || !spend(reading, elementCost)) continue
    const attribute = attributeOf(tag, element, reading, { ...inherited, characterSet, signed }, depth)
    if (attribute !== undefined) map[tag] = attribute
  }
  return map
}

/**
 * Never throws. Values are UTF-8 and the SpecificCharacterSet says so; private attributes stay; what is too long or
 * bulk data has a BulkDataURI relative to the instance's address; what is unreadable is left out.
 * `littleEndian`: of the data set's encoding.
 */
export const toDicomJson = (dataset: DataSet, littleEndian = true, limits: Partial<JsonLimits> = {}): DicomJson => {
  const { buffer, byteOffset, byteLength } = dataset.byteArray
  const merged = { ...defaults, ...limits }
  const bytes = Buffer.from(buffer, byteOffset, byteLength)
  const reading = { bytes, littleEndian, limits: merged, left: merged.totalBytes }
  return mapOf(dataset, reading, { characterSet: undefined, signed: false, prefix: "" }, 0)
}

/** The same of a whole object, with references to its pixel data and to what its header leaves out. */
export const attributesOf = (
  { dataset, littleEndian, pixelData, omitted }: Part10,
  limits: Partial<JsonLimits> = {},
): DicomJson => {
  const signed = (dataset.uint16("x00280103") ?? 0) !== 0
  const elsewhere = [...omitted, ...(pixelData === undefined ? [] : [pixelData])].map(({ tag, vr }) => [
    tag,
    { vr: vrOf(tag, vr, false, signed), BulkDataURI: bulkDataURI(tag) },
  ])
  return { ...toDicomJson(dataset, littleEndian, limits), ...Object.fromEntries(elsewhere) }
}
