// Multipart bodies as they should not be, and sound ones with odd parts.
import * as fc from "fast-check"
import { corpus } from "./corpus.ts"

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

/** Well-formed; what is in the parts is not always. */
const soundBody = fc
  .array(
    fc.tuple(
      fc.constantFrom("Content-Type: application/dicom\r\n", "content-type:application/dicom;x=y\r\nX: y\r\n", ""),
      payload,
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) =>
    Buffer.concat([
      ...parts.flatMap(([head, content]) => [bytes(`--b\r\n${head}\r\n`), content, bytes("\r\n")]),
      bytes("--b--\r\n"),
    ]),
  )

const soundType = fc.constant('multipart/related; type="application/dicom"; boundary=b')

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

export const multipartInputs = fc.oneof(fc.tuple(contentType, body), fc.tuple(soundType, soundBody))
