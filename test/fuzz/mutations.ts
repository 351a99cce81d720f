// Damage to a DICOM file, as a list that fast-check can make shorter and simpler.
import * as fc from "fast-check"
import { element } from "../dicom/part10.fixture.ts"

const vrs = [
  "AE",
  "AT",
  "CS",
  "DS",
  "FD",
  "FL",
  "IS",
  "LO",
  "OB",
  "OW",
  "PN",
  "SQ",
  "SS",
  "UI",
  "UL",
  "UN",
  "US",
  "UT",
  "UR",
  "OV",
  "ZZ",
]
const longVRs = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
const lengths = [0, 1, 2, 7, 0xff, 0xfffe, 0xffff, 0x10000, 0x7fffffff, 0xfffffff0, 0xfffffffe, 0xffffffff]

/** `at`: where, as a fraction of the places there are. */
export type Mutation =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "overwrite"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly at: number }
  | { readonly kind: "remove" | "double"; readonly at: number; readonly length: number }
  | { readonly kind: "length"; readonly at: number; readonly length: number }
  | { readonly kind: "vr"; readonly at: number; readonly vr: string }
  | { readonly kind: "charset"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "nest"; readonly at: number; readonly depth: number; readonly defined: boolean }
  | { readonly kind: "uid"; readonly text: string }

const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const kind = <K extends Mutation["kind"]>(name: K) => fc.constant(name)
const garbage = fc.uint8Array({ minLength: 1, maxLength: 16 })

export const mutations: fc.Arbitrary<ReadonlyArray<Mutation>> = fc.array(
  fc.oneof(
    fc.record({ kind: kind("flip"), at, bit: fc.integer({ min: 0, max: 7 }) }),
    fc.record({ kind: kind("overwrite"), at, bytes: garbage }),
    fc.record({ kind: kind("truncate"), at }),
    fc.record({
      kind: fc.constantFrom("remove" as const, "double" as const),
      at,
      length: fc.integer({ min: 1, max: 5000 }),
    }),
    fc.record({ kind: kind("length"), at, length: fc.constantFrom(...lengths) }),
    fc.record({ kind: kind("vr"), at, vr: fc.constantFrom(...vrs) }),
    fc.record({ kind: kind("charset"), at, bytes: garbage }),
    fc.record({ kind: kind("nest"), at, depth: fc.constantFrom(1, 63, 64, 65, 1000, 10_000), defined: fc.boolean() }),
    fc.record({
      kind: kind("uid"),
      text: fc.constantFrom(
        "",
        "..",
        "../../etc/passwd",
        "1.2/../3",
        "1..2",
        "1.2\0.3",
        "a",
        "1".repeat(64),
        "9".repeat(300),
      ),
    }),
  ),
  { maxLength: 6 },
)

/** Where explicit VR elements begin, as far as one can see without parsing. */
const elementStarts = (bytes: Buffer): ReadonlyArray<number> => {
  const starts: Array<number> = []
  const end = Math.min(bytes.length - 8, 65_536)
  for (let i = 132; i < end; i += 2) if (vrs.includes(bytes.toString("latin1", i + 4, i + 6))) starts.push(i)
  return starts
}

/** Items in items; with defined lengths the outer ones say how long they are. */
const nested = (depth: number, defined: boolean): Buffer => {
  if (!defined) {
    const open = Buffer.from("4000 30a7 5351 0000 ffffffff feff 00e0 ffffffff".replaceAll(" ", ""), "hex")
    return Buffer.concat(Array.from({ length: depth }, () => open))
  }
  const heads: Array<Buffer> = []
  for (let level = 0; level < depth; level++) {
    const inside = (depth - level - 1) * 20
    const head = Buffer.from("4000 30a7 5351 0000 00000000 feff 00e0 00000000".replaceAll(" ", ""), "hex")
    head.writeUInt32LE(inside + 8, 8)
    head.writeUInt32LE(inside, 16)
    heads.push(head)
  }
  return Buffer.concat(heads)
}

const mutate = (bytes: Buffer, mutation: Mutation): Buffer => {
  if (bytes.length < 200) return bytes
  if (mutation.kind === "uid") {
    const tag = bytes.indexOf(Buffer.from([0x08, 0x00, 0x18, 0x00, 0x55, 0x49]))
    if (tag < 0) return bytes
    const length = bytes.readUInt16LE(tag + 6)
    const written = element(0x00080018, "UI", mutation.text)
    return Buffer.concat([bytes.subarray(0, tag), written, bytes.subarray(Math.min(bytes.length, tag + 8 + length))])
  }
  const starts = elementStarts(bytes)
  // Most of the damage goes where the structure is.
  const place = Math.floor(mutation.at * Math.min(bytes.length, mutation.at < 0.7 ? 4096 : bytes.length))
  const start = starts.length === 0 ? place : starts[Math.floor(mutation.at * starts.length)]!
  switch (mutation.kind) {
    case "flip": {
      const copy = Buffer.from(bytes)
      copy[place] = copy[place]! ^ (1 << mutation.bit)
      return copy
    }
    case "overwrite": {
      const copy = Buffer.from(bytes)
      copy.set(mutation.bytes.subarray(0, copy.length - place), place)
      return copy
    }
    case "truncate":
      return bytes.subarray(0, Math.floor(mutation.at * bytes.length))
    case "remove":
      return Buffer.concat([bytes.subarray(0, place), bytes.subarray(Math.min(bytes.length, place + mutation.length))])
    case "double":
      return Buffer.concat([bytes.subarray(0, place + mutation.length), bytes.subarray(place)])
    case "length": {
      const copy = Buffer.from(bytes)
      const long = longVRs.has(copy.toString("latin1", start + 4, start + 6))
      if (long && start + 12 <= copy.length) copy.writeUInt32LE(mutation.length, start + 8)
      else if (start + 8 <= copy.length) copy.writeUInt16LE(mutation.length & 0xffff, start + 6)
      return copy
    }
    case "vr": {
      const copy = Buffer.from(bytes)
      if (start + 6 <= copy.length) copy.write(mutation.vr, start + 4, "latin1")
      return copy
    }
    case "charset": {
      const copy = Buffer.from(bytes)
      const into = Math.min(start + 8, copy.length)
      copy.set(mutation.bytes.map((byte) => byte | 0x80).subarray(0, copy.length - into), into)
      return copy
    }
    case "nest":
      return Buffer.concat([bytes.subarray(0, start), nested(mutation.depth, mutation.defined), bytes.subarray(start)])
  }
}

export const damaged = (bytes: Buffer, list: ReadonlyArray<Mutation>): Buffer => list.reduce(mutate, bytes)
