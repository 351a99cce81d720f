// The payloads of STOW-RS (PS3.18 §8.6, RFC 2046): media types and multipart bodies, odd but legal or not, on one gateway.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type Check, checks, Live } from "./checks.fixture.ts"
import { boundary, dicomParts, dicomType, multipart, raw } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { newCt } from "./part10-files.fixture.ts"
import { storedAre } from "./store-answer.fixture.ts"

const typed = (
  name: string,
  type: string | undefined,
  status: number,
  body: Uint8Array | string | undefined = multipart(dicomParts([newCt().bytes])),
): Check => ({
  name,
  path: "/studies",
  method: "POST",
  headers: type === undefined ? {} : { "content-type": type },
  body,
  status,
})

const payloads: ReadonlyArray<Check> = [
  typed(
    "§8.6.1 type unquoted, as dcm4che sends it",
    `multipart/related; type=application/dicom; boundary=${boundary}`,
    200,
  ),
  typed("RFC 9110 §8.3.1 names in any case", `Multipart/Related; Type="application/dicom"; BOUNDARY=${boundary}`, 200),
  typed("RFC 9110 §8.3.1 type in capitals", `multipart/related; type="APPLICATION/DICOM"; boundary=${boundary}`, 200),
  typed("§8.6.1 boundary first and quoted", `multipart/related;boundary="${boundary}";type="application/dicom"`, 200),
  typed(
    "§8.6.1 further parameters",
    `multipart/related; type="application/dicom"; start="<a>"; charset=utf-8; boundary=${boundary}`,
    200,
  ),
  typed("§8.6.1 without type", `multipart/related; boundary=${boundary}`, 200),
  typed("§8.6.1 no boundary", 'multipart/related; type="application/dicom"', 400),
  typed("RFC 2046 §5.1.1 an empty boundary", 'multipart/related; type="application/dicom"; boundary=""', 400),
  typed("§10.5.2 no Content-Type", undefined, 415),
  typed("§10.5.2 text", "text/plain", 415, "hello"),
  typed("§10.5.2 JSON", "application/json", 415, "{}"),
  typed("§10.5.2 a form", `multipart/form-data; boundary=${boundary}`, 415),
  typed("§10.5.2 multipart/mixed", `multipart/mixed; boundary=${boundary}`, 415),
  typed("§10.5.2 parts that are no DICOM", `multipart/related; type="image/jpeg"; boundary=${boundary}`, 415),
  typed("§10.5.2 no body", dicomType, 400, ""),
  typed("RFC 2046 §5.1.1 no delimiter in the body", dicomType, 400, "no delimiter here"),
  typed("RFC 2046 §5.1.1 the closing delimiter alone", dicomType, 400, `--${boundary}--\r\n`),
  typed("§8.6.1 one DICOM part without multipart", "application/dicom", 200, newCt().bytes),
]

const shaped = (name: string, shape: (bytes: Buffer) => Uint8Array | string, type = dicomType): Check => {
  const fresh = newCt()
  return {
    name,
    path: "/studies",
    method: "POST",
    headers: { "content-type": type },
    body: shape(fresh.bytes),
    status: 200,
    shows: (answer) => storedAre(answer, fresh.SOPInstanceUID),
  }
}
const framed = (before: string, bytes: Buffer, after: string) =>
  Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)])
const [open, close] = [`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`, `\r\n--${boundary}--`]
const odd = "a'()+_,-./:=? z"

