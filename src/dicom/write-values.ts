// Values of DICOM JSON as bytes of an explicit VR little endian data set, text in UTF-8 (PS3.5 §6.2, PS3.18 §F.2).
import { DataSetError } from "./data-set-error.ts"
import { decimalString } from "./decimal-string.ts"
import { inCharacterSet, singleValued } from "./json-text.ts"

/** A number or what stands for one; undefined when it is none that the VR can hold. */
type Read<N> = (value: unknown) => N | undefined

const integer =
  (least: number, most: number): Read<number> =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined

/** 64-bit values come as numbers or, beyond 2^53, as text (PS3.18 §F.2.2). */
const wide =
  (least: bigint, most: bigint): Read<bigint> =>
  (value) => {
    const isWhole = Number.isSafeInteger(value) || (typeof value === "string" && /^[+-]?[0-9]{1,20}$/.test(value))
    if (!isWhole) return undefined
    const big = BigInt(String(value).replace("+", ""))
    return big >= least && big <= most ? big : undefined
  }

/** PS3.18 §F.2.3: what JSON numbers cannot say. */
const said: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
])
const real: Read<number> = (value) => said.get(value) ?? (Number.isFinite(value) ? Number(value) : undefined)
/** XML has text only. */
const fromText =
  (read: Read<number>): Read<number> =>
  (value) =>
    read(value) ?? (typeof value === "string" && value.trim() !== "" ? read(Number(value)) : undefined)

type Put = (view: DataView, at: number, value: unknown) => boolean
const put =
  <N>(read: Read<N>, write: (view: DataView, at: number, value: N) => void): Put =>
  (view, at, value) => {
    const number = read(value)
    if (number === undefined) return false
    write(view, at, number)
    return true
  }

const int = (least: number, most: number) => fromText(integer(least, most))
const numbers: Readonly<Record<string, readonly [size: number, put: Put] | undefined>> = {
  US: [2, put(int(0, 0xffff), (view, at, value) => view.setUint16(at, value, true))],
  SS: [2, put(int(-0x8000, 0x7fff), (view, at, value) => view.setInt16(at, value, true))],
  UL: [4, put(int(0, 0xffffffff), (view, at, value) => view.setUint32(at, value, true))],
  SL: [4, put(int(-0x80000000, 0x7fffffff), (view, at, value) => view.setInt32(at, value, true))],
  UV: [8, put(wide(0n, 2n ** 64n - 1n), (view, at, value) => view.setBigUint64(at, value, true))],
  SV: [8, put(wide(-(2n ** 63n), 2n ** 63n - 1n), (view, at, value) => view.setBigInt64(at, value, true))],
  FL: [4, put(fromText(real), (view, at, value) => view.setFloat32(at, value, true))],
  FD: [8, put(fromText(real), (view, at, value) => view.setFloat64(at, value, true))],
  AT: [
    4,
    put(
      (value) => (typeof value === "string" && /^[0-9A-Fa-f]{8}$/.test(value) ? Number.parseInt(value, 16) : undefined),
      (view, at, value) => {
        view.setUint16(at, value >>> 16, true)
        view.setUint16(at + 2, value & 0xffff, true)
      },
    ),
  ],
}

const groups = ["Alphabetic", "Ideographic", "Phonetic"] as const
const nameText = (value: unknown): string | undefined => {
  if (typeof value === "string") return value
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  const texts = groups.map((group) => (value as Readonly<Record<string, unknown>>)[group] ?? "")
  return texts.every((text) => typeof text === "string") ? texts.join("=").replace(/=+$/, "") : undefined
}

// oxlint-disable-next-line no-control-regex
const ascii = /^[\x20-\x7e\t\r\n\f]*$/
const patterns: Readonly<Record<string, RegExp | undefined>> = {
  UI: /^[0-9.]{0,64}$/,
  IS: /^ *[+-]?[0-9]{0,12} *$/,
  DS: /^[0-9+\-.eE ]{0,16}$/,
}

/** JSON has numbers for DS, and XML made from it their text, both with more digits than DS has. */
const decimalText = (value: unknown): unknown => {
  const number = typeof value === "string" && value.length > 16 && value.length < 32 ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) ? decimalString(number) : value
}

const textOf = (vr: string, value: unknown): string | undefined => {
  if (value === null || value === undefined) return ""
  if (vr === "PN") return nameText(value)
  const text = vr === "DS" ? decimalText(value) : vr === "IS" && Number.isInteger(value) ? String(value) : value
  if (typeof text !== "string" || (!inCharacterSet.has(vr) && !ascii.test(text))) return undefined
  return (patterns[vr]?.test(text) ?? true) ? text : undefined
}

const text = (tag: string, vr: string, values: ReadonlyArray<unknown>): Buffer => {
  const single = singleValued.has(vr)
  if (single && values.length > 1) throw new DataSetError(`${tag} has more than one value`)
  const texts = values.map((value) => {
    const each = textOf(vr, value)
    // A backslash would make two values of one.
    if (each === undefined || (!single && each.includes("\\"))) throw new DataSetError(`a value of ${tag} is no ${vr}`)
    return each
  })
  return Buffer.from(texts.join("\\"), "utf8")
}

/** Text, numbers and tags, without padding. Throws DataSetError. */
export const valueBytes = (tag: string, vr: string, values: ReadonlyArray<unknown>): Buffer => {
  const number = numbers[vr]
  if (number === undefined) return text(tag, vr, values)
  const [size, write] = number
  const bytes = Buffer.alloc(values.length * size)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  values.forEach((value, i) => {
    if (!write(view, i * size, value)) throw new DataSetError(`a value of ${tag} is no ${vr}`)
  })
  return bytes
}
