// WADO-RS of studies, series, instances and metadata (PS3.18 §10.4, §8.7, Annex F) on one gateway.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { archive, compressed, ct, document, frame16, icon, loop, report } from "./archive.fixture.ts"
import { type Check, checks, type DicomJson, items, json, perform } from "./checks.fixture.ts"
import { type Answer, partsOf } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { explicitLittle, type Place } from "./part10-files.fixture.ts"

const seriesOf = (at: Place) => `/studies/${at.StudyInstanceUID}/series/${at.SeriesInstanceUID}`
const instanceOf = (at: Place) => `${seriesOf(at)}/instances/${at.SOPInstanceUID}`
const multipartDicom = /^multipart\/related; ?type="application\/dicom"; ?boundary=\S+$/
const one = ct[0]!
const [rle, jls, j2k, ht, jpegLossless, baseline] = compressed as [
  (typeof compressed)[0],
  (typeof compressed)[0],
  (typeof compressed)[0],
  (typeof compressed)[0],
  (typeof compressed)[0],
  (typeof compressed)[0],
]

const partsAre =
  (...files: ReadonlyArray<Uint8Array>) =>
  (answer: Answer) => {
    const bodies = partsOf(answer).map(({ body }) => body.toString("hex"))
    assert.sameMembers(
      bodies,
      files.map((bytes) => Buffer.from(bytes).toString("hex")),
    )
  }
const syntaxIs = (answer: Answer, uid: string) => {
  for (const { headers } of partsOf(answer)) {
    assert.match(
      headers["Content-Type"] ?? "",
      new RegExp(`^application/dicom; ?transfer-syntax="?${uid.replaceAll(".", "\\.")}"?$`),
    )
  }
}
const takes = (name: string, at: Place, accept: string | undefined, shows: (answer: Answer) => void): Check => ({
  name,
  path: instanceOf(at),
  ...(accept === undefined ? {} : { headers: { accept } }),
  status: 200,
  type: multipartDicom,
  shows,
})
const native = (bytes: Uint8Array) => Buffer.from(bytes).subarray(-3 * 2048)

const objects: ReadonlyArray<Check> = [
  ...[
    undefined,
    "*/*",
    'multipart/related; type="application/dicom"',
    "multipart/related; type=application/dicom",
    'multipart/related;type="application/dicom";transfer-syntax=*',
    'multipart/related; type="application/dicom"; transfer-syntax="*"',
    `multipart/related; type="application/dicom"; transfer-syntax=${explicitLittle}`,
    `multipart/related; type=application/dicom; transfer-syntax="${explicitLittle}"`,
    'multipart/related; type="application/dicom"; q=0.5, text/html; q=0.9',
    'text/html, multipart/related; type="application/dicom", */*;q=0.1',
  ].map((accept) =>
    takes(
      `§8.7.3.5 explicit little endian goes out byte for byte, Accept: ${accept ?? "(none)"}`,
      one,
      accept,
      (answer) => {
        partsAre(one.bytes)(answer)
        syntaxIs(answer, explicitLittle)
        const head = answer.body.subarray(0, 1000).toString("latin1")
        assert.include(
          head,
          "\r\nContent-Type: application/dicom; transfer-syntax=",
          "spelled so within the first 1,000 bytes",
        )
      },
    ),
  ),
  {
    name: "§8.7.2 one instance without multipart",
    path: instanceOf(one),
    headers: { accept: "application/dicom" },
    status: 200,
    type: /^application\/dicom\b/,
    shows: ({ body }) => assert.isTrue(body.equals(one.bytes)),
  },
  {
    name: "§10.4.1.1.1 a study is all its instances",
    path: `/studies/${one.StudyInstanceUID}`,
    status: 200,
    type: multipartDicom,
    shows: partsAre(...[...ct, report].map(({ bytes }) => bytes)),
  },
  {
    name: "§10.4.1.1.2 a series is its instances",
    path: seriesOf(one),
    status: 200,
    type: multipartDicom,
    shows: partsAre(...ct.map(({ bytes }) => bytes)),
  },
  {
    name: "§10.4.1.1.3 what has no pixels is an object too",
    path: instanceOf(report),
    status: 200,
    shows: partsAre(report.bytes),
  },
  ...[rle, jls, j2k, ht, jpegLossless].flatMap((stored) => [
    takes(
      `§8.7.3.5 ${stored.TransferSyntaxUID} as stored for *`,
      stored,
      'multipart/related; type="application/dicom"; transfer-syntax=*',
      (answer) => {
        partsAre(stored.bytes)(answer)
        syntaxIs(answer, stored.TransferSyntaxUID)
      },
    ),
    takes(
      `§8.7.3.5 ${stored.TransferSyntaxUID} as stored when named`,
      stored,
      `multipart/related; type="application/dicom"; transfer-syntax=${stored.TransferSyntaxUID}`,
      partsAre(stored.bytes),
    ),
    takes(
      `§8.7.3.5.2 ${stored.TransferSyntaxUID} is given as explicit little endian unless asked otherwise`,
      stored,
      'multipart/related; type="application/dicom"',
      (answer) => {
        syntaxIs(answer, explicitLittle)
        const [part] = partsOf(answer)
        assert.isTrue(native(part!.body).equals(Buffer.concat([0, 1, 2].map(frame16))))
        assert.include(part!.body.toString("latin1", 0, 600), `${explicitLittle}\0`)
      },
    ),
  ]),
  takes(
    "§8.7.3.5.2 lossy JPEG stays as stored for *",
    baseline,
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    partsAre(baseline.bytes),
  ),
  {
    name: "§8.7.5 a transfer syntax that the instance cannot be given in",
    path: instanceOf(baseline),
    headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.103' },
    status: 406,
  },
  {
    name: "§8.7.5 nothing acceptable for an instance",
    path: instanceOf(one),
    headers: { accept: "text/html" },
    status: 406,
  },
  {
    name: "§8.7.5 nothing acceptable for a study",
    path: `/studies/${one.StudyInstanceUID}`,
    headers: { accept: "application/zip2" },
    status: 406,
  },
  {
    name: "§8.3.3.1 the accept parameter overrides the header",
    path: `${instanceOf(one)}?accept=application/dicom`,
    headers: { accept: "text/html" },
    status: 200,
    type: /^application\/dicom\b/,
  },
]

