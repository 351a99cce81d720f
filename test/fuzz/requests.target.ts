// Requests made up from what the grammars allow and from what they do not: search, retrieval, negotiation, addresses.
import * as fc from "fast-check"
import type { Live } from "./live.ts"
import { Wrong } from "./live.ts"
import { target } from "./target.ts"

/** Where something is stored: the fuzzer's own CT series, put there before. */
export interface Stored {
  readonly study: string
  readonly series: string
  readonly instance: string
}

const odd = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 10 }),
  fc.constantFrom(
    "",
    "*",
    "?",
    "\\",
    ",",
    "-",
    "..",
    "%",
    "%00",
    "\0",
    "'",
    '"',
    ";--",
    "' OR 1=1 --",
    "null",
    "NaN",
    "-1",
    "1e999",
  ),
  fc.constantFrom("a", "*", "?", "\\", ",", "[", "%").chain((c) => fc.constantFrom(100, 3000).map((n) => c.repeat(n))),
  fc.integer().map(String),
  fc.double().map(String),
)

const keyword = fc.oneof(
  fc.constantFrom(
    "PatientName",
    "PatientID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ModalitiesInStudy",
    "Modality",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    "InstanceNumber",
    "SeriesNumber",
    "PerformedProcedureStepStartDate",
    "RequestAttributesSequence.ScheduledProcedureStepID",
    "00400275.00400009",
    "00100010",
    "0020000D",
    "00080061",
    "7FE00010",
    "limit",
    "offset",
    "includefield",
    "fuzzymatching",
    "accept",
    "charset",
    "OtherPatientIDsSequence.PatientID",
    "00091001",
    "__proto__",
    "constructor",
    "toString",
  ),
  fc.stringMatching(/^[0-9A-Fa-f]{8}$/),
  fc.string({ maxLength: 12 }),
)

const value = fc.oneof(
  { weight: 2, arbitrary: odd },
  fc.constantFrom(
    "20240101",
    "20240101-",
    "-20240101",
    "20240101-20231231",
    "99999999",
    "2024",
    "120000",
    "120000.5-",
    "ISO_IR 192",
    "true",
    "false",
    "all",
    "CT",
    "CT,MR",
    "CT\\MR",
    "*a*a*a*a*a*a*a*b",
    "Secret*",
    "1.2.3,1.2.4",
  ),
  fc.array(fc.constantFrom("1.2", "3.4.5", ""), { maxLength: 800 }).map((uids) => uids.join(",")),
)

const parameters = fc
  .array(fc.tuple(keyword, value), { maxLength: 8 })
  .map((pairs) => new URLSearchParams(pairs).toString())
