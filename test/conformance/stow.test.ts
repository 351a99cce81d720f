// STOW-RS (PS3.18 §10.5, Annex I): answers, statuses and what becomes of what was sent, on one gateway.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Check, checks, json, Live, perform } from "./checks.fixture.ts"
import { ask, boundary, dicomType, store } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { file, newCt, ramp, without } from "./part10-files.fixture.ts"
import { storedAre, told } from "./store-answer.fixture.ts"

const dicomJson = "application/dicom+json"
const duplicate = 0x0111

const [one, two, three, four] = [newCt(), newCt({}, 80_001), newCt({}, 80_001), newCt()]
const changed = file({ ...one.attributes, "7FE00010": ["OW", ramp(64, 7)] })
const chunked = [newCt(), newCt()]
const twice = newCt()
const urlStudy = newCt()

/** In this order: later checks build on what earlier ones stored. */
const answers: ReadonlyArray<Check> = [
  {
    name: "§10.5.3 one instance: 200 and the response module as JSON",
    path: "/studies",
    ...store(one.bytes),
    status: 200,
    type: dicomJson,
    shows: (answer) => {
      storedAre(answer, one.SOPInstanceUID)
      const item = told(answer).stored[0]!
      assert.deepStrictEqual(item["00081150"], { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2"] })
      assert.strictEqual(item["00081190"]?.vr, "UR")
      assert.match(
        String(item["00081190"]?.Value?.[0]),
        new RegExp(
          `^http://127.0.0.1:\\d+/dicomweb/studies/${one.StudyInstanceUID}/series/${one.SeriesInstanceUID}/instances/${one.SOPInstanceUID}$`,
        ),
      )
      assert.match(
        String(told(answer).attributes["00081190"]?.Value?.[0]),
        new RegExp(`/dicomweb/studies/${one.StudyInstanceUID}$`),
      )
    },
  },
  {
    name: "§10.4.1 what was stored is there, byte for byte",
    path: `/studies/${one.StudyInstanceUID}/series/${one.SeriesInstanceUID}/instances/${one.SOPInstanceUID}`,
    headers: { accept: "application/dicom; transfer-syntax=*" },
    status: 200,
    shows: ({ body }) => assert.isTrue(body.equals(one.bytes)),
  },
  {
    name: "§10.5.3 two instances of a study are both counted",
    path: "/studies",
    ...store(two.bytes, three.bytes),
    status: 200,
    shows: (answer) => storedAre(answer, two.SOPInstanceUID, three.SOPInstanceUID),
  },
  {
    name: "§10.5.3 the same instance again is success",
    path: "/studies",
    ...store(one.bytes),
    status: 200,
    shows: (answer) => storedAre(answer, one.SOPInstanceUID),
  },
  {
    name: "§10.5.3 an instance twice in one body is counted twice",
    path: "/studies",
    ...store(twice.bytes, twice.bytes),
    status: 200,
    shows: (answer) => storedAre(answer, twice.SOPInstanceUID, twice.SOPInstanceUID),
  },
  {
    name: "Table I.2-2 the same UID with other content is refused with its reason: 409",
    path: "/studies",
    ...store(changed),
    status: 409,
    type: dicomJson,
    shows: (answer) => {
      const { attributes, failed, reasons } = told(answer)
      assert.notProperty(attributes, "00081199", "no referenced sequence when nothing was stored")
      assert.deepStrictEqual(reasons, [duplicate])
      assert.deepStrictEqual(failed[0]?.["00081155"]?.Value, [one.SOPInstanceUID])
      assert.deepStrictEqual(failed[0]?.["00081150"]?.Value, ["1.2.840.10008.5.1.4.1.1.2"])
      assert.strictEqual(failed[0]?.["00081197"]?.vr, "US")
    },
  },
  {
    name: "§10.5 and the first content is kept",
    path: `/studies/${one.StudyInstanceUID}/series/${one.SeriesInstanceUID}/instances/${one.SOPInstanceUID}`,
    headers: { accept: "application/dicom; transfer-syntax=*" },
    status: 200,
    shows: ({ body }) => assert.isTrue(body.equals(one.bytes)),
  },
  {
    name: "§10.5.3 mixed success is 202 with both sequences",
    path: "/studies",
    ...store(four.bytes, changed),
    status: 202,
    type: dicomJson,
    shows: (answer) => {
      const { stored, failed, reasons } = told(answer)
      assert.deepStrictEqual(
        stored.map((item) => item["00081155"]?.Value?.[0]),
        [four.SOPInstanceUID],
      )
      assert.lengthOf(failed, 1)
      assert.deepStrictEqual(reasons, [duplicate])
    },
  },
  {
    name: "§10.5.1 the study of the address, matching",
    path: `/studies/${urlStudy.StudyInstanceUID}`,
    ...store(urlStudy.bytes),
    status: 200,
    shows: (answer) => storedAre(answer, urlStudy.SOPInstanceUID),
  },
  {
    name: "§10.5.1 an instance of another study than the address says is refused",
    path: "/studies/1.2.3.4.77777",
    ...store(newCt().bytes),
    status: 409,
    type: dicomJson,
    shows: (answer) => {
      const { reasons, stored } = told(answer)
      assert.lengthOf(reasons, 1)
      assert.isNumber(reasons[0])
      assert.lengthOf(stored, 0)
    },
  },
  { name: "§8.2 a malformed study UID in the address", path: "/studies/1.2.x", ...store(newCt().bytes), status: 400 },
  {
    name: "§10.5.2 chunked transfer coding, in pieces of 7 bytes",
    path: "/studies",
    ...store(chunked[0]!.bytes),
    chunkBytes: 7,
    status: 200,
    shows: (answer) => storedAre(answer, chunked[0]!.SOPInstanceUID),
  },
  {
    name: "§10.5.2 chunked transfer coding, in one piece",
    path: "/studies",
    ...store(chunked[1]!.bytes),
    chunkBytes: 1 << 20,
    status: 200,
    shows: (answer) => storedAre(answer, chunked[1]!.SOPInstanceUID),
  },
]

const accepted = (accept: string | undefined): Check => {
  const fresh = newCt()
  return {
    name: `§8.7.3.2 the answer for Accept: ${accept ?? "(none)"} is ${dicomJson}`,
    path: "/studies",
    ...store(fresh.bytes),
    headers: { "content-type": dicomType, ...(accept === undefined ? {} : { accept }) },
    status: 200,
    type: dicomJson,
    shows: (answer) => storedAre(answer, fresh.SOPInstanceUID),
  }
}
const refused = newCt()
const xmlFailure = (accept: string): Check => ({
  name: `Annex I a failure as XML, Accept: ${accept}`,
  path: "/studies",
  ...store(changed),
  headers: { "content-type": dicomType, accept },
  status: 409,
  type: /^application\/dicom\+xml|^multipart\/related; ?type="application\/dicom\+xml"/,
  shows: ({ text }) => {
    assert.match(text, /tag="00081198"[^>]*vr="SQ"/)
    assert.match(text, /tag="00081197"[^>]*>\s*<Value number="1">273<\/Value>/)
  },
})

const negotiated: ReadonlyArray<Check> = [
  ...[undefined, "*/*", "application/*", dicomJson, "application/dicom+json, */*;q=0.1"].map(accepted),
  {
    name: "§10.5.3 the response as XML",
    path: "/studies",
    ...store(newCt().bytes),
    headers: { "content-type": dicomType, accept: "application/dicom+xml" },
    status: 200,
    type: "application/dicom+xml",
    shows: ({ text }) => {
      assert.match(text, /^<\?xml version="1.0" encoding="(utf|UTF)-8"\?>/)
      assert.include(text, "<NativeDicomModel")
      assert.match(text, /tag="00081199" vr="SQ" keyword="ReferencedSOPSequence"/)
      assert.notInclude(text, "00081198")
    },
  },
  xmlFailure("application/dicom+xml"),
  xmlFailure('multipart/related; type="application/dicom+xml"'),
  {
    name: "§8.7.5 an impossible Accept is 406",
    path: "/studies",
    ...store(refused.bytes),
    headers: { "content-type": dicomType, accept: "text/html" },
    status: 406,
  },
  { name: "§8.7.5 and nothing of it is stored", path: `/studies/${refused.StudyInstanceUID}/metadata`, status: 404 },
]

const nearly = newCt({
  "00091001": ["OB", Buffer.from(`\r\n--${boundary}X\r\n--${boundary.slice(0, -1)}\r\n\r\n-`)],
  "00090010": ["LO", "ACME"],
})
const noUid = without(newCt().attributes, "00080018")
const fails = (name: string, body: Uint8Array | string, status: ReadonlyArray<number> = [400, 409]): Check => ({
  name,
  path: "/studies",
  ...store(Buffer.from(body)),
  status,
})
const contents: ReadonlyArray<Check> = [
  {
    name: "RFC 2046 §5.1.1 what is nearly a delimiter is content",
    path: "/studies",
    ...store(nearly.bytes),
    status: 200,
    shows: (answer) => storedAre(answer, nearly.SOPInstanceUID),
  },
  fails("PS3.10 §7 text is no DICOM", "this is no DICOM"),
  fails("PS3.10 §7 an empty part", ""),
  fails("PS3.10 §7 a file cut off in its header", newCt().bytes.subarray(0, 400)),
  fails("PS3.10 §7 a file cut off in its pixels", newCt().bytes.subarray(0, -20)),
  fails("PS3.3 §C.12.1 no SOP Instance UID", file(noUid)),
  fails("PS3.5 §9 a UID that is a path", newCt({ "0020000D": ["UI", "../../../etc/passwd"] }).bytes),
  fails("PS3.5 §9 a SOP Instance UID with letters", newCt({ "00080018": ["UI", "1.2.abc"] }).bytes),
  {
    name: "Annex I what cannot be named does not keep the others from being stored: 202",
    path: "/studies",
    ...store(newCt().bytes, Buffer.from("no DICOM at all")),
    status: 202,
    shows: (answer) => {
      const { stored, failed, other } = told(answer)
      assert.lengthOf(stored, 1)
      assert.lengthOf(failed, 1)
      assert.lengthOf(other, 1)
    },
  },
]

layer(live([]), { timeout: 60_000, excludeTestServices: true })("STOW-RS", (it) => {
  checks(it, [...answers, ...negotiated, ...contents])

  it.effect("§10.5.3 what is stored is found at once", () =>
    Effect.gen(function* () {
      const fresh = newCt()
      yield* perform({ name: "", path: "/studies", ...store(fresh.bytes), status: 200 })
      const found = yield* perform({
        name: "",
        path: `/studies?StudyInstanceUID=${fresh.StudyInstanceUID}`,
        status: 200,
      })
      assert.strictEqual(json(found)[0]?.["00201208"]?.Value?.[0], 1)
    }),
  )

  it.effect("links come from what the proxy says, not from Host alone", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const linkFor = (headers: Record<string, string>) =>
        Effect.map(
          ask(url, "/dicomweb/studies", {
            ...store(newCt().bytes),
            headers: { "content-type": dicomType, ...headers },
          }),
          (answer) => String(told(answer).attributes["00081190"]?.Value?.[0]),
        )
      const forwarded = yield* linkFor({ forwarded: 'for=10.0.0.1;proto=https;host="pacs.example.org:8443"' })
      assert.match(forwarded, /^https:\/\/pacs\.example\.org:8443\/dicomweb\/studies\//)
      const older = yield* linkFor({ "x-forwarded-proto": "https", "x-forwarded-host": "pacs.example.org" })
      assert.match(older, /^https:\/\/pacs\.example\.org\/dicomweb\/studies\//)
    }),
  )
})
