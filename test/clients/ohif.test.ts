// OHIF 3's requests, made from the example's app-config.js through the npm dicomweb-client it uses, from another origin
// and with a token, and read the way OHIF and cornerstone3D read them.
import { createHash, randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { runInNewContext } from "node:vm"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { archive, colourFrame, compressed, ct, document, frame16, loop, pdf } from "../conformance/archive.fixture.ts"
import { type DicomJson, json, Live } from "../conformance/checks.fixture.ts"
import { type Answer, exchange, store } from "../conformance/client.fixture.ts"
import { live } from "../conformance/gateway.fixture.ts"
import { newCt, type Place, ramp } from "../conformance/part10-files.fixture.ts"
import { dicomwebClient } from "./dicomweb-client.fixture.ts"

const example = join(import.meta.dirname, "../../gateway-config/examples/ohif")
interface AppConfig {
  readonly dataSources: readonly [
    {
      readonly configuration: {
        readonly qidoRoot: string
        readonly wadoRoot: string
        readonly acceptHeader: readonly [string]
        readonly singlepart: string
      }
    },
  ]
}
const window: { config?: AppConfig } = {}
runInNewContext(readFileSync(join(example, "app-config.js"), "utf8"), { window })
const { qidoRoot, wadoRoot, acceptHeader, singlepart } = window.config!.dataSources[0].configuration
const origin = /corsOrigins: \["([^"]+)"\]/.exec(readFileSync(join(example, "gateway.yaml"), "utf8"))![1]!

const key = randomBytes(32).toString("base64url")
const environment = {
  GATEWAY_LISTENER_CORS_ORIGINS: JSON.stringify([origin]),
  GATEWAY_ACCESS_KEYS: JSON.stringify([
    {
      name: "ohif",
      sha256: createHash("sha256").update(key).digest("hex"),
      actions: ["read", "store"],
      origins: "all",
    },
  ]),
}
const authorization = `Bearer ${key}`
const one = ct[0]!
const seriesOf = (at: Place) => `/studies/${at.StudyInstanceUID}/series/${at.SeriesInstanceUID}`
const instanceOf = (at: Place) => `${seriesOf(at)}/instances/${at.SOPInstanceUID}`

/** A root of the configuration at the test's gateway. */
const at = (root: string, url: string) => root.replace("https://pacs.example.org", url)

/** As a browser would: the preflight first, then the request, both from the viewer's page. */
const fromPage = (target: string, accept: string, method = "GET") =>
  Effect.gen(function* () {
    const { url } = yield* Live
    const path = new URL(at(wadoRoot, url) + target)
    const preflight = yield* Effect.promise(() =>
      exchange(path.origin, path.pathname + path.search, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": method, "access-control-request-headers": "authorization" },
      }),
    )
    assert.include([200, 204], preflight.status)
    assert.strictEqual(preflight.headers["access-control-allow-origin"], origin)
    assert.match(preflight.headers["access-control-allow-headers"] ?? "", /authorization/i)
    assert.include(preflight.headers["access-control-allow-methods"] ?? "", method)
    const answer = yield* Effect.promise(() =>
      exchange(path.origin, path.pathname + path.search, { method, headers: { origin, authorization, accept } }),
    )
    assert.strictEqual(answer.headers["access-control-allow-origin"], origin)
    return answer
  })

/** A frame out of its answer, by the steps of cornerstone's DICOM image loader. */
const cornerstone = ({ body, headers }: Answer) => {
  assert.include(headers["content-type"] ?? "", "multipart")
  const head = body.indexOf("\r\n\r\n")
  assert.isTrue(head > 0 && head < 1000, "no header within 1,000 bytes")
  const lines = body.toString("latin1", 0, head).split("\r\n")
  const boundary = lines.find((line) => line.startsWith("--"))!
  const end = body.indexOf(boundary, head + 4)
  const type = lines
    .find((line) => line.startsWith("Content-Type:"))!
    .slice("Content-Type:".length)
    .trim()
  const [contentType, ...parameters] = type.split(";").map((text) => text.trim())
  const syntax = parameters.find((text) => text.startsWith("transfer-syntax="))?.slice("transfer-syntax=".length)
  return {
    contentType,
    // Without one cornerstone takes the pixels for raw little endian.
    transferSyntax: syntax?.replaceAll('"', ""),
    pixels: body.subarray(head + 4, end - 2),
  }
}

