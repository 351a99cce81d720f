// STOW-RS of metadata with bulk data parts (PS3.18 §10.5.2, §8.7.2, Annex F; PS3.19 §A.1), on one gateway.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { compressed } from "./archive.fixture.ts"
import { type Check, type DicomJson, json, Live, perform } from "./checks.fixture.ts"
import { ask, boundary, multipart, type Part, partsOf } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { ctClass, ramp } from "./part10-files.fixture.ts"
import { storedAre } from "./store-answer.fixture.ts"

let made = 0
const newPlace = () => {
  made++
  return { study: `1.2.3.5.${made}`, series: `1.2.3.5.${made}.1`, instance: `1.2.3.5.${made}.1.1` }
}
type Place = ReturnType<typeof newPlace>

const pixels = ramp(64, -30, 3)
const metadata = (at: Place, more: Record<string, unknown> = {}) => ({
  "00020010": { vr: "UI", Value: ["1.2.840.10008.1.2.1"] },
  "00080005": { vr: "CS", Value: ["ISO_IR 192"] },
  "00080016": { vr: "UI", Value: [ctClass] },
  "00080018": { vr: "UI", Value: [at.instance] },
  "00080060": { vr: "CS", Value: ["CT"] },
  "00100010": { vr: "PN", Value: [{ Alphabetic: "Wörth^Ægir", Ideographic: "山田^太郎" }] },
  "00100020": { vr: "LO", Value: ["META-1"] },
  "0020000D": { vr: "UI", Value: [at.study] },
  "0020000E": { vr: "UI", Value: [at.series] },
  "00280002": { vr: "US", Value: [1] },
  "00280004": { vr: "CS", Value: ["MONOCHROME2"] },
  "00280010": { vr: "US", Value: [8] },
  "00280011": { vr: "US", Value: [8] },
  "00280030": { vr: "DS", Value: [0.5, 0.25] },
  "00280100": { vr: "US", Value: [16] },
  "00280101": { vr: "US", Value: [16] },
  "00280102": { vr: "US", Value: [15] },
  "00280103": { vr: "US", Value: [1] },
  "00400275": { vr: "SQ", Value: [{ "00400009": { vr: "SH", Value: ["SPS-9"] } }] },
  "7FE00010": { vr: "OW", BulkDataURI: "bulk/1" },
  ...more,
})

const jsonPart = (content: unknown, type = "application/dicom+json"): Part => ({
  headers: { "Content-Type": type },
  body: JSON.stringify(content),
})
const bulk = (location: string, body: Uint8Array, type = "application/octet-stream"): Part => ({
  headers: { "Content-Type": type, "Content-Location": location },
  body,
})
const send = (parts: ReadonlyArray<Part>, type = "application/dicom+json") => ({
  path: "/studies",
  method: "POST",
  headers: { "content-type": `multipart/related; type="${type}"; boundary=${boundary}` },
  body: multipart(parts),
})
const address = (at: Place) => `/studies/${at.study}/series/${at.series}/instances/${at.instance}`

const xml = (at: Place, pixelData = '<BulkData uri="bulk/1"/>') =>
  `<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel xml:space="preserve">` +
  (
    [
      ["00020010", "UI", "TransferSyntaxUID", "1.2.840.10008.1.2.1"],
      ["00080016", "UI", "SOPClassUID", ctClass],
      ["00080018", "UI", "SOPInstanceUID", at.instance],
      ["00080060", "CS", "Modality", "CT"],
      ["00100020", "LO", "PatientID", "A &amp; B"],
      ["0020000D", "UI", "StudyInstanceUID", at.study],
      ["0020000E", "UI", "SeriesInstanceUID", at.series],
      ["00280002", "US", "SamplesPerPixel", "1"],
      ["00280004", "CS", "PhotometricInterpretation", "MONOCHROME2"],
      ["00280010", "US", "Rows", "8"],
      ["00280011", "US", "Columns", "8"],
      ["00280100", "US", "BitsAllocated", "16"],
      ["00280101", "US", "BitsStored", "16"],
      ["00280102", "US", "HighBit", "15"],
      ["00280103", "US", "PixelRepresentation", "1"],
    ] as const
  )
    .map(
      ([tag, vr, keyword, value]) =>
        `<DicomAttribute tag="${tag}" vr="${vr}" keyword="${keyword}"><Value number="1">${value}</Value></DicomAttribute>`,
    )
    .join("") +
  `<DicomAttribute tag="7FE00010" vr="OW" keyword="PixelData">${pixelData}</DicomAttribute></NativeDicomModel>`
const xmlPart = (text: string): Part => ({ headers: { "Content-Type": "application/dicom+xml" }, body: text })

const good = (
  name: string,
  build: (at: Place) => Omit<Check, "name" | "status">,
  holds?: (at: Place) => Effect.Effect<void, unknown, Live>,
) => {
  const at = newPlace()
  return {
    check: { name, ...build(at), status: 200, shows: (answer) => storedAre(answer, at.instance) } satisfies Check,
    holds: holds ?? samePixels,
    at,
  }
}
const samePixels = (at: Place) =>
  Effect.gen(function* () {
    const { url } = yield* Live
    const frame = yield* ask(url, `/dicomweb${address(at)}/frames/1`)
    assert.strictEqual(frame.status, 200, frame.text)
    assert.isTrue(partsOf(frame)[0]!.body.equals(pixels))
  })

