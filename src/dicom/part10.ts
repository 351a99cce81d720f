// Opens a PS3.10 file up to its pixel data: bounded in bytes, nesting and time, for worker threads and the main one.
import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { constants, inflateRawSync } from "node:zlib"
import dicomParser, { type DataSet } from "dicom-parser"
import { makeWindow } from "./byte-window.ts"
import { metaElements, unpaddedUid } from "./file-meta.ts"
import { headerExtent, type HeaderExtent, type PixelTag, type ValueSpan } from "./header-extent.ts"
import { Part10Error } from "./part10-error.ts"

export { Part10Error, type Part10Reason } from "./part10-error.ts"

export interface Part10Limits {
  /** Most bytes of header that are read. */
  readonly headerBytes?: number
  /** Most bytes a deflated data set may inflate to. */
  readonly inflatedBytes?: number
  readonly depth?: number
  readonly elements?: number
}

export interface Part10 {
  /** File meta information and data set without pixel data and bulk values; its byteArray holds just that. */
  readonly dataset: DataSet
  readonly TransferSyntaxUID: string
  readonly littleEndian: boolean
  /** How the data set really is, whatever the transfer syntax says. */
  readonly explicit: boolean
  /** First byte behind the file meta information. */
  readonly datasetAt: number
  readonly pixelData:
    | {
        readonly tag: PixelTag
        readonly offset: number
        readonly length: number | undefined
        readonly vr: string
        readonly encapsulated: boolean
      }
    | undefined
  readonly extendedOffsets: ValueSpan | undefined
  readonly extendedLengths: ValueSpan | undefined
  /** Top-level values above 1 MiB, which the header leaves out. */
  readonly omitted: HeaderExtent["omitted"]
  /** Of what the offsets count in: the file, or its inflated form. */
  readonly fileBytes: number
  /** Where the offsets point into. */
  readonly source: { readonly path: string } | { readonly bytes: Buffer }
}

const MiB = 2 ** 20
const defaults = { headerBytes: 64 * MiB, inflatedBytes: 512 * MiB, depth: 64, elements: 2_000_000 }
const prefixBytes = 64 * 1024

export const deflatedExplicit = "1.2.840.10008.1.2.1.99"
export const implicitLittleEndian = "1.2.840.10008.1.2"
export const explicitBigEndian = "1.2.840.10008.1.2.2"
export const explicitLittleEndian = "1.2.840.10008.1.2.1"

interface Meta {
  readonly end: number
  readonly TransferSyntaxUID: string
  readonly valueAt: number
  readonly valueLength: number
}

/** Group 0002 (PS3.10 §7.1). */
const readMeta = (bytes: Buffer): Meta => {
  if (bytes.length < 132 || bytes.toString("latin1", 128, 132) !== "DICM") {
    throw new Part10Error("not-dicom", "no DICM prefix behind a 128-byte preamble")
  }
  let syntax: Omit<Meta, "end"> | undefined
  let end = 132
  for (const { element, valueAt, valueLength } of metaElements(bytes, end)) {
    if (element === 0x10) {
      syntax = { TransferSyntaxUID: unpaddedUid(bytes, valueAt, valueLength), valueAt, valueLength }
    }
    end = valueAt + valueLength
  }
  if (end + 12 <= bytes.length && bytes.readUInt16LE(end) === 2) {
    throw new Part10Error("corrupt", `file meta element at offset ${end}`)
  }
  if (syntax === undefined || !/^[0-9.]{1,64}$/.test(syntax.TransferSyntaxUID)) {
    throw new Part10Error("corrupt", "no TransferSyntaxUID in the file meta information")
  }
  return { ...syntax, end }
}

/** Some writers name one encoding and use the other: the first element's VR tells (PS3.5 §7.1). */
const looksExplicit = (bytes: Buffer, start: number, named: boolean): boolean =>
  start + 8 > bytes.length ? named : /^[A-Z]{2}$/.test(bytes.toString("latin1", start + 4, start + 6))

const thrownText = (thrown: unknown): string => {
  const inner = typeof thrown === "object" && thrown !== null && "exception" in thrown ? thrown.exception : thrown
  const text = inner instanceof Error ? inner.message : typeof inner === "string" ? inner : ""
  // In its own words only as far as they are about the file: the name of a function is not.
  return text.replace(/^dicomParser\.[\w.]+\s*[:-]?\s*/, "").trim() || "the data set cannot be parsed"
}

const parse = (header: Buffer): DataSet => {
  try {
    return dicomParser.parseDicom(header)
  } catch (thrown) {
    const detail = thrownText(thrown)
    throw new Part10Error(/call stack/i.test(detail) ? "too-deep" : "corrupt", detail)
  }
}

interface Bytes {
  readonly total: number
  readonly read: (offset: number, length: number) => Buffer
  readonly source: Part10["source"]
}

