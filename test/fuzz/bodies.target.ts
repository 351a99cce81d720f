// Bodies: multipart as it should not be, metadata stores in JSON and XML, region searches, work items.
import * as fc from "fast-check"
import type { Live } from "./live.ts"
import type { Stored } from "./requests.target.ts"
import { corpus } from "./corpus.ts"
import { target } from "./target.ts"

const boundary = fc.oneof(
  { weight: 4, arbitrary: fc.constant("b") },
  fc.constantFrom("", " ", "'()+_,-./:=? x", "b".repeat(70), "b".repeat(71), "b".repeat(5000), '"', "\u00fc", "--"),
)

const eol = fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r", "")
const headLine = fc.oneof(
  fc.constantFrom(
    "Content-Type: application/dicom",
    "content-type:application/dicom",
    "CONTENT-TYPE: application/dicom; transfer-syntax=1.2.840.10008.1.2.1",
    "Content-Length: 4",
    "Content-Length: -1",
    "Content-Location: ../../etc/passwd",
    "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: binary",
    "Content-Type: text/plain",
    "Content-ID: <1>",
    ": no name",
    "no colon",
    " folded",
    "X: ".padEnd(20_000, "x"),
  ),
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
)

const payloads = corpus.filter(({ bytes }) => bytes.length < 20_000).map(({ bytes }) => bytes)
const payload = fc.oneof(
  fc.constantFrom(
    ...payloads,
    Buffer.alloc(0),
    Buffer.from("DICM"),
    Buffer.from("\r\n--b\r\n"),
    Buffer.from("\r\n--b--\r\n"),
  ),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)

const bytes = (text: string) => Buffer.from(text, "latin1")
const partOf = fc
  .tuple(
    fc.array(headLine, { maxLength: 5 }),
    payload,
    eol,
    eol,
    fc.constantFrom("--b", "--b", "--b", "-b", "--bb", "--B", "--b "),
  )
  .map(([lines, body, a, b, delimiter]) =>
    Buffer.concat([bytes(`${delimiter}${a}${lines.map((line) => line + a).join("")}${b}`), body, bytes(b)]),
  )

const body = fc
  .tuple(
    fc.constantFrom("", "\r\n", "preamble\r\n", "x".repeat(100_000)),
    fc.array(partOf, { maxLength: 5 }),
    fc.constantFrom("--b--\r\n", "--b--", "--b--\r\nepilogue", "", "--b", "--b--x"),
    fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 8 }),
  )
  .map(([before, parts, after, cut]) => {
    const whole = Buffer.concat([bytes(before), ...parts, bytes(after)])
    return cut === null ? whole : whole.subarray(0, Math.floor(cut * whole.length))
  })

const contentType = fc.oneof(
  {
    weight: 3,
    arbitrary: boundary.map(
      (text) => `multipart/related; type="application/dicom"; boundary="${text.replaceAll(/[^\x20-\x7e"]/g, "")}"`,
    ),
  },
  fc.constantFrom(
    "multipart/related; boundary=b",
    "multipart/related; type=application/dicom; boundary=b",
    'Multipart/Related;TYPE="application/dicom";BOUNDARY=b',
    "multipart/related",
    "multipart/form-data; boundary=b",
    "application/dicom",
    'multipart/related; type="application/dicom+json"; boundary=b',
    'multipart/related; type="application/dicom+xml"; boundary=b',
    "",
    ";",
    "multipart/related; boundary=b; boundary=c",
    'multipart/related; type="application/octet-stream"; boundary=b',
    "application/json",
  ),
)

/** JSON of any shape with DICOM JSON's own words in it, and texts that are nearly JSON. */
const attribute = fc.record(
  {
    vr: fc.constantFrom("UI", "PN", "SQ", "OW", "US", "DS", "UN", "AT", "ZZ", "", "FD"),
    Value: fc.array(
      fc.oneof(
        fc.string({ maxLength: 10 }),
        fc.double(),
        fc.constant(null),
        fc.constant({ Alphabetic: "A^B" }),
        fc.constant({}),
        fc.constant("1.2.3"),
      ),
      { maxLength: 3 },
    ),
    BulkDataURI: fc.constantFrom("x", "../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/", "cid:1", ""),
    InlineBinary: fc.constantFrom("AAAA", "!", "", "A".repeat(9999)),
  },
  { requiredKeys: [] },
)
const tag = fc.oneof(
  fc.constantFrom(
    "0020000D",
    "0020000E",
    "00080018",
    "00080016",
    "7FE00010",
    "00280010",
    "00020010",
    "00741000",
    "00081195",
    "__proto__",
  ),
  fc.stringMatching(/^[0-9A-F]{8}$/),
)
const dataset = fc.dictionary(tag, fc.oneof(attribute, fc.jsonValue({ maxDepth: 3 })), { maxKeys: 12 })
const deep = fc
  .constantFrom(10, 1000, 10_000, 100_000)
  .map((n) => `${'[{"00400275":{"vr":"SQ","Value":'.repeat(n)}${"}}]".repeat(n)}`)