const rle = compressed[0]!
const stored = [
  good("JSON array and one bulk part named by Content-Location", (at) =>
    send([jsonPart([metadata(at)]), bulk("bulk/1", pixels)]),
  ),
  good("one JSON object instead of an array, as dcm4che", (at) =>
    send([jsonPart(metadata(at)), bulk("bulk/1", pixels)]),
  ),
  good("type and part as application/json, as dcm4che", (at) =>
    send(
      [jsonPart([metadata(at)], "application/json; transfer-syntax=1.2.840.10008.1.2.1 "), bulk("bulk/1 ", pixels)],
      "application/json",
    ),
  ),
  good("an absolute BulkDataURI", (at) =>
    send([
      jsonPart([metadata(at, { "7FE00010": { vr: "OW", BulkDataURI: "http://other.example/a?b=c&d=1" } })]),
      bulk("http://other.example/a?b=c&d=1", pixels),
    ]),
  ),
  good("a BulkDataURI of digits only", (at) =>
    send([jsonPart([metadata(at, { "7FE00010": { vr: "OW", BulkDataURI: "4711" } })]), bulk("4711", pixels)]),
  ),
  good("pixels as InlineBinary", (at) =>
    send([jsonPart([metadata(at, { "7FE00010": { vr: "OW", InlineBinary: pixels.toString("base64") } })])]),
  ),
  good("an XML document and its bulk part", (at) =>
    send([xmlPart(xml(at)), bulk("bulk/1", pixels)], "application/dicom+xml"),
  ),
  good("XML with InlineBinary", (at) =>
    send([xmlPart(xml(at, `<InlineBinary>${pixels.toString("base64")}</InlineBinary>`))], "application/dicom+xml"),
  ),
  good(
    "compressed frames as their image type",
    (at) =>
      send([
        jsonPart([
          metadata(at, {
            "00020010": { vr: "UI", Value: [rle.TransferSyntaxUID] },
            "00280010": { vr: "US", Value: [32] },
            "00280011": { vr: "US", Value: [32] },
            "7FE00010": { vr: "OB", BulkDataURI: "frame" },
          }),
        ]),
        bulk("frame", rle.fragments[0]!, "image/dicom-rle"),
      ]),
    (at) =>
      Effect.gen(function* () {
        const { url } = yield* Live
        const frame = yield* ask(url, `/dicomweb${address(at)}/frames/1`, {
          headers: { accept: 'multipart/related; type="application/octet-stream"' },
        })
        const raw = ramp(1024, -500)
        assert.isTrue(partsOf(frame)[0]!.body.equals(raw))
      }),
  ),
  good(
    "attributes come back as they were sent",
    (at) => send([jsonPart([metadata(at)]), bulk("bulk/1", pixels)]),
    (at) =>
      Effect.gen(function* () {
        const answer = yield* perform({ name: "", path: `${address(at)}/metadata`, status: 200 })
        const attributes = json<ReadonlyArray<DicomJson>>(answer)[0]!
        assert.deepEqual(attributes["00100010"]?.Value, [{ Alphabetic: "Wörth^Ægir", Ideographic: "山田^太郎" }])
        assert.deepEqual(attributes["00280030"], { vr: "DS", Value: [0.5, 0.25] })
        assert.deepEqual(attributes["00400275"]?.Value, [{ "00400009": { vr: "SH", Value: ["SPS-9"] } }])
        assert.isString(attributes["7FE00010"]?.BulkDataURI)
      }),
  ),
]

const bad = (
  name: string,
  status: number | ReadonlyArray<number>,
  build: (at: Place) => Omit<Check, "name" | "status">,
): Check => ({
  name,
  ...build(newPlace()),
  status,
})
const refused: ReadonlyArray<Check> = [
  bad("a bulk part that is missing", [400, 409], (at) => send([jsonPart([metadata(at)])])),
  bad("JSON that is none", 400, () => send([{ headers: { "Content-Type": "application/dicom+json" }, body: "[{" }])),
  bad("JSON that is no data set", [400, 409], () => send([jsonPart([42])])),
  bad("a data set without UIDs", [400, 409], () => send([jsonPart([{ "00100020": { vr: "LO", Value: ["x"] } }])])),
  bad("JSON 10,000 deep", [400, 409, 413], () =>
    send([{ headers: { "Content-Type": "application/dicom+json" }, body: "[".repeat(10_000) }]),
  ),
  bad("sequences 10,000 deep", [400, 409, 413], (at) => {
    const deep = `${'{"00400275":{"vr":"SQ","Value":['.repeat(10_000)}{}${"]}}".repeat(10_000)}`
    const text = JSON.stringify([metadata(at)]).replace(/^\[\{/, `[{"00081140":{"vr":"SQ","Value":[${deep}]},`)
    return send([{ headers: { "Content-Type": "application/dicom+json" }, body: text }, bulk("bulk/1", pixels)])
  }),
  bad("XML that is none", 400, () => send([xmlPart("<NativeDicomModel><DicomAttribute")], "application/dicom+xml")),
  bad("XML with entities of its own", [400, 409], (at) =>
    send(
      [
        xmlPart(
          xml(at)
            .replace(
              "<NativeDicomModel",
              '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]><NativeDicomModel',
            )
            .replace("A &amp; B", "&b;"),
        ),
        bulk("bulk/1", pixels),
      ],
      "application/dicom+xml",
    ),
  ),
  bad("XML with a file as entity", [400, 409], (at) =>
    send(
      [
        xmlPart(
          xml(at)
            .replace("<NativeDicomModel", '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><NativeDicomModel')
            .replace("A &amp; B", "&a;"),
        ),
        bulk("bulk/1", pixels),
      ],
      "application/dicom+xml",
    ),
  ),
]

layer(live([]), { timeout: 60_000, excludeTestServices: true })("STOW-RS of metadata and bulk data", (it) => {
  for (const { check, holds, at } of stored) {
    it.effect(check.name, () => Effect.andThen(perform(check), holds(at)))
  }
  for (const check of refused) it.effect(check.name, () => Effect.asVoid(perform(check)))
})
