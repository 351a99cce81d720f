// What the Python dicomweb-client and dcm4che's stowrs put on the wire, byte by byte, and what they read of the answers.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { archive, compressed, ct, document, icon, loop, pdf, report } from "../conformance/archive.fixture.ts"
import { type DicomJson, items, json, Live } from "../conformance/checks.fixture.ts"
import { type Answer, ask, exchange, raw } from "../conformance/client.fixture.ts"
import { live } from "../conformance/gateway.fixture.ts"
import { ctClass, newCt, type Place, ramp } from "../conformance/part10-files.fixture.ts"

const instanceOf = (at: Place) =>
  `/studies/${at.StudyInstanceUID}/series/${at.SeriesInstanceUID}/instances/${at.SOPInstanceUID}`

/** As `requests` sends; `Host` is without the port. */
const python = {
  host: "127.0.0.1",
  "user-agent": "python-requests/2.32.3",
  "accept-encoding": "gzip, deflate",
  connection: "keep-alive",
}
const delimiter = "0f3cf5c0-70e0-41ef-baef-c6f9f65ec3e1"
const pythonType = `multipart/related; type="application/dicom"; boundary="${delimiter}"`
const pythonBody = (...files: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([
    ...files.flatMap((bytes) => [Buffer.from(`\r\n--${delimiter}\r\nContent-Type: application/dicom\r\n\r\n`), bytes]),
    Buffer.from(`\r\n--${delimiter}--`),
  ])

/** Its reading of a multipart answer: everything between delimiters, behind the first empty line. */
const pythonParts = ({ headers, body }: Answer): ReadonlyArray<Buffer> => {
  const [media, ...parameters] = (headers["content-type"] ?? "").split(";").map((text) => text.trim())
  assert.strictEqual(media?.toLowerCase(), "multipart/related")
  const boundary = parameters
    .find((text) => text.toLowerCase().startsWith("boundary="))!
    .slice(9)
    .replaceAll('"', "")
  return body
    .toString("latin1")
    .split(`\r\n--${boundary}`)
    .filter((part) => !["", "--", "\r\n"].includes(part) && !part.startsWith("--\r\n"))
    .map((part) => {
      assert.include(part, "\r\n\r\n", "the part does not contain CRLF CRLF")
      return Buffer.from(part.slice(part.indexOf("\r\n\r\n") + 4), "latin1")
    })
}
const pythonStore = (body: Buffer, chunkBytes?: number) =>
  Effect.flatMap(Live, ({ url }) =>
    Effect.promise(() =>
      exchange(url, "/dicomweb/studies", {
        method: "POST",
        headers: { ...python, accept: "*/*", "content-type": pythonType },
        body,
        chunkBytes,
      }),
    ),
  )
const pythonGet = (path: string, accept: string, more: Record<string, string> = {}) =>
  Effect.flatMap(Live, ({ url }) =>
    ask(url, `/dicomweb${path}`, { headers: { ...python, "accept-encoding": "identity", accept, ...more } }),
  )

const publicUrl = "https://pacs.example.org"

layer(live(archive, { GATEWAY_LISTENER_PUBLIC_URL: publicUrl }), { timeout: 60_000, excludeTestServices: true })(
  "on the wire",
  (it) => {
    for (const [name, chunkBytes] of [
      ["with Content-Length", undefined],
      ["in chunks, as above 1 MB", 100_000],
    ] as const) {
      it.effect(`Python store ${name}: JSON without parameters, links from the configuration`, () =>
        Effect.gen(function* () {
          const large = newCt({ "00280010": ["US", 1000], "00280011": ["US", 600], "7FE00010": ["OW", ramp(600_000)] })
          const answer = yield* pythonStore(pythonBody(large.bytes), chunkBytes)
          assert.strictEqual(answer.status, 200, answer.text)
          assert.strictEqual(answer.headers["content-type"], "application/dicom+json")
          const module = json<DicomJson>(answer)
          assert.lengthOf(items(module, "00081199"), 1)
          assert.isTrue(String(module["00081190"]?.Value?.[0]).startsWith(`${publicUrl}/dicomweb/studies/`))
        }),
      )
    }
    it.effect("Python search: its Accept, and offsets until nothing is left", () =>
      Effect.gen(function* () {
        const found: Array<unknown> = []
        for (let page = 0; page < 50; page++) {
          const answer = yield* pythonGet(
            `/instances?offset=${found.length}&limit=7&Modality=OT`,
            "application/dicom+json, application/json",
          )
          if (answer.body.length === 0) break
          found.push(...json<ReadonlyArray<unknown>>(answer))
        }
        assert.lengthOf(found, compressed.length)
      }),
    )
    it.effect("Python retrieve of an instance, of a study, in any syntax and in a named one", () =>
      Effect.gen(function* () {
        const dicom = 'multipart/related; type="application/dicom"'
        const [one] = pythonParts(yield* pythonGet(instanceOf(ct[0]!), dicom))
        assert.isTrue(one!.equals(ct[0]!.bytes))
        const study = pythonParts(yield* pythonGet(`/studies/${ct[0]!.StudyInstanceUID}`, dicom))
        assert.sameMembers(
          study.map((bytes) => bytes.toString("hex")),
          [...ct, report].map(({ bytes }) => bytes.toString("hex")),
        )
        const rle = compressed[0]!
        for (const syntax of ["*", rle.TransferSyntaxUID]) {
          const [stored] = pythonParts(yield* pythonGet(instanceOf(rle), `${dicom}; transfer-syntax=${syntax}`))
          assert.isTrue(stored!.equals(rle.bytes))
        }
      }),
    )
    it.effect("Python retrieve of frames: type */*, and its names for image types", () =>
      Effect.gen(function* () {
        const frames = pythonParts(yield* pythonGet(`${instanceOf(ct[0]!)}/frames/1`, 'multipart/related; type="*/*"'))
        assert.isTrue(frames[0]!.equals(ramp(256, -99)))
        assert.lengthOf(
          pythonParts(yield* pythonGet(`${instanceOf(loop)}/frames/1,2,3`, 'multipart/related; type="*/*"')),
          3,
        )
        for (const [at, type] of [
          [compressed[0]!, "image/x-dicom-rle"],
          [compressed[0]!, "image/dicom-rle"],
          [compressed[1]!, "image/x-jls"],
          [compressed[2]!, "image/jp2"],
        ] as const) {
          const answer = yield* pythonGet(
            `${instanceOf(at)}/frames/1`,
            `multipart/related; type="${type}"; transfer-syntax=${at.TransferSyntaxUID}`,
          )
          assert.strictEqual(answer.status, 200, `${type}: ${answer.text.slice(0, 200)}`)
          assert.isTrue(pythonParts(answer)[0]!.subarray(0, at.fragments[0]!.length).equals(at.fragments[0]!), type)
        }
      }),
    )
    it.effect("Python retrieve of bulk data by its link, whole and in a range", () =>
      Effect.gen(function* () {
        const metadata = yield* pythonGet(`${instanceOf(ct[0]!)}/metadata`, "application/dicom+json, application/json")
        const link = items(json(metadata)[0]!, "00880200")[0]!["7FE00010"]!.BulkDataURI!
        assert.isTrue(link.startsWith(publicUrl))
        const path = link.slice(`${publicUrl}/dicomweb`.length)
        assert.isTrue(pythonParts(yield* pythonGet(path, 'multipart/related; type="*/*"'))[0]!.equals(icon))
        const ranged = yield* pythonGet(path, 'multipart/related; type="application/octet-stream"', {
          range: "bytes=0-9",
        })
        assert.include([200, 206], ranged.status)
        assert.isTrue(pythonParts(ranged)[0]!.subarray(0, 10).equals(icon.subarray(0, 10)))
      }),
    )
    it.effect("Python rendered pictures and the document as PDF", () =>
      Effect.gen(function* () {
        const picture = yield* pythonGet(
          `${instanceOf(ct[0]!)}/rendered?viewport=32,32&quality=90`,
          "image/jpeg, image/png",
        )
        assert.strictEqual(picture.headers["content-type"], "image/jpeg")
        const paper = yield* pythonGet(`${instanceOf(document)}/rendered`, "application/pdf")
        assert.isTrue(paper.body.subarray(0, pdf.length).equals(pdf))
      }),
    )

    const dashes = "-------gc0p4Jq0M2Yt08jU534c0p"
    const javaHead = (type: string, framing: string, more = "") =>
      `POST /dicomweb/studies HTTP/1.1\r\nContent-Type: ${type}; boundary=${dashes}\r\n${more}charset: utf-8\r\nUser-Agent: Java/17.0.9\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n${framing}\r\n\r\n`
    it.effect("dcm4che stowrs of a file: XML comes back", () =>
      Effect.gen(function* () {
        const { url } = yield* Live
        const { bytes, SOPInstanceUID } = newCt()
        const body = Buffer.concat([
          Buffer.from(
            `\r\n--${dashes}\r\nContent-Disposition: inline; name="file[]"; filename="a.dcm"\r\nContent-Type: application/dicom \r\n\r\n`,
          ),
          bytes,
          Buffer.from(`\r\n--${dashes}--\r\n`),
        ])
        const head = javaHead(
          "multipart/related; type=application/dicom",
          `Content-Length: ${body.length}`,
          "Accept: application/dicom+xml\r\n",
        )
        const said = yield* raw(url, Buffer.concat([Buffer.from(head), body]))
        assert.match(said, /^HTTP\/1\.1 200 [\s\S]*content-type: application\/dicom\+xml\r\n/i)
        assert.include(said, `<Value number="1">${SOPInstanceUID}</Value>`)
        assert.include(said, "<NativeDicomModel")
      }),
    )
    it.effect("dcm4che stowrs of metadata in XML with its pixels, in chunks of 2048", () =>
      Effect.gen(function* () {
        const { url } = yield* Live
        const uid = "1.2.3.6.1"
        const attribute = (tag: string, vr: string, keyword: string, value: string) =>
          `<DicomAttribute keyword="${keyword}" tag="${tag}" vr="${vr}"><Value number="1">${value}</Value></DicomAttribute>`
        const numbers = [
          ["00280002", "SamplesPerPixel", 1],
          ["00280010", "Rows", 8],
          ["00280011", "Columns", 8],
          ["00280100", "BitsAllocated", 16],
          ["00280101", "BitsStored", 16],
          ["00280102", "HighBit", 15],
          ["00280103", "PixelRepresentation", 1],
        ] as const
        const xml = `<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel xml:space="preserve">${attribute("00020010", "UI", "TransferSyntaxUID", "1.2.840.10008.1.2.1")}${attribute("00080016", "UI", "SOPClassUID", ctClass)}${attribute("00080018", "UI", "SOPInstanceUID", `${uid}.1.1`)}${attribute("0020000D", "UI", "StudyInstanceUID", uid)}${attribute("0020000E", "UI", "SeriesInstanceUID", `${uid}.1`)}${attribute("00280004", "CS", "PhotometricInterpretation", "MONOCHROME2")}${numbers.map(([tag, keyword, value]) => attribute(tag, "US", keyword, String(value))).join("")}<DicomAttribute keyword="PixelData" tag="7FE00010" vr="OW"><BulkData uri="0123456789"/></DicomAttribute></NativeDicomModel>`
        const body = Buffer.concat([
          Buffer.from(
            `\r\n--${dashes}\r\nContent-Type: application/dicom+xml; transfer-syntax=1.2.840.10008.1.2.1 \r\n\r\n${xml}\r\n--${dashes}\r\nContent-Type: application/octet-stream \r\nContent-Location: 0123456789 \r\n\r\n`,
          ),
          ramp(64),
          Buffer.from(`\r\n--${dashes}--\r\n`),
        ])
        const chunks: Array<Buffer> = []
        for (let at = 0; at < body.length; at += 2048) {
          const piece = body.subarray(at, at + 2048)
          chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"))
        }
        const head = javaHead("multipart/related; type=application/dicom+xml", "Transfer-Encoding: chunked")
        const said = yield* raw(url, Buffer.concat([Buffer.from(head), ...chunks, Buffer.from("0\r\n\r\n")]))
        assert.match(said, /^HTTP\/1\.1 200 /, said.slice(0, 500))
        const frame = yield* ask(url, `/dicomweb/studies/${uid}/series/${uid}.1/instances/${uid}.1.1/frames/1`)
        assert.isTrue(frame.body.includes(ramp(64)))
      }),
    )
  },
)