const unknown: ReadonlyArray<Check> = [
  ...["", "/metadata", "/rendered", "/thumbnail", "/bulkdata", "/pixeldata"].map((resource): Check => ({
    name: `§10.4.3 an unknown study${resource}`,
    path: `/studies/1.2.3.999${resource}`,
    status: 404,
  })),
  ...["", "/metadata", "/rendered"].map((resource): Check => ({
    name: `§10.4.3 an unknown series${resource}`,
    path: `/studies/1.2.3.4.1/series/1.9${resource}`,
    status: 404,
  })),
  ...["", "/metadata", "/frames/1", "/rendered", "/frames/1/rendered", "/thumbnail"].map((resource): Check => ({
    name: `§10.4.3 an unknown instance${resource}`,
    path: `${seriesOf(one)}/instances/1.9${resource}`,
    status: 404,
  })),
  {
    name: "§8.2 another study's instance is not there",
    path: `/studies/1.2.3.4.2/series/${one.SeriesInstanceUID}/instances/${one.SOPInstanceUID}`,
    status: 404,
  },
  { name: "§8.2 a malformed study UID", path: "/studies/abc", status: 400 },
  { name: "§8.2 a malformed series UID", path: "/studies/1.2.3.4.1/series/1..2/metadata", status: 400 },
  { name: "§8.2 a malformed instance UID", path: `${seriesOf(one)}/instances/01.2x/metadata`, status: 400 },
  { name: "PS3.5 §9 a UID of 65 characters", path: `/studies/1.${"2".repeat(63)}`, status: 400 },
]