const json = fc.oneof(
  { weight: 4, arbitrary: fc.array(dataset, { maxLength: 3 }).map((all) => JSON.stringify(all)) },
  dataset.map((one) => JSON.stringify(one)),
  fc.json({ maxDepth: 4 }),
  deep,
  fc.constantFrom(
    "",
    "{",
    "[",
    "null",
    "1",
    '"',
    '{"a":1,"a":2}',
    "[1e999]",
    "\ufeff[]",
    "[".repeat(60_000),
    '[{"0020000D":{"vr":"UI","Value":["..","/etc/passwd"]}}]',
  ),
)

const xmlPiece = fc.constantFrom(
  '<?xml version="1.0"?>',
  "<NativeDicomModel>",
  "</NativeDicomModel>",
  '<DicomAttribute tag="0020000D" vr="UI" keyword="StudyInstanceUID">',
  "</DicomAttribute>",
  '<Value number="1">1.2.3</Value>',
  '<Item number="1">',
  "</Item>",
  '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
  "&b;",
  "&#0;",
  "&#x10FFFF;",
  "<![CDATA[",
  "]]>",
  "<!--",
  '<BulkData uri="file:///etc/passwd"/>',
  '<PersonName number="1"><Alphabetic><FamilyName>A</FamilyName></Alphabetic></PersonName>',
  "<InlineBinary>AAAA</InlineBinary>",
  "<",
  ">",
  "&",
  '<a xmlns:b="c" b:d="e"/>',
  "\0",
  "<Item>".repeat(20_000),
)
const xml = fc.array(xmlPiece, { maxLength: 14 }).map((pieces) => pieces.join(""))

const metadataStore = fc.oneof(
  json.map((text) => ({ type: "application/dicom+json", text })),
  xml.map((text) => ({ type: "application/dicom+xml", text })),
)

const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 1e308, 1e-308))
const corner = fc.array(number, { minLength: 2, maxLength: 4 })
const regionOf = fc.oneof(
  fc.record({ box: fc.record({ min: corner, max: corner }) }),
  fc.record({
    slices: fc.record({
      from: fc.oneof(number, fc.string({ maxLength: 8 })),
      to: fc.oneof(number, fc.constant("1.2.3")),
    }),
  }),
  fc.record({ segment: fc.record({ SOPInstanceUID: fc.constantFrom("1.2.3", "", ".."), SegmentNumber: number }) }),
  fc.jsonValue({ maxDepth: 2 }),
)

export const bodyTargets = ({ study, series }: Stored) => [
  target(
    "multipart",
    10,
    fc.tuple(contentType, body),
    async ([type, sent], live: Live) => {
      await live.judged({ method: "POST", path: "/dicomweb/studies", headers: { "content-type": type }, body: sent })
    },
    ([, sent]) => sent,
  ),
  target(
    "metadata-store",
    8,
    metadataStore,
    async ({ type, text }, live: Live) => {
      await live.judged({
        method: "POST",
        path: "/dicomweb/studies",
        headers: { "content-type": `multipart/related; type="${type}"; boundary=b` },
        body: `--b\r\nContent-Type: ${type}\r\n\r\n${text}\r\n--b--\r\n`,
      })
    },
    ({ text }) => Buffer.from(text),
  ),
  target(
    "region",
    6,
    fc.oneof(
      fc
        .record(
          {
            StudyInstanceUID: fc.constantFrom(study, "1.2", ""),
            SeriesInstanceUID: fc.constantFrom(series, "1.2"),
            region: regionOf,
            k: fc.oneof(number, fc.constant("x")),
            filter: fc.jsonValue({ maxDepth: 2 }),
          },
          { requiredKeys: [] },
        )
        .map((one) => JSON.stringify(one)),
      json,
    ),
    async (sent, live: Live) => {
      await live.judged({
        method: "POST",
        path: "/api/regions/search",
        headers: { "content-type": "application/json" },
        body: sent,
      })
    },
    (sent) => Buffer.from(sent),
  ),
  target(
    "standing-region",
    2,
    fc.tuple(fc.stringMatching(/^[a-z0-9.%_-]{1,20}$/), json),
    async ([id, sent], live: Live) => {
      const answer = await live.judged({
        method: "PUT",
        path: `/api/standing-regions/${id}`,
        headers: { "content-type": "application/json" },
        body: sent,
      })
      if (answer.status < 300) await live.judged({ method: "DELETE", path: `/api/standing-regions/${id}` })
    },
  ),
  target(
    "workitem",
    4,
    fc.tuple(
      fc.constantFrom(
        "?workitem=1.2.3",
        "?1.2.3",
        "",
        "/1.2.3",
        "/1.2.3/state",
        "/1.2.3/cancelrequest/AE",
        "/..",
        "/1.2.3/subscribers/AE",
      ),
      fc.constantFrom("POST", "PUT", "DELETE"),
      fc.constantFrom("application/dicom+json", "application/json", "application/dicom+xml"),
      fc.oneof(json, xml),
    ),
    async ([where, method, type, sent], live: Live) => {
      await live.judged({ method, path: `/dicomweb/workitems${where}`, headers: { "content-type": type }, body: sent })
    },
    ([, , , sent]) => Buffer.from(sent),
  ),
]
