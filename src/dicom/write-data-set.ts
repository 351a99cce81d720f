// An attribute map (PS3.18 Annex F) as an explicit VR little endian data set (PS3.5 §7.1): the header as bytes, bulk
// values as the spans of another file in which they lie, so that an object's size does not matter.
import type { DicomJson } from "../domain/instance.ts"
import { DataSetError } from "./data-set-error.ts"
import { valueBytes } from "./write-values.ts"

/** Bytes that lie elsewhere. */
export interface Span {
  readonly offset: number
  readonly length: number
}
export type Chunk = Buffer | Span

export interface WriteOptions {
  /** Where the value of a BulkDataURI lies; throws DataSetError where nobody knows. */
  readonly bulk: (uri: string, tag: string) => ReadonlyArray<Span>
  /** Items of encapsulated pixel data (PS3.5 §A.4); without them pixel data is a value like any other. */
  readonly encapsulated?: ReadonlyArray<Chunk> | undefined
}

const maxDepth = 32
const longVRs = new Set("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split(" "))
const binary: Readonly<Record<string, number | undefined>> = { OB: 1, OD: 8, OF: 4, OL: 4, OV: 8, OW: 2, UN: 1 }
const known = new Set("AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(" ").concat([...longVRs]))
const undefinedLength = 0xffffffff
const pixelData = "7FE00010"
/** Of offsets in a file that is not written (PS3.5 §A.4). */
const offsetTables = new Set(["7FE00001", "7FE00002"])

export const lengthOf = (chunks: ReadonlyArray<Chunk>): number => chunks.reduce((sum, { length }) => sum + length, 0)

const marker = (element: number, length: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(0xfffe, 0)
  bytes.writeUInt16LE(element, 2)
  bytes.writeUInt32LE(length, 4)
  return bytes
}
const itemOf = (length: number) => marker(0xe000, length)
const sequenceEnd = marker(0xe0dd, 0)

const head = (tag: string, vr: string, length: number): Buffer => {
  const long = longVRs.has(vr)
  if (length > (long ? undefinedLength : 0xfffe)) throw new DataSetError(`${tag} is too long for ${vr}`)
  const bytes = Buffer.alloc(long ? 12 : 8)
  bytes.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0)
  bytes.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2)
  bytes.write(vr, 4, "latin1")
  if (long) bytes.writeUInt32LE(length, 8)
  else bytes.writeUInt16LE(length, 6)
  return bytes
}

/** Values have even length: text is padded by a space, UIDs and binary values by a zero (PS3.5 §6.2). */
const padding = (vr: string, length: number): ReadonlyArray<Buffer> =>
  length % 2 === 0 ? [] : [Buffer.from(vr === "UI" || binary[vr] !== undefined ? "\0" : " ", "latin1")]

export const element = (tag: string, vr: string, value: ReadonlyArray<Chunk>): ReadonlyArray<Chunk> => {
  const length = lengthOf(value)
  if (length % (binary[vr] ?? 1) !== 0) throw new DataSetError(`the length of ${tag} is no multiple of its ${vr} words`)
  return [head(tag, vr, length + (length % 2)), ...value, ...padding(vr, length)]
}

const inline = (tag: string, text: string): Buffer => {
  const base64 = text.replace(/[\r\n\t ]+/g, "")
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    throw new DataSetError(`the InlineBinary of ${tag} is no base64`)
  }
  return Buffer.from(base64, "base64")
}

const sequence = (tag: string, items: ReadonlyArray<unknown>, options: WriteOptions, depth: number) => {
  if (depth >= maxDepth) throw new DataSetError(`more than ${maxDepth} nested items`)
  const chunks = items.flatMap((item) => {
    const inner = elements(item, options, depth + 1)
    return [itemOf(lengthOf(inner)), ...inner]
  })
  return element(tag, "SQ", chunks)
}

/** Frames as items of encapsulated pixel data, one each, behind an empty offset table. */
export const frameItems = (frames: ReadonlyArray<Span>): ReadonlyArray<Chunk> => [
  itemOf(0),
  ...frames.flatMap((span) => [itemOf(span.length + (span.length % 2)), span, ...padding("OB", span.length)]),
]