const metadataOf = (answer: Answer): DicomJson => json(answer)[0]!
const metadata: ReadonlyArray<Check> = [
  ...[
    [`/studies/${one.StudyInstanceUID}/metadata`, 4],
    [`${seriesOf(one)}/metadata`, 3],
    [`${instanceOf(one)}/metadata`, 1],
  ].map(([path, count]): Check => ({
    name: `§10.4.1.1.4 metadata is an array of ${count}`,
    path: String(path),
    status: 200,
    type: "application/dicom+json",
    shows: (answer) => assert.lengthOf(json(answer), Number(count)),
  })),
  {
    name: "Annex F what metadata of an image holds",
    path: `${instanceOf(one)}/metadata`,
    headers: { accept: "application/dicom+json" },
    status: 200,
    shows: (answer) => {
      const attributes = metadataOf(answer)
      assert.deepStrictEqual(attributes["00080018"], { vr: "UI", Value: [one.SOPInstanceUID] })
      assert.deepStrictEqual(attributes["00100010"], { vr: "PN", Value: [{ Alphabetic: "Doe^Jane^Quincy^Dr" }] })
      assert.deepStrictEqual(attributes["00280010"], { vr: "US", Value: [16] })
      assert.deepStrictEqual(attributes["00200013"], { vr: "IS", Value: [1] })
      assert.deepStrictEqual(attributes["00280030"], { vr: "DS", Value: [0.5, 0.5] })
      assert.deepStrictEqual(attributes["00080008"], { vr: "CS", Value: ["ORIGINAL", "PRIMARY", "AXIAL"] })
      assert.deepStrictEqual(attributes["00090010"], { vr: "LO", Value: ["ACME 1.0"] })
      assert.deepEqual(attributes["00091001"]?.Value, ["private text"])
      assert.deepEqual(items(attributes, "00400275")[0]?.["00401001"], { vr: "SH", Value: ["RP-1"] })
      assert.match(attributes["7FE00010"]?.BulkDataURI ?? "", /^http:\/\/127\.0\.0\.1:\d+\/dicomweb\//)
      assert.match(items(attributes, "00880200")[0]?.["7FE00010"]?.BulkDataURI ?? "", /^http:/, "nested bulk data")
      assert.notProperty(attributes["7FE00010"], "Value")
      assert.isEmpty(
        Object.keys(attributes).filter((tag) => tag.startsWith("0002")),
        "no file meta information",
      )
      assert.deepStrictEqual(Object.keys(attributes), Object.keys(attributes).sort())
    },
  },
  {
    name: "Annex F text of a report comes whole",
    path: `${instanceOf(report)}/metadata`,
    status: 200,
    shows: (answer) => {
      assert.strictEqual(items(metadataOf(answer), "0040A730")[0]?.["0040A160"]?.Value?.[0], "A nodule <b>&</b> more")
      assert.notProperty(metadataOf(answer), "7FE00010")
    },
  },
  {
    name: "Annex F an encapsulated document is a link",
    path: `${instanceOf(document)}/metadata`,
    status: 200,
    shows: (answer) => assert.match(metadataOf(answer)["00420011"]?.BulkDataURI ?? "", /^http:/),
  },
  ...['multipart/related; type="application/dicom+xml"', "multipart/related;type=application/dicom+xml"].map(
    (accept): Check => ({
      name: `PS3.19 §A.1 metadata as XML, Accept: ${accept}`,
      path: `/studies/${one.StudyInstanceUID}/metadata`,
      headers: { accept },
      status: 200,
      type: /^multipart\/related; ?type="application\/dicom\+xml"; ?boundary=/,
      shows: (answer) => {
        const parts = partsOf(answer)
        assert.lengthOf(parts, 4)
        const text = parts.map(({ body }) => body.toString("utf8")).join("\n")
        for (const { headers } of parts) assert.match(headers["Content-Type"] ?? "", /^application\/dicom\+xml/)
        assert.match(
          text,
          /<DicomAttribute tag="00200013" vr="IS" keyword="InstanceNumber">\s*<Value number="1">1<\/Value>/,
        )
        assert.match(text, /<BulkData ur[il]="http:[^"]+"\/>/)
        assert.match(text, /privateCreator="ACME 1.0"/)
        assert.include(text, "A nodule &lt;b&gt;&amp;&lt;/b&gt; more")
      },
    }),
  ),
  {
    name: "§8.7.3.2 metadata for Accept: application/json",
    path: `${instanceOf(one)}/metadata`,
    headers: { accept: "application/json" },
    status: 200,
    type: /json/,
  },
  {
    name: "§8.7.5 metadata as a picture",
    path: `${instanceOf(one)}/metadata`,
    headers: { accept: "image/png" },
    status: 406,
  },
]

layer(live(archive), { timeout: 60_000, excludeTestServices: true })("WADO-RS", (it) => {
  checks(it, [...objects, ...unknown, ...metadata])

  for (const path of [`/studies/${loop.StudyInstanceUID}`, seriesOf(loop), instanceOf(loop)]) {
    it.effect(`RFC 9110 §13.1.2 ETag and If-None-Match on ${path}/metadata`, () =>
      Effect.gen(function* () {
        const first = yield* perform({
          name: "",
          path: `${path}/metadata`,
          status: 200,
          has: { etag: /^(W\/)?"[^"]+"$/ },
        })
        const etag = first.headers["etag"]!
        const ask = (match: string, status: number) =>
          perform({ name: "", path: `${path}/metadata`, headers: { "if-none-match": match }, status })
        const same = yield* ask(etag, 304)
        assert.strictEqual(same.headers["etag"], etag)
        yield* ask(`"other", ${etag}`, 304)
        yield* ask("*", 304)
        yield* ask('"other"', 200)
      }),
    )
  }

  it.effect("Annex F links of metadata lead to the bytes", () =>
    Effect.gen(function* () {
      const attributes = metadataOf(yield* perform({ name: "", path: `${instanceOf(one)}/metadata`, status: 200 }))
      const link = items(attributes, "00880200")[0]!["7FE00010"]!.BulkDataURI!
      const { body } = yield* perform({
        name: "",
        path: new URL(link).pathname.replace("/dicomweb", ""),
        headers: { accept: "application/octet-stream" },
        status: 200,
      })
      assert.isTrue(body.equals(icon))
    }),
  )
})
