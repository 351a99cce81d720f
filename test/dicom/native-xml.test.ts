// Native DICOM Model documents (PS3.19 §A.1) read back by an XML parser that is not ours.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { SaxesParser } from "saxes"
import { nativeXml } from "../../src/dicom/native-xml.ts"
import type { DicomJson } from "../../src/domain/instance.ts"

/** Strict: throws on anything that is not well-formed. Elements as "name attribute=value…" with their text. */
const elements = (xml: string) => {
  const found: Array<{ readonly name: string; readonly attributes: Record<string, string>; text: string }> = []
  const open: Array<(typeof found)[number]> = []
  const parser = new SaxesParser({ xmlns: false })
  parser.on("error", (error) => {
    throw error
  })
  parser.on("opentag", ({ name, attributes }) => {
    const element = { name, attributes: { ...attributes }, text: "" }
    found.push(element)
    open.push(element)
  })
  parser.on("text", (text) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += text
  })
  parser.on("closetag", () => open.pop())
  parser.write(xml).close()
  return found
}

const body = (attributes: DicomJson) => {
  const xml = nativeXml(attributes)
  return xml.slice(xml.indexOf('preserve">') + 'preserve">'.length, xml.lastIndexOf("</NativeDicomModel>"))
}

describe("native XML", () => {
  it("names the model's namespace and keeps white space", () => {
    const [root] = elements(nativeXml({}))
    assert.deepStrictEqual(root?.attributes, {
      xmlns: "http://dicom.nema.org/PS3.19/models/NativeDICOM",
      "xml:space": "preserve",
    })
  })

  it.each([
    [
      "values with numbers, empty ones too",
      { "00080008": { vr: "CS", Value: ["MPG", null, "XR3"] } },
      '<DicomAttribute tag="00080008" vr="CS" keyword="ImageType"><Value number="1">MPG</Value><Value number="2"></Value><Value number="3">XR3</Value></DicomAttribute>',
    ],
    ["no value", { "00080050": { vr: "SH" } }, '<DicomAttribute tag="00080050" vr="SH" keyword="AccessionNumber"/>'],
    [
      "names by group and component",
      { "00100010": { vr: "PN", Value: [{ Alphabetic: "Yamada^Tarou^^Dr", Ideographic: "山田^太郎" }] } },
      '<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1"><Alphabetic><FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName><NamePrefix>Dr</NamePrefix></Alphabetic><Ideographic><FamilyName>山田</FamilyName><GivenName>太郎</GivenName></Ideographic></PersonName></DicomAttribute>',
    ],
    [
      "items, an empty one too",
      { "00081115": { vr: "SQ", Value: [{ "0020000E": { vr: "UI", Value: ["1.2"] } }, {}] } },
      '<DicomAttribute tag="00081115" vr="SQ" keyword="ReferencedSeriesSequence"><Item number="1"><DicomAttribute tag="0020000E" vr="UI" keyword="SeriesInstanceUID"><Value number="1">1.2</Value></DicomAttribute></Item><Item number="2"></Item></DicomAttribute>',
    ],
    [
      "links and inline binary",
      { "00282000": { vr: "OB", InlineBinary: "AAE=" }, "7FE00010": { vr: "OW", BulkDataURI: "http://h/a?b&c" } },
      '<DicomAttribute tag="00282000" vr="OB" keyword="ICCProfile"><InlineBinary>AAE=</InlineBinary></DicomAttribute><DicomAttribute tag="7FE00010" vr="OW" keyword="PixelData"><BulkData uri="http://h/a?b&amp;c"/></DicomAttribute>',
    ],
    [
      "private elements with their creator instead of their block",
      { "00290010": { vr: "LO", Value: ['A "B"'] }, "00291008": { vr: "CS", Value: ["X"] } },
      '<DicomAttribute tag="00290008" vr="CS" privateCreator="A &quot;B&quot;"><Value number="1">X</Value></DicomAttribute>',
    ],
    [
      "a private element nobody reserved",
      { "00291008": { vr: "US", Value: [1.5] } },
      '<DicomAttribute tag="00291008" vr="US"><Value number="1">1.5</Value></DicomAttribute>',
    ],
    [
      "a retired attribute by the standard's keyword",
      { "00080010": { vr: "SH", Value: ["X"] } },
      '<DicomAttribute tag="00080010" vr="SH" keyword="RecognitionCode"><Value number="1">X</Value></DicomAttribute>',
    ],
  ] satisfies ReadonlyArray<readonly [string, DicomJson, string]>)("writes %s", (_, attributes, expected) => {
    assert.strictEqual(body(attributes), expected)
  })

  it("keeps any text that XML can hold, and marks what it cannot", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary", minLength: 1 }), (text, creator) => {
        const found = elements(
          nativeXml({ "00290010": { vr: "LO", Value: [creator] }, "00291001": { vr: "UT", Value: [text] } }),
        )
        // oxlint-disable-next-line no-control-regex
        const marked = (raw: string) => raw.replace(/[\0-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF]/g, "\uFFFD").toWellFormed()
        assert.strictEqual(found[1]?.attributes["privateCreator"], marked(creator))
        assert.strictEqual(found[2]?.text, marked(text))
      }),
    )
  })
})