layer(live(archive, environment, { authorization }), { timeout: 60_000, excludeTestServices: true })("OHIF", (it) => {
  const client = (url: string, options: object = {}) =>
    dicomwebClient({ url: at(qidoRoot, url), headers: { Authorization: authorization }, ...options })
  const studyList = { limit: 101, offset: 0, fuzzymatching: false, includefield: "00081030,00080060,00080090,00100030" }

  const lists: ReadonlyArray<readonly [name: string, parameters: object, studies: number]> = [
    ["everything", {}, 4],
    ["a patient's name", { PatientName: "*doe*" }, 2],
    ["a patient's ID in part", { "00100020": "*P-00*" }, 4],
    ["an accession number in part", { AccessionNumber: "*CC-002*" }, 1],
    ["a description in part", { StudyDescription: "*CHEST*" }, 1],
    ["modalities", { ModalitiesInStudy: "CT,MR" }, 2],
    ["modalities with backslash", { ModalitiesInStudy: "CT\\US" }, 2],
    ["a range of dates", { StudyDate: "20240101-20240131" }, 1],
    ["studies by UID", { StudyInstanceUID: "1.2.3.4.1\\1.2.3.4.2" }, 2],
    ["nobody", { PatientName: "*Nobody*" }, 0],
  ]
  for (const [name, parameters, studies] of lists) {
    it.effect(`study list: ${name}`, () =>
      Effect.gen(function* () {
        const { url } = yield* Live
        const found = yield* Effect.promise(() =>
          client(url).searchForStudies({ queryParams: { ...parameters, ...studyList } }),
        )
        assert.lengthOf(found, studies)
      }),
    )
  }

  it.effect("study list: the columns OHIF shows", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const [study] = yield* Effect.promise(() =>
        client(url).searchForStudies({ queryParams: { PatientName: "*Jane*", ...studyList } }),
      )
      const text = (tag: string) => study?.[tag]?.Value?.[0]
      assert.deepEqual(
        ["0020000D", "00080020", "00080030", "00080050", "00100020", "00100030", "00201208", "00081030"].map(text),
        [one.StudyInstanceUID, "20240115", "101500", "ACC-001", "P-001", "19700102", 4, "CHEST CT"],
      )
      assert.deepEqual(text("00100010"), { Alphabetic: "Doe^Jane^Quincy^Dr" })
      assert.deepEqual(text("00080090"), { Alphabetic: "Refer^Ring" })
      assert.sameMembers([...(study?.["00080061"]?.Value ?? [])], ["CT", "SR"])
    }),
  )
  it.effect("study list: the next page", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const page = (offset: number) =>
        Effect.promise(() => client(url).searchForStudies({ queryParams: { ...studyList, limit: 3, offset } }))
      const uids = [...(yield* page(0)), ...(yield* page(3))].map((study) => study["0020000D"]?.Value?.[0])
      assert.strictEqual(new Set(uids).size, 4)
    }),
  )
  it.effect("series of a study, as its sort reads them", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const series = yield* Effect.promise(() =>
        client(url).searchForSeries({
          studyInstanceUID: one.StudyInstanceUID,
          queryParams: { includefield: "0008103E,00080021" },
        }),
      )
      const ctSeries = series.find((item) => item["00080060"]?.Value?.[0] === "CT")
      assert.deepEqual(
        ["0020000E", "00200011", "00080021", "0008103E", "00201209"].map((tag) => ctSeries?.[tag]?.Value?.[0]),
        [one.SeriesInstanceUID, 1, "20240115", "AXIAL 1.0", 3],
      )
    }),
  )
  it.effect("series metadata with its preflight", () =>
    Effect.gen(function* () {
      const answer = yield* fromPage(`${seriesOf(one)}/metadata`, "application/dicom+json")
      const instances = json<ReadonlyArray<DicomJson>>(answer)
      assert.lengthOf(instances, 3)
      for (const tag of [
        "00080016",
        "00080018",
        "00280010",
        "00280011",
        "00280100",
        "00280103",
        "00280004",
        "00200032",
        "00200037",
        "00280030",
      ]) {
        assert.isDefined(instances[0]?.[tag]?.Value, tag)
      }
      assert.isString(instances[0]?.["7FE00010"]?.BulkDataURI)
    }),
  )
  it.effect("frames of native images are raw, and say no transfer syntax", () =>
    Effect.gen(function* () {
      const slice = cornerstone(yield* fromPage(`${instanceOf(one)}/frames/1`, acceptHeader[0]))
      assert.strictEqual(slice.transferSyntax, undefined)
      assert.isTrue(slice.pixels.equals(ramp(256, -99)))
      const colour = cornerstone(yield* fromPage(`${instanceOf(loop)}/frames/2`, acceptHeader[0]))
      assert.isTrue(colour.pixels.equals(colourFrame(1)))
    }),
  )
  for (const stored of compressed) {
    it.effect(`frames in ${stored.TransferSyntaxUID} come as stored and say so`, () =>
      Effect.gen(function* () {
        const frame = cornerstone(yield* fromPage(`${instanceOf(stored)}/frames/1`, acceptHeader[0]))
        assert.strictEqual(frame.transferSyntax, stored.TransferSyntaxUID)
        assert.isTrue(frame.pixels.subarray(0, stored.fragments[0]!.length).equals(stored.fragments[0]!))
      }),
    )
  }
  it.effect("frames for who asks with quotes, for raw ones, or for several kinds", () =>
    Effect.gen(function* () {
      const rle = compressed[0]!
      const quoted = cornerstone(
        yield* fromPage(
          `${instanceOf(rle)}/frames/1`,
          'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        ),
      )
      assert.strictEqual(quoted.transferSyntax, rle.TransferSyntaxUID)
      const raw = cornerstone(
        yield* fromPage(
          `${instanceOf(rle)}/frames/3`,
          "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1",
        ),
      )
      assert.isTrue(raw.pixels.equals(frame16(2)))
      const many = yield* fromPage(
        `${instanceOf(compressed[1]!)}/frames/1`,
        "multipart/related; type=image/jphc; transfer-syntax=1.2.840.10008.1.2.4.96, multipart/related; type=image/jls; transfer-syntax=1.2.840.10008.1.2.4.80, multipart/related; type=application/octet-stream; transfer-syntax=*",
      )
      assert.strictEqual(cornerstone(many).transferSyntax, "1.2.840.10008.1.2.4.80")
    }),
  )
  it.effect("thumbnails and rendered pictures", () =>
    Effect.gen(function* () {
      for (const target of [
        `${instanceOf(one)}/rendered`,
        `${instanceOf(one)}/thumbnail`,
        `${seriesOf(one)}/thumbnail`,
        `${instanceOf(loop)}/frames/2/rendered`,
      ]) {
        const picture = yield* fromPage(target, "image/jpeg")
        assert.strictEqual(picture.status, 200, target)
        assert.strictEqual(picture.headers["content-type"], "image/jpeg")
      }
    }),
  )
  it.effect("bulk data of a document, and its PDF for the page", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const [paper] = yield* Effect.promise(() =>
        client(url).retrieveSeriesMetadata({
          studyInstanceUID: document.StudyInstanceUID,
          seriesInstanceUID: document.SeriesInstanceUID,
        }),
      )
      const BulkDataURI = paper?.["00420011"]?.BulkDataURI
      const [bytes] = yield* Effect.promise(() => client(url, { singlepart }).retrieveBulkData({ BulkDataURI }))
      assert.isTrue(Buffer.from(bytes!).subarray(0, pdf.length).equals(pdf))
      const shown = yield* fromPage(`${instanceOf(document)}/rendered?accept=application/pdf`, "*/*")
      assert.strictEqual(shown.status, 200, shown.text.slice(0, 200))
      assert.strictEqual(shown.headers["content-type"], "application/pdf")
    }),
  )
  it.effect("a report is stored from the page", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const fresh = newCt()
      const question = store(fresh.bytes)
      const answer = yield* Effect.promise(() =>
        exchange(url, "/dicomweb/studies", { ...question, headers: { ...question.headers, origin, authorization } }),
      )
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.headers["access-control-allow-origin"], origin)
    }),
  )
  it.effect("who is not signed in is told so in a way the page can read", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const answer = yield* Effect.promise(() => exchange(url, "/dicomweb/studies", { headers: { origin } }))
      assert.strictEqual(answer.status, 401)
      assert.strictEqual(answer.headers["access-control-allow-origin"], origin)
      assert.match(answer.headers["www-authenticate"] ?? "", /^Bearer/)
    }),
  )
})