const attribute = (tag: string, given: unknown, options: WriteOptions, depth: number): ReadonlyArray<Chunk> => {
  if (typeof given !== "object" || given === null) throw new DataSetError(`${tag} is no attribute`)
  const { vr, Value, InlineBinary, BulkDataURI } = given as Readonly<Record<string, unknown>>
  if (typeof vr !== "string" || !known.has(vr)) throw new DataSetError(`${tag} has no VR`)
  if ([Value, InlineBinary, BulkDataURI].filter((content) => content !== undefined).length > 1) {
    throw new DataSetError(`${tag} has more than one of Value, InlineBinary and BulkDataURI`)
  }
  if (tag === pixelData && depth === 0 && options.encapsulated !== undefined) {
    return [head(pixelData, "OB", undefinedLength), ...options.encapsulated, sequenceEnd]
  }
  if (Value !== undefined && !Array.isArray(Value)) throw new DataSetError(`the Value of ${tag} is no list`)
  const values: ReadonlyArray<unknown> = Value ?? []
  if (vr === "SQ") {
    if (InlineBinary !== undefined || BulkDataURI !== undefined) throw new DataSetError(`${tag} has no items`)
    return sequence(tag, values, options, depth)
  }
  // Whatever the object was in, this data set is in UTF-8.
  if (tag === "00080005") return element(tag, "CS", [Buffer.from("ISO_IR 192")])
  if (typeof BulkDataURI === "string") return element(tag, vr, options.bulk(BulkDataURI, tag))
  if (typeof InlineBinary === "string") return element(tag, vr, [inline(tag, InlineBinary)])
  if (InlineBinary !== undefined || BulkDataURI !== undefined) throw new DataSetError(`the value of ${tag} is no text`)
  if (values.every((value) => value === null)) return element(tag, vr, [])
  if (binary[vr] !== undefined) throw new DataSetError(`${tag} has values where ${vr} has bytes`)
  return element(tag, vr, [valueBytes(tag, vr, values)])
}

const isWritten = (tag: string, options: WriteOptions): boolean =>
  // Group lengths count in another encoding; command elements and file meta information are no attributes of the object.
  !tag.endsWith("0000") && tag >= "00080000" && !(options.encapsulated !== undefined && offsetTables.has(tag))

const elements = (map: unknown, options: WriteOptions, depth: number): ReadonlyArray<Chunk> => {
  if (typeof map !== "object" || map === null || Array.isArray(map)) throw new DataSetError("an item is no object")
  const byTag = new Map<string, unknown>()
  for (const [key, value] of Object.entries(map)) {
    const tag = key.toUpperCase()
    if (!/^[0-9A-F]{8}$/.test(tag) || tag >= "FFFE0000") throw new DataSetError("an attribute has no tag")
    if (byTag.has(tag)) throw new DataSetError(`${tag} is there twice`)
    byTag.set(tag, value)
  }
  return [...byTag.keys()]
    .sort()
    .filter((tag) => isWritten(tag, options))
    .flatMap((tag) => attribute(tag, byTag.get(tag), options, depth))
}

/** Neighbours among the bytes become one, and so do spans that follow each other. */
const joined = (chunks: ReadonlyArray<Chunk>): ReadonlyArray<Chunk> => {
  const result: Array<Chunk> = []
  let bytes: Array<Buffer> = []
  const settle = () => {
    if (bytes.length > 0) result.push(Buffer.concat(bytes))
    bytes = []
  }
  for (const chunk of chunks) {
    const last = result.at(-1)
    if (Buffer.isBuffer(chunk)) bytes.push(chunk)
    else if (
      bytes.length === 0 &&
      last !== undefined &&
      !Buffer.isBuffer(last) &&
      last.offset + last.length === chunk.offset
    )
      result[result.length - 1] = { offset: last.offset, length: last.length + chunk.length }
    else {
      settle()
      result.push(chunk)
    }
  }
  settle()
  return result
}

/** The data set in ascending tags. Throws DataSetError. */
export const writeDataSet = (attributes: DicomJson, options: WriteOptions): ReadonlyArray<Chunk> => {
  // Said or not, text beyond ASCII is UTF-8 here.
  const named: DicomJson = { "00080005": { vr: "CS", Value: ["ISO_IR 192"] }, ...attributes }
  return joined(elements(named, options, 0))
}
