// Query strings, media ranges, frame lists, render parameters, addresses and ranges, by their grammars and beside them.
import * as fc from "fast-check"

export const odd = fc.oneof(
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
export const queryString = fc.oneof(
  { weight: 4, arbitrary: parameters },
  fc
    .string({ unit: fc.constantFrom(..."%=&+?#;,.0aZ* \\"), maxLength: 60 })
    .map((text) => text.replaceAll(/[ #]/g, "%20")),
)

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
export const accept = fc
  .array(range, { maxLength: 6 })
  .map((ranges) => ranges.join(", ").replaceAll(/[^\x20-\x7e]/g, ""))

export const frameList = fc.oneof(
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
export const rendering = fc
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
export const path = fc
  .tuple(fc.constantFrom("/dicomweb", "/api", ""), fc.array(segment, { maxLength: 9 }))
  .map(([root, all]) => `${root}/${all.join("/")}`)

export const rangeHeader = fc.oneof(
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
