// Store requests of metadata with bulk data (PS3.18 §10.5.1): what lies on the disk afterwards is the object that was meant.
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { attributesOf } from "../../src/dicom/json.ts"
import { nativeXml } from "../../src/dicom/native-xml.ts"
import { openPart10, parsePart10, readPart10Bytes } from "../../src/dicom/part10.ts"
import type { DicomJson } from "../../src/domain/instance.ts"
import { SOPInstanceUID } from "../../src/domain/uid.ts"
import { boundary, post, type Reply, singles, startStow, type Stow, volume } from "./stow-server.fixture.ts"

const json = "application/dicom+json"
const xml = "application/dicom+xml"

interface Piece {
  readonly headers: string
  readonly body: Uint8Array | string
}
const body = (pieces: ReadonlyArray<Piece>) =>
  Buffer.concat([
    ...pieces.flatMap(({ headers, body }) => [
      Buffer.from(`\r\n--${boundary}\r\n${headers}\r\n\r\n`),
      typeof body === "string" ? Buffer.from(body) : body,
    ]),
    Buffer.from(`\r\n--${boundary}--`),
  ])
const metadata = (maps: DicomJson | ReadonlyArray<DicomJson>): Piece => ({
  headers: `Content-Type: ${json}`,
  body: JSON.stringify(maps),
})
const bulk = (location: string, bytes: Uint8Array, type = "application/octet-stream"): Piece => ({
  headers: `Content-Type: ${type}\r\nContent-Location: ${location}`,
  body: bytes,
})
const send = (stow: Stow, pieces: ReadonlyArray<Piece>, type = json) =>
  post(stow, body(pieces), { headers: { "content-type": `multipart/related; type="${type}"; boundary=${boundary}` } })

const ui = (uid: string) => ({ vr: "UI", Value: [uid] })
let next = 0
/** The object under a new UID, its pixels by reference. */
const described = (file: Buffer, uri = "pixels") => {
  const part10 = parsePart10(file)
  const { pixelData } = part10
  const uid = `1.2.3.4.${++next}`
  // Other long values have references too; they are not sent along.
  const held = Object.entries(attributesOf(part10)).filter(([, { BulkDataURI }]) => BulkDataURI === undefined)
  const map: DicomJson = {
    ...Object.fromEntries(held),
    "00080018": ui(uid),
    "7FE00010": { vr: "OW", BulkDataURI: uri },
  }
  const { offset, length } = pixelData!
  return { uid, map, part10, pixels: length === undefined ? undefined : readPart10Bytes(part10, offset, length) }
}
const opened = Effect.fnUntraced(function* (stow: Stow, uid: string) {
  const row = Option.getOrThrow(yield* stow.ledger.instance(SOPInstanceUID.make(uid)))
  const part10 = openPart10(stow.blobs.path(row.digest))
  const { offset, length } = part10.pixelData!
  return {
    row,
    part10,
    attributes: attributesOf(part10),
    pixels: length === undefined ? undefined : readPart10Bytes(part10, offset, length),
  }
})
const reasons = ({ failed }: Reply) => failed.map((item) => item["00081197"]?.Value?.[0])

/** Fragments of encapsulated pixel data, without the offset table. */
const items = (file: Buffer, offset: number): ReadonlyArray<Buffer> => {
  const found: Array<Buffer> = []
  for (let at = offset; file.readUInt16LE(at + 2) === 0xe000;) {
    const length = file.readUInt32LE(at + 4)
    found.push(file.subarray(at + 8, at + 8 + length))
    at += 8 + length
  }
  return found.slice(1)
}
const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex")

const minimal = (uid: string): Record<string, DicomJson[string]> => ({
  "00080016": ui("1.2.840.10008.5.1.4.1.1.66"),
  "00080018": ui(uid),
  "0020000D": ui("1.2.3"),
  "0020000E": ui("1.2.3.9"),
})

