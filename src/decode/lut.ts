// Lookup tables of a data set: modality and VOI LUTs (PS3.3 §C.11.1, §C.11.2) and palettes, segmented ones too (§C.7.9).
import type { DataSet } from "dicom-parser"
import { DecodeFailure } from "./failure.ts"

export interface Lut {
  /** The value that the first entry stands for; what lies before or behind gets the first or last one. */
  readonly first: number
  readonly values: ArrayLike<number>
  /** Of an entry. */
  readonly bits: number
}

const maxEntries = 65_536

interface Words {
  readonly length: number
  readonly at: (index: number) => number
}

/** Entries as stored; packed in bytes where the length says so. */
const words = (dataset: DataSet, tag: string, entries: number | undefined): Words | undefined => {
  const element = dataset.elements[tag]
  if (element === undefined || element.length === 0) return undefined
  const { dataOffset, length } = element
  const read = dataset.byteArrayParser.readUint16
  const wide = entries === undefined || length >= entries * 2
  return {
    length: wide ? Math.floor(length / 2) : length,
    at: (index) => (wide ? read(dataset.byteArray, dataOffset + index * 2) : dataset.byteArray[dataOffset + index]!),
  }
}

/** Discrete and linear segments, and copies of earlier ones (PS3.3 §C.7.9.2). */
const expand = (words: Words, entries: number): ReadonlyArray<number> => {
  const out: Array<number> = []
  const segment = (at: number, inCopy: boolean): number => {
    const [code, count] = [words.at(at), words.at(at + 1)]
    if (code === 0) {
      for (let i = 0; i < count && out.length < entries; i++) out.push(words.at(at + 2 + i))
      return at + 2 + count
    }
    if (code === 1) {
      const [from, to] = [out[out.length - 1] ?? 0, words.at(at + 2)]
      for (let i = 1; i <= count && out.length < entries; i++) out.push(Math.round(from + ((to - from) * i) / count))
      return at + 3
    }
    if (code !== 2 || inCopy) throw new DecodeFailure("corrupt", `segment of kind ${code} in a palette`)
    // `count` segments from a byte offset within the data, given as two words.
    let from = (words.at(at + 2) + words.at(at + 3) * 0x10000) >> 1
    for (let i = 0; i < count && from + 1 < words.length && out.length < entries; i++) from = segment(from, true)
    return at + 4
  }
  for (let at = 0; at + 1 < words.length && out.length < entries;) at = segment(at, false)
  return out
}

/** `signed`: how the first mapped value is meant. Undefined without data. Throws DecodeFailure. */
export const readLut = (
  dataset: DataSet,
  tags: { readonly descriptor: string; readonly data: string; readonly segmented?: string },
  signed: boolean,
): Lut | undefined => {
  const entries = dataset.uint16(tags.descriptor, 0) || maxEntries
  const from = dataset.uint16(tags.descriptor, 1) ?? 0
  const bits = dataset.uint16(tags.descriptor, 2) ?? 16
  const first = signed ? (from << 16) >> 16 : from
  const plain = words(dataset, tags.data, entries)
  if (plain !== undefined) {
    const values = Array.from({ length: Math.min(entries, plain.length) }, (_, i) => plain.at(i))
    return values.length === 0 ? undefined : { first, values, bits }
  }
  const coded = tags.segmented === undefined ? undefined : words(dataset, tags.segmented, undefined)
  const values = coded === undefined ? [] : expand(coded, entries)
  return values.length === 0 ? undefined : { first, values, bits }
}

/** The entry that stands for a value. */
export const lookUp = ({ first, values }: Lut, value: number): number =>
  values[Math.min(Math.max(Math.round(value) - first, 0), values.length - 1)]!

const sequenceTags = { descriptor: "x00283002", data: "x00283006" }

/** The first table of a LUT sequence. */
export const sequenceLut = (dataset: DataSet, tag: string, signed: boolean): Lut | undefined => {
  const item = dataset.elements[tag]?.items?.[0]?.dataSet
  return item === undefined ? undefined : readLut(item, sequenceTags, signed)
}
