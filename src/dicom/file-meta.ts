// File meta information (PS3.10 §7.1): written, and read by its elements, since the group length lies in too many files.
import { isLongVR } from "./walk.ts"
import { element, lengthOf } from "./write-data-set.ts"

/** Our own, for ever (PS3.5 §B.2). */
const implementationClassUID = "2.25.205871063329911348472093612087430197641"

/** Preamble and file meta information (PS3.10 §7.1). */
export const fileMeta = (meta: {
  readonly SOPClassUID: string
  readonly SOPInstanceUID: string
  readonly TransferSyntaxUID: string
}): Buffer => {
  const uid = (tag: string, value: string) => element(tag, "UI", [Buffer.from(value, "latin1")])
  const rest = [
    ...element("00020001", "OB", [Buffer.from([0, 1])]),
    ...uid("00020002", meta.SOPClassUID),
    ...uid("00020003", meta.SOPInstanceUID),
    ...uid("00020010", meta.TransferSyntaxUID),
    ...uid("00020012", implementationClassUID),
  ].filter((chunk) => Buffer.isBuffer(chunk))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(lengthOf(rest))
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from("DICM"),
    ...element("00020000", "UL", [length]).filter((chunk) => Buffer.isBuffer(chunk)),
    ...rest,
  ])
}

export interface MetaElement {
  /** Of group 0002. */
  readonly element: number
  readonly valueAt: number
  readonly valueLength: number
}

/** Where the meta information begins: behind a preamble and its prefix, unless it was cut off. */
export const metaStart = (bytes: Buffer): number => (bytes.toString("latin1", 128, 132) === "DICM" ? 132 : 0)

/** As far as they make sense; always explicit VR little endian. */
export function* metaElements(bytes: Buffer, start: number): Generator<MetaElement, void, undefined> {
  for (let at = start; at + 12 <= bytes.length && bytes.readUInt16LE(at) === 2;) {
    const vr = bytes.toString("latin1", at + 4, at + 6)
    const long = isLongVR(vr)
    const valueLength = long ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6)
    const valueAt = at + (long ? 12 : 8)
    if (!/^[A-Z]{2}$/.test(vr) || valueAt + valueLength > bytes.length) return
    yield { element: bytes.readUInt16LE(at + 2), valueAt, valueLength }
    at = valueAt + valueLength
  }
}

export const unpaddedUid = (bytes: Buffer, at: number, length: number): string =>
  bytes.toString("latin1", at, at + Math.min(length, 66)).replace(/[\0 ]+$/, "")

/** What the file says it holds, without reading any further; also of files that cannot be read. */
export const namedInMeta = (bytes: Buffer) => {
  const found = new Map<number, string>()
  for (const { element: number, valueAt, valueLength } of metaElements(bytes, metaStart(bytes))) {
    found.set(number, unpaddedUid(bytes, valueAt, valueLength))
  }
  const uid = (number: number) => {
    const value = found.get(number) ?? ""
    return /^[0-9.]{1,64}$/.test(value) ? value : undefined
  }
  return { SOPClassUID: uid(0x0002), SOPInstanceUID: uid(0x0003), TransferSyntaxUID: uid(0x0010) }
}
