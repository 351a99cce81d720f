// What nobody should send: refused with 4xx in bounded time while the gateway stays well, on one gateway.
import { deflateRawSync, gzipSync } from "node:zlib"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { element, part10, sequence } from "../dicom/part10.fixture.ts"
import { ct } from "./archive.fixture.ts"
import { type Check, Live, perform } from "./checks.fixture.ts"
import { ask, boundary, dicomType, multipart, raw, store } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { newCt, ramp } from "./part10-files.fixture.ts"

const [open, close] = [`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`, `\r\n--${boundary}--\r\n`]
const { bytes: whole } = newCt()
/** A data set whose UIDs are fine, and then something that is not. */
const hostile = (more: Buffer, TransferSyntaxUID?: string) => {
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID } = newCt()
  return part10(
    Buffer.concat([
      element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
      element(0x00080018, "UI", SOPInstanceUID),
      element(0x0020000d, "UI", StudyInstanceUID),
      element(0x0020000e, "UI", SeriesInstanceUID),
      more,
    ]),
    TransferSyntaxUID,
  )
}
const long = (tag: number, vr: string, length: number) => {
  const bytes = Buffer.concat([element(tag, vr, Buffer.alloc(0))])
  bytes.writeUInt32LE(length, 8)
  return bytes
}
let nested = Buffer.alloc(0)
for (let depth = 0; depth < 10_000; depth++) {
  nested = Buffer.concat([
    Buffer.from([
      0x40, 0, 0x75, 2, 0x53, 0x51, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff,
    ]),
    nested,
  ])
  if (depth === 9_999) nested = Buffer.concat([nested])
}
const item4GiB = Buffer.concat([
  long(0x00400275, "SQ", 0xffffffff),
  Buffer.from([0xfe, 0xff, 0, 0xe0, 0xfe, 0xff, 0xff, 0xff]),
])
const bomb = deflateRawSync(Buffer.concat([element(0x00080016, "UI", "1.2"), Buffer.alloc(400 << 20)]), { level: 9 })

