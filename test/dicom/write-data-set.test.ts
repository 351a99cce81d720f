// Attribute maps to data sets and back: what was said is what is read.
import * as fc from "fast-check"
import { assert, describe, it } from "@effect/vitest"
import { DataSetError } from "../../src/dicom/data-set-error.ts"
import { fileMeta } from "../../src/dicom/file-meta.ts"
import { attributesOf } from "../../src/dicom/json.ts"
import { nativeXml } from "../../src/dicom/native-xml.ts"
import { parsePart10 } from "../../src/dicom/part10.ts"
import { readDicomJson } from "../../src/dicom/read-dicom-json.ts"
import { nativeXmlReader } from "../../src/dicom/read-native-xml.ts"
import { writeDataSet } from "../../src/dicom/write-data-set.ts"
import type { DicomJson } from "../../src/domain/instance.ts"

const meta = { SOPClassUID: "1.2", SOPInstanceUID: "1.3", TransferSyntaxUID: "1.2.840.10008.1.2.1" }
const nowhere = () => {
  throw new DataSetError("no bulk data here")
}
const written = (map: DicomJson) =>
  Buffer.concat([fileMeta(meta), ...writeDataSet(map, { bulk: nowhere }).filter((chunk) => Buffer.isBuffer(chunk))])
const roundTrip = (map: DicomJson) => attributesOf(parsePart10(written(map)))

const ints = (min: number, max: number) => fc.integer({ min, max })
const word = fc
  .string({ unit: fc.constantFrom(..."abzÄßж山 1"), minLength: 1, maxLength: 12 })
  .map((text) => `x${text}x`)
// Without SV and UV, which the header reader takes for UN.
const values = {
  US: ints(0, 0xffff),
  SS: ints(-0x8000, 0x7fff),
  UL: ints(0, 0xffffffff),
  SL: ints(-0x80000000, 0x7fffffff),
  FD: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  FL: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  AT: fc.constantFrom("00100010", "7FE00010"),
  UI: fc.constantFrom("1.2.3", "1.2.840.10008.1.1"),
  CS: fc.constantFrom("ABC", "A_B"),
  LO: word,
  SH: word,
  IS: ints(-999_999, 999_999),
  DS: ints(-99_999, 99_999).map((value) => value / 8),
  PN: fc.record({ Alphabetic: word, Ideographic: word }),
}
const attribute = (item: fc.Arbitrary<DicomJson>): fc.Arbitrary<DicomJson[string]> =>
  fc.oneof(
    ...Object.entries(values).map(([vr, value]) =>
      fc.array<unknown>(value, { maxLength: 4 }).map((Value) => (Value.length === 0 ? { vr } : { vr, Value })),
    ),
    fc.uint8Array({ minLength: 2, maxLength: 40 }).map((bytes) => ({
      vr: "OB",
      InlineBinary: Buffer.from(bytes.subarray(0, bytes.length & ~1)).toString("base64"),
    })),
    word.map((text) => ({ vr: "LT", Value: [`${text}\\${text}`] })),
    fc.array(item, { minLength: 1, maxLength: 3 }).map((Value) => ({ vr: "SQ", Value })),
  )
const { map } = fc.letrec<{ readonly map: DicomJson }>((tie) => ({
  map: fc.dictionary(
    ints(0x10, 0xffff).map((element) => `0070${element.toString(16).toUpperCase().padStart(4, "0")}`),
    attribute(fc.oneof({ maxDepth: 3 }, fc.constant<DicomJson>({ "00700010": { vr: "CS" } }), tie("map"))),
    { minKeys: 1, maxKeys: 6, noNullPrototype: true },
  ),
}))
const utf8 = { "00080005": { vr: "CS", Value: ["ISO_IR 192"] } }

describe("writing attribute maps", () => {
  it("gives back what was said, by JSON and by XML", () =>
    fc.assert(
      fc.property(map, (said) => {
        const whole = { ...utf8, ...said }
        assert.deepEqual(roundTrip(said), whole)
        const [again] = readDicomJson(JSON.stringify(said))
        assert.deepEqual(roundTrip(again!), whole)
        const reader = nativeXmlReader()
        for (const piece of nativeXml(said).match(/[^]{1,7}/g) ?? []) reader.write(piece)
        assert.deepEqual(roundTrip(reader.close()), whole)
      }),
      { numRuns: 300 },
    ))

  it("ends any other map in one kind of error", () =>
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom("00100010", "0010", "FFFEE000"), fc.jsonValue()), (said) => {
        try {
          written(said as unknown as DicomJson)
        } catch (thrown) {
          assert.instanceOf(thrown, DataSetError)
        }
      }),
      { numRuns: 500 },
    ))

  it("any text ends as maps or in that error", () =>
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), fc.string({ unit: fc.constantFrom(...'{}[]":,a1\\') })), (text) => {
        for (const read of [readDicomJson, (xml: string) => (nativeXmlReader().write(xml), undefined)]) {
          try {
            read(text)
          } catch (thrown) {
            assert.instanceOf(thrown, DataSetError)
          }
        }
      }),
      { numRuns: 1000 },
    ))
})