describe("metadata with bulk data", () => {
  it.live("a real study goes out as JSON and comes back as the same objects under new UIDs", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const sent = volume.slice(0, 5).map((file, n) => described(file, `http://elsewhere.example/bulk/${n}`))
      const reply = yield* send(stow, [
        metadata(sent.map(({ map }) => map)),
        ...sent.map(({ pixels }, n) => bulk(`http://elsewhere.example/bulk/${n}`, pixels!)),
      ])
      assert.deepStrictEqual([reply.status, reply.stored.length], [200, 5])
      for (const { uid, map, pixels } of sent) {
        const kept = yield* opened(stow, uid)
        assert.isTrue(kept.pixels!.equals(pixels!))
        assert.strictEqual(kept.row.TransferSyntaxUID, "1.2.840.10008.1.2.1")
        const { "7FE00010": _, ...expected } = map
        const { "7FE00010": __, "00080005": ___, ...found } = kept.attributes
        const { "00080005": ____, ...asked } = expected
        assert.deepStrictEqual(found, asked)
      }
      assert.deepStrictEqual(stow.drafts(), [])
    }),
  )

  it.live("and as XML, one document an instance", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const sent = volume.slice(0, 3).map((file, n) => described(file, `/bulk/${n}`))
      const reply = yield* send(
        stow,
        [
          ...sent.map(({ map }) => ({ headers: `Content-Type: ${xml}`, body: nativeXml(map) })),
          ...sent.map(({ pixels }, n) => bulk(`${stow.base.replace("/dicomweb", "")}/bulk/${n}`, pixels!)),
        ],
        xml,
      )
      assert.deepStrictEqual([reply.status, reply.stored.length], [200, 3])
      for (const { uid, map, pixels } of sent) {
        const kept = yield* opened(stow, uid)
        assert.isTrue(kept.pixels!.equals(pixels!))
        for (const tag of ["00100010", "00200032", "00280030", "00080060", "00280010"]) {
          assert.deepStrictEqual(kept.attributes[tag], map[tag], tag)
        }
      }
    }),
  )

  it.live("compressed frames: a part each, with the syntax named or told by its type", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const types: Readonly<Record<string, string>> = {
        "1.2.840.10008.1.2.4.50": "image/jpeg",
        "1.2.840.10008.1.2.4.70": "image/jpeg",
        "1.2.840.10008.1.2.4.81": 'image/jls; transfer-syntax="1.2.840.10008.1.2.4.81"',
        "1.2.840.10008.1.2.5": "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5",
      }
      const seen = new Set<string>()
      for (const file of singles) {
        const { uid, map, part10, pixels } = described(file, "cid:pixels%40here")
        const type = types[part10.TransferSyntaxUID]
        if (pixels !== undefined || type === undefined) continue
        seen.add(part10.TransferSyntaxUID)
        const fragments = items(file, part10.pixelData!.offset)
        // A single frame may lie in several fragments.
        const frames = part10.dataset.string("x00280008") === undefined ? [Buffer.concat(fragments)] : fragments
        const headers = `Content-Type: ${type}\r\nContent-ID: <pixels@here>`
        const reply = yield* send(stow, [metadata([map]), ...frames.map((body) => ({ headers, body }))])
        assert.deepStrictEqual([reply.status, reply.stored.length], [200, 1])
        const kept = yield* opened(stow, uid)
        assert.strictEqual(kept.row.TransferSyntaxUID, part10.TransferSyntaxUID)
        assert.strictEqual(kept.part10.pixelData?.encapsulated, true)
        const bytes = readFileSync(stow.blobs.path(kept.row.digest))
        assert.deepStrictEqual(items(bytes, kept.part10.pixelData!.offset).map(digest), frames.map(digest))
      }
      assert.deepStrictEqual([...seen].sort(), Object.keys(types))
    }),
  )

  it.live("one object, values inline, in sequences and in UTF-8, without bulk data or multipart", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const map: DicomJson = {
        ...minimal("1.2.3.77"),
        "00080005": { vr: "CS", Value: ["ISO_IR 100"] },
        "00100010": { vr: "PN", Value: [{ Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎" }] },
        "00080104": { vr: "LO", Value: ["Straße", "β"] },
        "00081140": { vr: "SQ", Value: [{ "00081155": ui("1.2.3.5") }, {}] },
        "00280106": { vr: "SS", Value: [-5] },
        "00280030": { vr: "DS", Value: [0.1, 1 / 3] },
        "00186028": { vr: "FD", Value: [1.5, "NaN"] },
        "00090010": { vr: "LO", Value: ["MAKER"] },
        "00091001": { vr: "OB", InlineBinary: "AQIDBA==" },
        "00200020": { vr: "CS" },
      }
      const text = JSON.stringify(map)
      const reply = yield* post(stow, Buffer.from(text), { headers: { "content-type": json } })
      assert.deepStrictEqual([reply.status, reply.stored.length], [200, 1])
      const row = Option.getOrThrow(yield* stow.ledger.instance(SOPInstanceUID.make("1.2.3.77")))
      const { "00080005": set, "00280030": spacing, ...rest } = row.attributes
      const { "00080005": _, "00280030": __, ...expected } = map
      assert.deepStrictEqual(set?.Value, ["ISO_IR 192"])
      assert.deepStrictEqual(spacing?.Value, [0.1, 0.33333333333333])
      assert.deepStrictEqual(rest, expected)
      const again = yield* post(stow, Buffer.from(text), { headers: { "content-type": json } })
      assert.deepStrictEqual([again.status, (yield* stow.ledger.totals).instances], [200, 1])
      const asXml = nativeXml({ ...map, "00080018": ui("1.2.3.78") })
      const other = yield* post(stow, Buffer.from(asXml), { headers: { "content-type": xml } })
      assert.strictEqual(other.status, 200)
      const copy = Option.getOrThrow(yield* stow.ledger.instance(SOPInstanceUID.make("1.2.3.78")))
      assert.deepStrictEqual(copy.attributes, { ...row.attributes, "00080018": ui("1.2.3.78") })
    }),
  )

  it.live("an instance that cannot be put together is refused by itself", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const whole = described(volume[0]!, "a")
      const missing = described(volume[1]!, "file:///etc/passwd")
      const short = described(volume[2]!, "c")
      const wrong = (attribute: object): DicomJson => ({ ...minimal(`1.2.9.${++next}`), ...attribute })
      const bad = [
        wrong({ "00280010": { vr: "US", Value: [70_000] } }),
        wrong({ "00280010": { vr: "US", Value: ["x"] } }),
        wrong({ "00280010": { Value: [1] } }),
        wrong({ "00280010": { vr: "XX", Value: [1] } }),
        wrong({ "00091001": { vr: "OB", InlineBinary: "***" } }),
        wrong({ "00100020": { vr: "LO", Value: ["a\\b"] } }),
        wrong({ "00080060": { vr: "CS", Value: [{}] } }),
        wrong({ PatientID: { vr: "LO", Value: ["x"] } }),
        wrong({ "00081140": { vr: "SQ", Value: ["x"] } }),
      ]
      const reply = yield* send(stow, [
        metadata([whole.map, missing.map, short.map, ...bad]),
        bulk("a", whole.pixels!),
        bulk("c", short.pixels!.subarray(2)),
        bulk("unasked", Buffer.alloc(3)),
      ])
      assert.deepStrictEqual([reply.status, reply.stored.length, reply.unknown.length], [202, 1, 0])
      assert.deepStrictEqual(reasons(reply), [0xc000, 0xa900, ...bad.map(() => 0xc000)])
      const { map } = described(volume[3]!, "d")
      const foreign = yield* send(stow, [metadata(map), bulk("d", Buffer.alloc(9), "image/gif")])
      assert.deepStrictEqual([foreign.status, reasons(foreign)], [409, [0xc122]])
      const { "00080018": _, ...nameless } = minimal("")
      const unknown = yield* send(stow, [metadata(nameless)])
      assert.deepStrictEqual([unknown.status, unknown.unknown.length], [409, 1])
      assert.strictEqual((yield* stow.ledger.totals).instances, 1)
      assert.deepStrictEqual(stow.drafts(), [])
    }),
  )

  it.live("metadata that is none is 400, before it costs anything", () =>
    Effect.gen(function* () {
      const stow = yield* startStow()
      const deep = `${'[{"00081140":{"vr":"SQ","Value":'.repeat(10_000)}[]${"}}]".repeat(10_000)}`
      const texts = [
        "",
        "{",
        "[]",
        "null",
        "[1]",
        "[{}]",
        deep,
        "[".repeat(1_000_000),
        '[{"00080018":{"vr":"UI"},"00080018":{"vr":"UI"}}]',
      ]
      for (const text of texts) {
        const reply = yield* send(stow, [{ headers: `Content-Type: ${json}`, body: text }])
        assert.strictEqual(reply.status, 400, text.slice(0, 40))
        assert.isString(reply.json["error"])
      }
      const root = (inner: string) => `<NativeDicomModel>${inner}</NativeDicomModel>`
      const laughs = `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>${root("&b;")}`
      const nested = '<DicomAttribute tag="00081140" vr="SQ"><Item number="1">'
      const documents = [
        "",
        "<x/>",
        root("text"),
        root("<Item/>"),
        root('<DicomAttribute tag="x" vr="LO"/>'),
        root('<DicomAttribute tag="00100010" vr="LO"><Value number="1000000">x</Value></DicomAttribute>'),
        root(""),
        laughs,
        root("&unknown;"),
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        `<NativeDicomModel>${nested.repeat(10_000)}`,
        root('<DicomAttribute tag="00100020" vr="LO"/>').slice(0, -3),
      ]
      for (const text of documents) {
        const reply = yield* send(stow, [{ headers: `Content-Type: ${xml}`, body: text }], xml)
        // An empty model is well-formed; only nobody knows what it describes.
        assert.strictEqual(reply.status, text === root("") ? 409 : 400, text.slice(0, 60))
      }
      const flood = Buffer.alloc(17 * 2 ** 20, " ")
      assert.strictEqual((yield* send(stow, [{ headers: `Content-Type: ${json}`, body: flood }])).status, 413)
      assert.deepStrictEqual([stow.drafts(), (yield* stow.ledger.totals).instances], [[], 0])
    }),
  )
})