const open = (input: Bytes, limits: Part10Limits): Part10 => {
  const limit = { ...defaults, ...limits, valueBytes: MiB }
  let { total, read, source } = input
  let bytes = read(0, Math.min(prefixBytes, total))
  const meta = readMeta(bytes)
  if (meta.TransferSyntaxUID === deflatedExplicit) {
    if (total > Math.max(limit.headerBytes, prefixBytes)) {
      throw new Part10Error("too-large", `deflated file of more than ${limit.headerBytes} bytes`)
    }
    const inflated = inflate(read(0, total), meta, limit.inflatedBytes)
    bytes = inflated
    total = inflated.length
    source = { bytes: inflated }
    read = (offset, length) => inflated.subarray(offset, offset + length)
  }
  const littleEndian = meta.TransferSyntaxUID !== explicitBigEndian
  const explicit = looksExplicit(bytes, meta.end, meta.TransferSyntaxUID !== implicitLittleEndian)
  const extent = headerExtent(makeWindow(total, bytes, read), { start: meta.end, explicit, littleEndian }, limit)
  const pieces = extent.ranges.map(([from, to]) =>
    to <= bytes.length ? bytes.subarray(from, to) : read(from, to - from),
  )
  // A copy: it is changed below.
  const header = Buffer.concat(pieces)
  // The parser goes by the named syntax: name the one that the bytes at hand are in.
  const named = explicit ? (littleEndian ? explicitLittleEndian : explicitBigEndian) : implicitLittleEndian
  if (named.length <= meta.valueLength) {
    header.fill(0, meta.valueAt, meta.valueAt + meta.valueLength)
    header.write(named, meta.valueAt, "latin1")
  }
  for (const at of extent.unknownLongVRs) header.write("UN", at, "latin1")
  const { pixelTag, pixels } = extent
  return {
    dataset: parse(header),
    TransferSyntaxUID: meta.TransferSyntaxUID,
    littleEndian,
    explicit,
    datasetAt: meta.end,
    pixelData:
      pixelTag === undefined || pixels === undefined
        ? undefined
        : { tag: pixelTag, ...pixels, encapsulated: pixels.length === undefined },
    extendedOffsets: extent.extendedOffsets,
    extendedLengths: extent.extendedLengths,
    omitted: extent.omitted,
    fileBytes: total,
    source,
  }
}

/** PS3.5 §A.5: everything behind the file meta information is one raw deflate stream, sometimes padded. */
const inflate = (file: Buffer, meta: Meta, maxOutputLength: number): Buffer => {
  try {
    const data = inflateRawSync(file.subarray(meta.end), { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH })
    return Buffer.concat([file.subarray(0, meta.end), data])
  } catch (thrown) {
    const tooLarge = thrown instanceof Error && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE"
    throw tooLarge
      ? new Part10Error("too-large", `inflates to more than ${maxOutputLength} bytes`)
      : new Part10Error("corrupt", "the deflated data set does not inflate")
  }
}

/** Opens bytes in memory, which must be the whole file. Throws Part10Error. */
export const parsePart10 = (bytes: Uint8Array, limits: Part10Limits = {}): Part10 => {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read = (offset: number, length: number) => whole.subarray(offset, offset + length)
  return open({ total: whole.length, read, source: { bytes: whole } }, limits)
}

const readInto = (descriptor: number, offset: number, length: number): Buffer => {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const count = readSync(descriptor, bytes, filled, length - filled, offset + filled)
    if (count === 0) throw new Part10Error("truncated", `the file ends before offset ${offset + length}`)
    filled += count
  }
  return bytes
}

/** Opens a file by its path; reads 64 KiB and more only when the header needs it. Throws Part10Error, and what the file system throws. */
export const openPart10 = (path: string, limits: Part10Limits = {}): Part10 => {
  const descriptor = openSync(path, "r")
  try {
    const total = fstatSync(descriptor).size
    const read = (offset: number, length: number) => readInto(descriptor, offset, length)
    return open({ total, read, source: { path } }, limits)
  } finally {
    closeSync(descriptor)
  }
}

/** Part of the file's value bytes; offsets as in `pixelData`. Throws Part10Error (truncated). */
export const readPart10Bytes = ({ source, fileBytes }: Part10, offset: number, length: number): Buffer => {
  if (offset < 0 || length < 0 || offset + length > fileBytes) {
    throw new Part10Error("truncated", `offset ${offset} and ${length} bytes lie past the end, ${fileBytes}`)
  }
  if ("bytes" in source) return source.bytes.subarray(offset, offset + length)
  const descriptor = openSync(source.path, "r")
  try {
    return readInto(descriptor, offset, length)
  } finally {
    closeSync(descriptor)
  }
}