const files: ReadonlyArray<readonly [name: string, bytes: Buffer]> = [
  ["sequences 10,000 deep, of undefined length", hostile(nested)],
  [
    "sequences 70 deep, well-formed",
    hostile(Array.from({ length: 70 }).reduce<Buffer>((inner) => sequence(0x00400275, [inner]), Buffer.alloc(0))),
  ],
  ["an item of 4 GiB", hostile(item4GiB)],
  ["an element of 4 GiB", hostile(long(0x00420011, "OB", 0xfffffffe))],
  ["an element past the end", hostile(long(0x7fe00010, "OW", 5_000))],
  ["a sequence past the end", hostile(long(0x00400275, "SQ", 5_000))],
  ["a deflate bomb of 400 MiB", part10(bomb, "1.2.840.10008.1.2.1.99")],
  ["a deflated data set that is none", part10(Buffer.from("not deflated at all"), "1.2.840.10008.1.2.1.99")],
  ["an unknown value representation", hostile(Buffer.from([0x50, 0, 0x10, 0, 0x3f, 0x3f, 4, 0, 1, 2, 3, 4]))],
  ["a preamble and nothing", Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")])],
  ["a zip archive", Buffer.from("504b0304140000000800", "hex")],
  ["zeros", Buffer.alloc(10_000)],
]

const traversal = [
  "..%2F..%2Fetc%2Fpasswd",
  "%2e%2e%2f%2e%2e",
  "1.2.3%00",
  "1.2.3/..",
  "1.2.3%0d%0aX:1",
  "%c0%ae%c0%ae",
  "1.2.3'--",
  "1.2.3%22",
  "%",
  "1.2.3;x",
  "*",
]
const positions: ReadonlyArray<readonly [method: string, path: (uid: string) => string]> = [
  ["GET", (uid) => `/studies/${uid}/metadata`],
  ["GET", (uid) => `/studies/1.2.3/series/${uid}/metadata`],
  ["GET", (uid) => `/studies/1.2.3/series/1.2/instances/${uid}/frames/1`],
  ["DELETE", (uid) => `/studies/${uid}`],
]

const requests: ReadonlyArray<Check> = [
  { name: "a query of 50,000 characters", path: `/studies?PatientName=${"a".repeat(50_000)}`, status: [400, 414, 431] },
  { name: "stars without end", path: `/studies?PatientName=${"*a".repeat(500)}*`, status: [204, 400] },
  { name: "question marks without end", path: `/studies?PatientName=${"?*".repeat(500)}x`, status: [204, 400] },
  {
    name: "a list of 2,000 UIDs",
    path: `/studies?StudyInstanceUID=${Array.from({ length: 2_000 }, (_, i) => `1.${i}`).join(",")}`,
    status: [204, 400],
  },
  { name: "101 parameters", path: `/studies?${"PatientID=x&".repeat(101)}`, status: [204, 400] },
  { name: "a path of sequences", path: `/studies?${"00400275.".repeat(100)}00400009=x`, status: 400 },
  { name: "SQL for a value", path: `/studies?PatientID=${encodeURIComponent("' OR 1=1 --")}`, status: 204 },
  { name: "SQL for a key", path: `/studies?${encodeURIComponent("PatientID' OR '1'='1")}=x`, status: 400 },
  {
    name: "an Accept of 8,000 ranges",
    path: "/studies",
    headers: { accept: "a/b;q=0.1,".repeat(800) },
    status: [200, 406, 431],
  },
  { name: "an offset beyond numbers", path: "/studies?offset=99999999999999999999", status: [204, 400] },
  {
    name: "10,000 frames asked at once",
    path: `/studies/${ct[0]!.StudyInstanceUID}/series/${ct[0]!.SeriesInstanceUID}/instances/${ct[0]!.SOPInstanceUID}/frames/${Array(5_000).fill("1").join(",")}`,
    status: [400, 404, 414],
  },
  { name: "percent signs that encode nothing", path: "/studies?PatientName=%E0%A4%A", status: [204, 400] },
  { name: "a body in a search", path: "/studies?PatientID=NOBODY", body: "x".repeat(1000), status: [204, 400] },
]

layer(live(ct), { timeout: 60_000, excludeTestServices: true })("hostile requests", (it) => {
  /** Refused within ten seconds (the machine may be busy), and the next caller is served. */
  const refused = (check: Check) =>
    it.effect(`${check.name}: refused, and the gateway is well`, () =>
      Effect.gen(function* () {
        yield* perform(check).pipe(Effect.timeout("10 seconds"))
        yield* perform({ name: "", path: "/studies?PatientID=P-001", status: 200 })
      }),
    )
  for (const [name, bytes] of files) refused({ name, path: "/studies", ...store(bytes), status: [400, 409, 413] })
  for (const check of requests) refused(check)
  for (const uid of traversal) {
    it.effect(`PS3.5 §9 ${uid} is no UID anywhere`, () =>
      Effect.gen(function* () {
        for (const [method, path] of positions) {
          yield* perform({ name: uid, method, path: path(uid), status: [400, 404, 405] })
        }
      }),
    )
  }

  refused({
    name: "100,000 tiny parts",
    path: "/studies",
    method: "POST",
    headers: { "content-type": dicomType },
    body: `${open.repeat(100_000)}${close}`,
    status: [400, 409, 413],
  })
  refused({
    name: "a part head of a megabyte",
    path: "/studies",
    method: "POST",
    headers: { "content-type": dicomType },
    body: `--${boundary}\r\nX-Flood: ${"x".repeat(1 << 20)}\r\n\r\n${close}`,
    status: [400, 413, 431],
  })
  refused({
    name: "10,000 part headers",
    path: "/studies",
    method: "POST",
    headers: { "content-type": dicomType },
    body: `--${boundary}\r\n${"X-Flood: x\r\n".repeat(10_000)}\r\n${close}`,
    status: [400, 413, 431],
  })
  refused({
    name: "a preamble of 20 MB",
    path: "/studies",
    method: "POST",
    headers: { "content-type": dicomType },
    body: "x".repeat(20_000_000),
    status: [400, 413],
  })
  refused({
    name: "a gzip bomb as body",
    path: "/studies",
    method: "POST",
    headers: { "content-type": dicomType, "content-encoding": "gzip" },
    body: gzipSync(Buffer.alloc(50 << 20)),
    status: [400, 413, 415],
  })
  refused({
    name: "a body in an unknown coding",
    path: "/studies",
    method: "POST",
    headers: { "content-type": dicomType, "content-encoding": "x-rot13" },
    body: "x",
    status: 415,
  })
  refused({
    name: "a data set nested in multipart",
    path: "/studies",
    method: "POST",
    headers: { "content-type": dicomType },
    body: multipart([
      {
        headers: { "Content-Type": `multipart/mixed; boundary=inner` },
        body: multipart([{ headers: {}, body: whole }], "inner"),
      },
    ]),
    status: [400, 409],
  })

  const statusOf = (text: string) => /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]
  const onTheWire = (name: string, request: string, status: RegExp) =>
    it.effect(name, () =>
      Effect.gen(function* () {
        const { url } = yield* Live
        const text = yield* raw(url, request, (text) => text.includes("\r\n\r\n"))
        assert.match(statusOf(text) ?? "none", status, text.slice(0, 200))
        assert.strictEqual((yield* ask(url, "/health/live")).status, 200)
      }),
    )
  onTheWire(
    "RFC 9112 §6.1 Content-Length with Transfer-Encoding",
    `POST /dicomweb/studies HTTP/1.1\r\nHost: a\r\nContent-Type: ${dicomType}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    /^400$/,
  )
  onTheWire(
    "RFC 9112 §6.3 two Content-Lengths",
    `POST /dicomweb/studies HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd`,
    /^400$/,
  )
  onTheWire(
    "RFC 9112 §6.3 a Content-Length that is no number",
    "POST /dicomweb/studies HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    /^400$/,
  )
  onTheWire(
    "RFC 9112 §5.2 an obsolete line folding",
    "GET /dicomweb/studies HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    /^(200|400)$/,
  )
  onTheWire(
    "RFC 6585 §5 a flood of headers",
    `GET /dicomweb/studies HTTP/1.1\r\nHost: a\r\n${"X-Flood: yyyyyyyyyyyyyyyyyyyy\r\n".repeat(20_000)}\r\n`,
    /^(400|431)$/,
  )
  onTheWire("RFC 9112 §3 garbage", "\u0000\u0001\u0002 GET\r\n\r\n", /^400$/)
  onTheWire("RFC 9112 §3.2 no Host", "GET /dicomweb/studies HTTP/1.1\r\n\r\n", /^400$/)
  onTheWire(
    "RFC 9112 §7.1 a chunk size beyond numbers",
    `POST /dicomweb/studies HTTP/1.1\r\nHost: a\r\nContent-Type: ${dicomType}\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n`,
    /^(400|413)$/,
  )
  it.effect("a body that breaks off leaves nothing behind", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const cut = newCt({ "00091001": ["OB", ramp(5_000)], "00090010": ["LO", "ACME"] })
      const body = Buffer.concat([Buffer.from(open), cut.bytes])
      const head = `POST /dicomweb/studies HTTP/1.1\r\nHost: a\r\nContent-Type: ${dicomType}\r\nContent-Length: ${body.length + 500}\r\nConnection: close\r\n\r\n`
      yield* raw(url, Buffer.concat([Buffer.from(head), body.subarray(0, 5_000)])).pipe(
        Effect.timeoutOption("500 millis"),
      )
      yield* perform({ name: "", path: `/studies/${cut.StudyInstanceUID}/metadata`, status: 404 })
    }),
  )
})