const queryString = fc.oneof(
  { weight: 4, arbitrary: parameters },
  fc
    .string({ unit: fc.constantFrom(..."%=&+?#;,.0aZ* \\"), maxLength: 60 })
    .map((text) => text.replaceAll(/[ #]/g, "%20")),
)

/** Node refuses to send longer ones; what is longer is the hostile HTTP tests' business. */
const short = (path: string) => path.slice(0, 12_000)

const mediaType = fc.constantFrom(
  "*/*",
  "application/*",
  "image/*",
  "video/*",
  "multipart/related",
  "application/dicom",
  "application/dicom+json",
  "application/json",
  "application/dicom+xml",
  "application/octet-stream",
  "image/jpeg",
  "image/png",
  "image/gif",
  "image/jp2",
  "text/html",
  "x",
  "/",
  "",
)
const parameter = fc.oneof(
  fc.constantFrom(
    'type="application/dicom"',
    "type=application/dicom",
    'type="*/*"',
    "type=application/octet-stream",
    'type="application/dicom+xml"',
    'type="image/jls"',
    "transfer-syntax=*",
    "transfer-syntax=1.2.840.10008.1.2.1",
    'transfer-syntax="1.2.840.10008.1.2.4.70"',
    "transfer-syntax=",
    "transfer-syntax=..",
    "q=0",
    "q=1",
    "q=0.5",
    "q=-1",
    "q=2",
    "q=NaN",
    "q",
    "charset=utf-8",
    'boundary="',
    '"',
    "\\",
    "=",
    'type="a\\"b"',
  ),
  fc.string({ unit: "grapheme-ascii", maxLength: 12 }),
)
const range = fc.tuple(mediaType, fc.array(parameter, { maxLength: 4 })).map(([type, all]) => [type, ...all].join("; "))
const accept = fc.array(range, { maxLength: 6 }).map((ranges) => ranges.join(", ").replaceAll(/[^\x20-\x7e]/g, ""))

const frameList = fc.oneof(
  fc.constantFrom(
    "1",
    "1,1",
    "0",
    "-1",
    "2",
    "1,2,3",
    "1-2",
    "999999999",
    "99999999999999999999",
    "1,",
    ",1",
    "%31",
    "1%2C1",
    "1.0",
    "01",
    "a",
    "1e3",
    "NaN",
  ),
  fc.array(fc.integer({ min: -2, max: 5 }), { maxLength: 50 }).map((all) => all.join(",")),
  fc.constantFrom(1000, 1001, 5000).map((n) => Array.from({ length: n }, () => "1").join(",")),
)

const number = fc.oneof(
  fc.constantFrom(
    "0",
    "-1",
    "1",
    "64",
    "8192",
    "8193",
    "1e9",
    "1e-9",
    "NaN",
    "Infinity",
    "-0",
    "",
    " ",
    "0x10",
    "1e400",
  ),
  fc.double().map(String),
)
const numbers = fc.array(number, { maxLength: 8 }).map((all) => all.join(","))
const rendering = fc
  .array(
    fc.oneof(
      fc.tuple(
        fc.constant("window"),
        fc
          .tuple(numbers, fc.constantFrom("", ",linear", ",LINEAR", ",sigmoid", ",linear-exact", ",cubic"))
          .map(([n, f]) => n + f),
      ),
      fc.tuple(fc.constantFrom("viewport", "quality", "window"), numbers),
      fc.tuple(fc.constantFrom("annotation", "iccprofile", "accept", "presentationUID", "nonsense"), odd),
    ),
    { maxLength: 4 },
  )
  .map((pairs) => new URLSearchParams(pairs).toString())

const segment = fc.oneof(
  fc.constantFrom(
    "studies",
    "series",
    "instances",
    "metadata",
    "frames",
    "rendered",
    "thumbnail",
    "bulkdata",
    "pixeldata",
    "workitems",
    "subscribers",
    "1.2.3",
    "1",
    "",
  ),
  fc.constantFrom(
    "..",
    ".",
    "%2e%2e",
    "%2E%2e%2f",
    "%00",
    "%0d%0a",
    "%c0%ae",
    "%ff",
    "%",
    "%zz",
    "~",
    "*",
    "1.2.3;x",
    "1.2.3%3F",
    "a%20b",
    "__proto__",
    "\\..\\",
  ),
  fc.stringMatching(/^[0-9.]{1,70}$/),
)
const path = fc
  .tuple(fc.constantFrom("/dicomweb", "/api", ""), fc.array(segment, { maxLength: 9 }))
  .map(([root, all]) => `${root}/${all.join("/")}`)

const rangeHeader = fc.oneof(
  fc.constantFrom(
    "bytes=0-0",
    "bytes=-1",
    "bytes=5-",
    "bytes=9999999-",
    "bytes=2-1",
    "bytes=0-0,2-3",
    "bytes=",
    "bytes",
    "items=0-1",
    "bytes=a-b",
    "bytes=-0",
    "bytes=0-99999999999999999999",
  ),
  fc.array(fc.constantFrom("0-", "-5", "1-2"), { maxLength: 200 }).map((all) => `bytes=${all.join(",")}`),
)

const isJson = (body: Buffer) => {
  try {
    JSON.parse(body.toString())
    return true
  } catch {
    return false
  }
}

const levels = ["/studies", "/series", "/instances", "STUDY/series", "STUDY/instances", "SERIES/instances"]
const resources = ["", "/metadata", "/rendered", "/thumbnail", "/bulkdata", "/pixeldata"]

export const requestTargets = ({ study, series, instance }: Stored) => {
  const at = (level: string) =>
    `/dicomweb${level.replace("STUDY", `/studies/${study}`).replace("SERIES", `/studies/${study}/series/${series}`)}`
  const own = `/dicomweb/studies/${study}/series/${series}/instances/${instance}`
  const places = [`/dicomweb/studies/${study}`, `/dicomweb/studies/${study}/series/${series}`, own]
  return [
    target("search", 10, fc.tuple(fc.constantFrom(...levels), queryString), async ([level, query], live: Live) => {
      const answer = await live.judged({ path: short(`${at(level)}?${query}`) })
      if (answer.status === 200 && /json/.test(answer.headers["content-type"] ?? "") && !isJson(answer.body))
        throw new Wrong("no JSON")
    }),
    target(
      "accept",
      10,
      fc.tuple(fc.constantFrom(...places), fc.constantFrom(...resources), accept, fc.boolean()),
      async ([place, resource, header, inQuery], live: Live) => {
        const query = inQuery ? `?accept=${encodeURIComponent(header)}` : ""
        await live.judged({
          path: short(place + resource + query),
          ...(inQuery ? {} : { headers: { accept: header } }),
        })
      },
    ),
    target(
      "frames",
      4,
      fc.tuple(frameList, fc.constantFrom("", "/rendered", "/thumbnail"), accept),
      async ([list, more, header], live: Live) => {
        await live.judged({ path: short(`${own}/frames/${list}${more}`), headers: { accept: header } })
      },
    ),
    target(
      "rendering",
      6,
      fc.tuple(
        fc.constantFrom(...places, `${own}/frames/1`),
        rendering,
        fc.constantFrom("image/jpeg", "image/png", "*/*"),
      ),
      async ([place, query, header], live: Live) => {
        await live.judged({ path: short(`${place}/rendered?${query}`), headers: { accept: header } })
      },
    ),
    target(
      "range",
      2,
      fc.tuple(
        fc.constantFrom(...places.flatMap((place) => [place, `${place}/bulkdata`, `${place}/pixeldata`])),
        rangeHeader,
        fc.option(odd),
      ),
      async ([place, header, match], live: Live) => {
        const more = match === null ? {} : { "if-none-match": match.replaceAll(/[^\x20-\x7e]/g, "").slice(0, 2000) }
        await live.judged({ path: place, headers: { range: header, ...more } })
      },
    ),
    target(
      "address",
      8,
      fc.tuple(fc.constantFrom("GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH"), path, fc.option(accept)),
      async ([method, address, header], live: Live) => {
        // The fuzzer's own series stays.
        if (method === "DELETE" && address.includes(study)) return
        await live.judged({ method, path: address, ...(header === null ? {} : { headers: { accept: header } }) })
      },
    ),
  ]
}
