// Objects in Explicit VR Little Endian: what is converted, what is left as it was, and what is left out.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import dcmjsCodecs from "dcmjs-codecs"
import { loadCodecs } from "../../src/decode/codec.ts"
import { explicitPieces } from "../../src/decode/explicit.ts"
import { openImage } from "../../src/decode/opened.ts"
import { toDicomJson } from "../../src/dicom/json.ts"
import { parsePart10, readPart10Bytes } from "../../src/dicom/part10.ts"
import { swapWords } from "../../src/dicom/value-representation.ts"
import { element, encapsulated, image, part10, sequence } from "../dicom/part10.fixture.ts"

const folder = mkdtempSync(join(tmpdir(), "explicit-"))
afterAll(() => rmSync(folder, { recursive: true }))
beforeAll(() => loadCodecs())

let files = 0
const explicit = (bytes: Buffer): Buffer => {
  const path = join(folder, `${++files}.dcm`)
  writeFileSync(path, bytes)
  const file = readFileSync(path)
  return Buffer.concat(
    explicitPieces(path).map((piece) => {
      if (piece._tag === "Bytes") return piece.bytes
      if (piece._tag === "Inflated") throw new Error("not deflated")
      if (piece._tag === "Frame") return openImage(path).read(piece.frame).bytes
      return swapWords(Buffer.from(file.subarray(piece.offset, piece.offset + piece.length)), piece.swap)
    }),
  )
}

const implicit = (tag: number, value: Buffer) => {
  const head = Buffer.alloc(8)
  head.writeUInt16LE(tag >>> 16, 0)
  head.writeUInt16LE(tag & 0xffff, 2)
  head.writeUInt32LE(value.length, 4)
  return Buffer.concat([head, value])
}
const item = (value: Buffer) => implicit(0xfffee000, value)

const pixelsOf = (file: Buffer): Buffer => {
  const opened = parsePart10(file)
  return readPart10Bytes(opened, opened.pixelData!.offset, opened.pixelData!.length!)
}

const encodeRgb = (pixels: Uint8Array, side: number) =>
  Uint8Array.from(
    dcmjsCodecs.NativeCodecs.encodeJpeg2000(
      new dcmjsCodecs.Context({
        width: side,
        height: side,
        bitsAllocated: 8,
        bitsStored: 8,
        samplesPerPixel: 3,
        pixelRepresentation: 0,
        planarConfiguration: 0,
        photometricInterpretation: "RGB",
        decodedBuffer: pixels,
      }),
      { lossy: false, progressionOrder: 0 },
    ).getEncodedBuffer() ?? [],
  )

describe("Explicit VR Little Endian", () => {
  it("from implicit: VRs by the dictionary, sequences, character sets byte for byte, no group lengths", () => {
    const name = Buffer.from("Buc^J\xe9r\xf4me", "latin1")
    const long = Buffer.alloc(70_000, 0x41)
    const file = part10(
      Buffer.concat([
        implicit(0x00080000, Buffer.from([4, 0, 0, 0])),
        implicit(0x00080005, Buffer.from("ISO_IR 100")),
        implicit(0x00081111, item(implicit(0x00081155, Buffer.from("1.2.3\0")))),
        implicit(0x00100010, name),
        implicit(0x00189004, long),
        implicit(0x00280103, Buffer.from([1, 0])),
        implicit(0x00280106, Buffer.from([0xfb, 0xff])),
        implicit(0x7fe00010, Buffer.from("0102030405060708", "hex")),
      ]),
      "1.2.840.10008.1.2",
    )
    const opened = parsePart10(explicit(file))
    assert.strictEqual(opened.TransferSyntaxUID, "1.2.840.10008.1.2.1")
    assert.isTrue(opened.explicit)
    const { elements } = opened.dataset
    assert.isUndefined(elements["x00080000"])
    assert.strictEqual(elements["x00100010"]?.vr, "PN")
    const { dataOffset, length } = elements["x00100010"]!
    assert.isTrue(Buffer.from(opened.dataset.byteArray.subarray(dataOffset, dataOffset + length)).equals(name))
    assert.strictEqual(elements["x00081111"]?.items?.[0]?.dataSet?.string("x00081155"), "1.2.3")
    // A short VR has no room for it (PS3.5 §6.2.2).
    assert.strictEqual(elements["x00189004"]?.vr, "UN")
    assert.deepStrictEqual(toDicomJson(opened.dataset)["00280106"], { vr: "SS", Value: [-5] })
    assert.strictEqual(pixelsOf(explicit(file)).toString("hex"), "0102030405060708")
  })

  it("from big endian: every word turned", () => {
    const file = image({
      Rows: 1,
      Columns: 2,
      BitsAllocated: 16,
      little: false,
      more: [element(0x00281201, "OW", Buffer.from("00010203", "hex"), false)],
      pixelData: element(0x7fe00010, "OW", Buffer.from("01020304", "hex"), false),
      TransferSyntaxUID: "1.2.840.10008.1.2.2",
    })
    const converted = explicit(file)
    const opened = parsePart10(converted)
    assert.strictEqual(opened.dataset.uint16("x00280011"), 2)
    assert.deepStrictEqual(
      toDicomJson(opened.dataset)["00281201"]?.InlineBinary,
      Buffer.from("01000302", "hex").toString("base64"),
    )
    assert.strictEqual(pixelsOf(converted).toString("hex"), "02010403")
  })

  it("from compressed: pixels and what describes them, offset tables and compressed icons gone", () => {
    const side = 16
    const rgb = Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 7) & 0xff)
    const frame = encodeRgb(rgb, side)
    const icon = sequence(0x00880200, [
      Buffer.concat([element(0x00280010, "US", side), encapsulated([[frame]], false)]),
    ])
    const even = frame.length + (frame.length % 2)
    const table = (...values: ReadonlyArray<number>) => Buffer.from(BigUint64Array.from(values, BigInt).buffer)
    const file = image({
      Rows: side,
      Columns: side,
      BitsAllocated: 8,
      SamplesPerPixel: 3,
      PhotometricInterpretation: "YBR_RCT",
      NumberOfFrames: 2,
      more: [
        icon,
        element(0x7fe00001, "OV", table(0, even + 8)),
        element(0x7fe00002, "OV", table(frame.length, frame.length)),
      ],
      pixelData: Buffer.concat([encapsulated([[frame], [frame]], true), element(0xfffcfffc, "OB", Buffer.alloc(10))]),
      TransferSyntaxUID: "1.2.840.10008.1.2.4.90",
    })
    const converted = explicit(file)
    const opened = parsePart10(converted)
    const { dataset } = opened
    assert.strictEqual(dataset.string("x00280004"), "RGB")
    assert.strictEqual(dataset.uint16("x00280006"), 0)
    assert.strictEqual(dataset.string("x00280008"), "2")
    assert.isUndefined(dataset.elements["x00880200"])
    assert.isUndefined(opened.extendedOffsets)
    assert.isTrue(pixelsOf(converted).equals(Buffer.concat([rgb, rgb])))
    assert.strictEqual(opened.fileBytes, opened.pixelData!.offset + rgb.length * 2)
    const said = converted.readUInt32LE(140)
    assert.strictEqual(144 + said, opened.datasetAt)
  })
})