const bodies: ReadonlyArray<Check> = [
  shaped("a leading CRLF and no final one, as the Python client sends", (bytes) => framed(`\r\n${open}`, bytes, close)),
  shaped("RFC 2046 §5.1.1 a preamble of text", (bytes) =>
    framed(`This is MIME.\r\nIgnore me.\r\n${open}`, bytes, `${close}\r\n`),
  ),
  shaped("RFC 2046 §5.1.1 an epilogue of text", (bytes) => framed(open, bytes, `${close}\r\nThe end.\r\n`)),
  shaped("RFC 2046 §5.1.1 white space after delimiters", (bytes) =>
    framed(`--${boundary} \t\r\nContent-Type: application/dicom\r\n\r\n`, bytes, `${close}  \r\n`),
  ),
  shaped("RFC 5322 §1.2.2 header names in any case", (bytes) =>
    framed(`--${boundary}\r\ncontent-TYPE: application/dicom\r\n\r\n`, bytes, close),
  ),
  shaped("RFC 5322 §2.2 no blank after the colon", (bytes) =>
    framed(`--${boundary}\r\nContent-Type:application/dicom\r\n\r\n`, bytes, close),
  ),
  shaped("RFC 5322 §2.2.3 a folded header", (bytes) =>
    framed(
      `--${boundary}\r\nContent-Type: application/dicom;\r\n transfer-syntax=1.2.840.10008.1.2.1\r\n\r\n`,
      bytes,
      close,
    ),
  ),
  shaped("§8.6.1.2 further part headers", (bytes) =>
    framed(
      `--${boundary}\r\nMIME-Version: 1.0\r\nContent-Length: ${bytes.length}\r\nContent-ID: <1@x>\r\nContent-Location: a/b.dcm\r\nContent-Transfer-Encoding: binary\r\nContent-Disposition: inline; name="file[]"; filename="a.dcm"\r\nContent-Type: application/dicom\r\n\r\n`,
      bytes,
      close,
    ),
  ),
  shaped("§8.7.3.5 a transfer syntax per part", (bytes) =>
    framed(
      `--${boundary}\r\nContent-Type: application/dicom; transfer-syntax="1.2.840.10008.1.2.1"\r\n\r\n`,
      bytes,
      close,
    ),
  ),
  shaped("§8.7.3.5 of a wrong one the file's own counts", (bytes) =>
    framed(
      `--${boundary}\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.4.90\r\n\r\n`,
      bytes,
      close,
    ),
  ),
  shaped(
    "RFC 2046 §5.1.1 every odd character a boundary may have",
    (bytes) => multipart(dicomParts([bytes]), odd),
    `multipart/related; type="application/dicom"; boundary="${odd}"`,
  ),
  shaped(
    "RFC 2046 §5.1.1 a boundary of 70 characters",
    (bytes) => multipart(dicomParts([bytes]), "b".repeat(70)),
    `multipart/related; type="application/dicom"; boundary=${"b".repeat(70)}`,
  ),
  shaped(
    "a boundary of 73 characters, as Orthanc sends, beside the RFC",
    (bytes) => multipart(dicomParts([bytes]), "o".repeat(73)),
    `multipart/related; type="application/dicom"; boundary=${"o".repeat(73)}`,
  ),
  shaped(
    "RFC 2046 §5.1.1 a boundary of dashes, as dcm4che",
    (bytes) => multipart(dicomParts([bytes]), "-------gc0p4Jq0M2Yt08jU534c0p"),
    "multipart/related; type=application/dicom; boundary=-------gc0p4Jq0M2Yt08jU534c0p",
  ),
]

layer(live([]), { timeout: 60_000, excludeTestServices: true })("STOW-RS payloads", (it) => {
  checks(it, [...payloads, ...bodies])

  const expecting = (body: Uint8Array, accept: string) =>
    `POST /dicomweb/studies HTTP/1.1\r\nHost: a\r\nContent-Type: ${dicomType}\r\nAccept: ${accept}\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`
  it.effect("RFC 9110 §10.1.1 who expects 100-continue is told to go on before the body", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const body = multipart(dicomParts([newCt().bytes]))
      const said = yield* raw(url, expecting(body, "*/*"), (text) => text.includes("\r\n\r\n"))
      assert.match(said, /^HTTP\/1\.1 100 Continue\r\n\r\n/)
      const whole = Buffer.concat([Buffer.from(expecting(body, "*/*")), body])
      assert.match(yield* raw(url, whole), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
    }),
  )
  it.effect("RFC 9110 §10.1.1 or is refused before it", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const said = yield* raw(url, expecting(Buffer.alloc(5_000_000), "text/html"), (text) => text.includes("\r\n\r\n"))
      assert.match(said, /^HTTP\/1\.1 406 /)
    }),
  )
})
