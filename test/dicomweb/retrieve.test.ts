// Retrieval over a live server from real files of several transfer syntaxes: which bytes, under which types and statuses.
import { assert, describe, layer as withLayer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { DicomJson } from "../../src/domain/instance.ts"
import { parsePart10, readPart10Bytes } from "../../src/dicom/part10.ts"
import { element, encapsulated, part10, sequence } from "../dicom/part10.fixture.ts"
import { dicomwebServer, get, partsOf, realFile, storeFiles } from "./dicomweb-server.fixture.ts"

const explicit = "1.2.840.10008.1.2.1"
const jpegLossless = "1.2.840.10008.1.2.4.57"
const dicom = "application/dicom"
const octets = "application/octet-stream"
const related = (type: string, syntax?: string) =>
  `multipart/related; type="${type}"${syntax === undefined ? "" : `; transfer-syntax=${syntax}`}`

const pixelsOf = (file: Buffer): Buffer => {
  const opened = parsePart10(file)
  return readPart10Bytes(opened, opened.pixelData!.offset, opened.pixelData!.length!)
}

class Server extends Context.Service<Server, string>()("test/Server") {}

const mapOf = async (link: string): Promise<DicomJson> => {
  const [map] = (await (await get(`${link}/metadata`)).json()) as ReadonlyArray<DicomJson>
  return map ?? {}
}
const uriOf = (map: DicomJson, tag: string): string => map[tag]?.BulkDataURI ?? "none"
const numberOf = (map: DicomJson, tag: string): number => Number(map[tag]?.Value?.[0])

let uids = 0
/** UIDs of a new study, series and instance, as the elements that a data set needs. */
const identity = (study = `1.2.9.${++uids}`, series = `${study}.1`, instance = `${series}.${++uids}`) => ({
  before: [element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"), element(0x00080018, "UI", instance)],
  after: [element(0x0020000d, "UI", study), element(0x0020000e, "UI", series)],
})

describe("retrieving", () => {
  withLayer(Layer.effect(Server, dicomwebServer), { timeout: "30 seconds", excludeTestServices: true })((it) => {
    const live = (name: string, use: (base: string) => Promise<void>) =>
      it.effect(name, () => Effect.flatMap(Server, (base) => Effect.promise(() => use(base))))

    live("the default is Explicit VR Little Endian, * is byte for byte", async (base) => {
      const file = realFile("volume/brain_001.dcm")
      const [link = ""] = await storeFiles(base, [file])
      const [part] = await partsOf(await get(link))
      assert.strictEqual(part?.headers.get("content-type"), `${dicom}; transfer-syntax=${explicit}`)
      assert.strictEqual(part?.headers.get("content-location"), link)
      assert.strictEqual(parsePart10(part!.bytes).TransferSyntaxUID, explicit)
      assert.isTrue(pixelsOf(part!.bytes).equals(pixelsOf(file)))
      const [stored] = await partsOf(await get(link, related(dicom, "*")))
      assert.isTrue(stored?.bytes.equals(file))
      const single = await get(link, `${dicom}; transfer-syntax=*`)
      assert.strictEqual(single.headers.get("content-length"), String(file.length))
      assert.isTrue(Buffer.from(await single.arrayBuffer()).equals(file))
      const asked = await get(link, dicom)
      assert.strictEqual(asked.headers.get("content-type"), `${dicom}; transfer-syntax=${explicit}`)
      assert.strictEqual(asked.headers.get("content-length"), String((await asked.arrayBuffer()).byteLength))
    })

    live("every encoding comes as the same Explicit VR Little Endian", async (base) => {
      for (const name of ["explicit_big.dcm", "deflated.dcm", "rle.dcm", "jpeg_lossless_sel1.dcm", "jpeg_ls.dcm"]) {
        const [link = ""] = await storeFiles(base, [realFile(name)])
        const response = await get(link, `${dicom}; transfer-syntax=${explicit}`)
        assert.strictEqual(response.status, 200, name)
        const opened = parsePart10(Buffer.from(await response.arrayBuffer()))
        assert.strictEqual(opened.TransferSyntaxUID, explicit)
        assert.isFalse(opened.pixelData?.encapsulated, name)
        const [raw] = await partsOf(await get(`${link}/frames/1`, related(octets)))
        const frame = readPart10Bytes(opened, opened.pixelData!.offset, raw!.bytes.length)
        assert.isTrue(frame.equals(raw!.bytes), name)
        // A read-back header is sound: all that was read of the stored one is there.
        const metadata = (await (await get(`${link}/metadata`)).json()) as ReadonlyArray<Record<string, unknown>>
        assert.isDefined(metadata[0]?.["7FE00010"])
      }
    })

    live("what is only lossy stays as it is, unless Explicit VR Little Endian is named", async (base) => {
      const file = realFile("jpeg_baseline_8bit.dcm")
      const [link = ""] = await storeFiles(base, [file])
      const [part] = await partsOf(await get(link))
      assert.isTrue(part?.bytes.equals(file))
      assert.strictEqual(part?.headers.get("content-type"), `${dicom}; transfer-syntax=1.2.840.10008.1.2.4.50`)
      const decoded = await get(link, `${dicom};transfer-syntax="${explicit}"`)
      assert.strictEqual(decoded.status, 200)
      const opened = parsePart10(Buffer.from(await decoded.arrayBuffer()))
      assert.strictEqual(opened.pixelData!.length, opened.fileBytes - opened.pixelData!.offset)
    })

    live("several ranges by their quality; 206 when some are not to be had, 406 when none", async (base) => {
      const study = `1.2.9.${++uids}`
      const small = (syntax: string, pixels: Buffer) => {
        const { before, after } = identity(study)
        return part10(Buffer.concat([...before, ...after, pixels]), syntax)
      }
      const native = small(explicit, element(0x7fe00010, "OW", Buffer.alloc(2)))
      const video = small("1.2.840.10008.1.2.4.102", encapsulated([[Buffer.alloc(10)]], false))
      const [link = ""] = await storeFiles(base, [native, video])
      const address = link.replace(/\/series.*/, "")
      const both = await get(address)
      assert.deepStrictEqual(
        (await partsOf(both)).map(({ bytes }) => bytes.length),
        [native.length, video.length],
      )
      const some = await get(address, related(dicom, explicit))
      assert.strictEqual(some.status, 206)
      assert.strictEqual((await partsOf(some)).length, 1)
      const none = await get(address, related(dicom, jpegLossless))
      assert.strictEqual(none.status, 406)
      assert.match(await none.text(), /^{"error":"[^"].*"}$/)
      const either = await get(address, `${related(dicom, jpegLossless)}, ${related(dicom, "*")};q=0.1, text/html`)
      assert.strictEqual(either.status, 200)
      assert.strictEqual((await get(address, dicom)).status, 406)
      assert.strictEqual((await get(address, `text/html, ${related(dicom)};q=0`)).status, 406)
      assert.strictEqual(
        (await get(`${address}?accept=${encodeURIComponent(related(dicom, explicit))}`, "text/html")).status,
        206,
      )
    })

    live("frames: raw little endian by default, as stored when asked, in the asked order", async (base) => {
      const file = realFile("jpeg_lossless_sel1.dcm")
      const [link = ""] = await storeFiles(base, [file])
      const raw = await get(`${link}/frames/1,1`, related("*/*"))
      assert.match(
        raw.headers.get("content-type") ?? "",
        /^multipart\/related; type="application\/octet-stream"; boundary=/,
      )
      const parts = await partsOf(raw)
      assert.deepStrictEqual(
        parts.map(({ headers }) => headers.get("content-type")),
        [octets, octets],
      )
      const stored = await get(
        `${link}/frames/1`,
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
      )
      const [part] = await partsOf(stored)
      assert.match(
        part?.headers.get("content-type") ?? "",
        /^application\/octet-stream; transfer-syntax=1\.2\.840\.10008\.1\.2\.4\.[57]/,
      )
      assert.strictEqual(part?.bytes.readUInt16BE(0), 0xffd8)
      const [picture] = await partsOf(await get(`${link}/frames/1`, related("image/jpeg")))
      assert.match(picture?.headers.get("content-type") ?? "", /^image\/jpeg; transfer-syntax=/)
      assert.isTrue(picture?.bytes.equals(part!.bytes))
      assert.strictEqual((await get(`${link}/frames/1`, related("image/jls"))).status, 406)
      const single = await get(`${link}/frames/1`, octets)
      assert.isTrue(Buffer.from(await single.arrayBuffer()).equals(parts[0]!.bytes))
      for (const [list, status] of [
        ["0", 400],
        ["-1", 400],
        ["x", 400],
        ["1,,2", 400],
        ["2", 404],
        ["1,999999999", 404],
        ["1".repeat(40), 400],
      ] as const)
        assert.strictEqual((await get(`${link}/frames/${list}`)).status, status, list)
      assert.strictEqual((await get(`${link}/frames/${Array.from({ length: 1001 }, () => 1).join()}`)).status, 400)
    })

    live("bulk data of a frame that cannot be decoded is refused, not begun", async (base) => {
      const { before, after } = identity()
      const pixels = encapsulated([[Buffer.alloc(60, 0xff)]], true)
      const shape = [element(0x00280002, "US", 1), element(0x00280004, "CS", "MONOCHROME2")]
      const size = [0x00280010, 0x00280011].map((tag) => element(tag, "US", 8))
      const bits = [0x00280100, 0x00280101].map((tag) => element(tag, "US", 8))
      const dataset = Buffer.concat([...before, ...after, ...shape, ...size, ...bits, pixels])
      const [link = ""] = await storeFiles(base, [part10(dataset, "1.2.840.10008.1.2.4.90")])
      for (const more of ["/bulkdata", "/pixeldata", "/bulkdata/7FE00010"]) {
        assert.strictEqual((await get(`${link}${more}`, "*/*")).status, 406, more)
      }
      const stored = await partsOf(await get(`${link}/pixeldata`, related(octets, "*")))
      assert.strictEqual(stored.length, 1)
    })

    live("bulk data resolves from the metadata, wherever it lies; ranges, tags and heads of it", async (base) => {
      const { before, after } = identity()
      const big = Buffer.from(Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff))
      const pixels = Buffer.from("0102030405060708", "hex")
      const file = part10(
        Buffer.concat([
          ...before,
          element(0x00091001, "OB", big),
          ...after,
          sequence(0x54000100, [element(0x54001010, "OW", big.subarray(0, 3000))]),
          element(0x7fe00010, "OW", pixels),
        ]),
      )
      const [link = ""] = await storeFiles(base, [file])
      const map = await mapOf(link)
      const nested = uriOf(map["54000100"]?.Value?.[0] as DicomJson, "54001010")
      assert.strictEqual(uriOf(map, "00091001"), `${link}/bulkdata/00091001`)
      const [part] = await partsOf(await get(nested, related(octets)))
      assert.isTrue(part?.bytes.equals(big.subarray(0, 3000)))
      assert.strictEqual(part?.headers.get("content-location"), nested)
      const whole = await get(uriOf(map, "00091001"))
      assert.strictEqual(whole.headers.get("content-type"), octets)
      assert.strictEqual(whole.headers.get("accept-ranges"), "bytes")
      assert.isTrue(Buffer.from(await whole.arrayBuffer()).equals(big))
      const ranged = async (range: string) => {
        const response = await get(uriOf(map, "00091001"), octets, { range })
        return [response.status, response.headers.get("content-range"), (await response.arrayBuffer()).byteLength]
      }
      assert.deepStrictEqual(await ranged("bytes=10-19"), [206, "bytes 10-19/5000", 10])
      assert.deepStrictEqual(await ranged("bytes=4990-"), [206, "bytes 4990-4999/5000", 10])
      assert.deepStrictEqual(await ranged("bytes=-5"), [206, "bytes 4995-4999/5000", 5])
      assert.deepStrictEqual((await ranged("bytes=5000-")).slice(0, 2), [416, "bytes */5000"])
      assert.deepStrictEqual(await ranged("bytes=0-1,5-6"), [200, null, 5000])
      const etag = whole.headers.get("etag") ?? ""
      assert.strictEqual((await get(uriOf(map, "00091001"), undefined, { "if-none-match": etag })).status, 304)
      for (const [path, status] of [
        ["00091002", 404],
        ["54000100.2.54001010", 404],
        ["x", 400],
        ["7FE00010", 200],
      ] as const)
        assert.strictEqual((await get(`${link}/bulkdata/${path}`)).status, status, path)
      assert.strictEqual((await partsOf(await get(`${link}/bulkdata`))).length, 3)
      const [only] = await partsOf(await get(`${link.replace(/\/instances.*/, "")}/pixeldata`))
      assert.isTrue(only?.bytes.equals(pixels))
      assert.strictEqual(only?.headers.get("content-location"), `${link}/bulkdata/7FE00010`)
    })

    live("values of big endian objects go out little endian, also in parts", async (base) => {
      const file = realFile("explicit_big.dcm")
      const [link = ""] = await storeFiles(base, [file])
      const whole = Buffer.from(await (await get(`${link}/bulkdata/7FE00010`)).arrayBuffer())
      const [frame] = await partsOf(await get(`${link}/frames/1`))
      assert.isTrue(whole.equals(frame!.bytes))
      const odd = await get(`${link}/bulkdata/7FE00010`, octets, { range: "bytes=1001-1004" })
      assert.isTrue(Buffer.from(await odd.arrayBuffer()).equals(whole.subarray(1001, 1005)))
    })

    live("compressed pixel data is one value uncompressed, or a part a frame as stored", async (base) => {
      const [link = ""] = await storeFiles(base, [realFile("jpeg_baseline_8bit.dcm")])
      const map = await mapOf(link)
      const frames = numberOf(map, "00280008")
      const stored = await partsOf(await get(uriOf(map, "7FE00010"), related("image/jpeg")))
      assert.strictEqual(stored.length, frames)
      const one = await get(uriOf(map, "7FE00010"), octets, { range: "bytes=100-199" })
      assert.strictEqual(one.status, 206)
      assert.strictEqual((await one.arrayBuffer()).byteLength, 100)
      const size = numberOf(map, "00280010") * numberOf(map, "00280011")
      assert.match(one.headers.get("content-range") ?? "", new RegExp(`/${size * frames}$`))
    })

    live("metadata has a tag that changes when instances come and go", async (base) => {
      const study = `1.2.9.${++uids}`
      const one = () => {
        const { before, after } = identity(study)
        return part10(Buffer.concat([...before, ...after]))
      }
      const [link = ""] = await storeFiles(base, [one()])
      const address = `${link.replace(/\/series.*/, "")}/metadata`
      const first = await get(address)
      const etag = first.headers.get("etag") ?? ""
      assert.match(etag, /^W\/"[^"]+"$/)
      assert.strictEqual((await get(address, undefined, { "if-none-match": `"x", ${etag}` })).status, 304)
      assert.notStrictEqual(
        (await get(address, 'multipart/related; type="application/dicom+xml"')).headers.get("etag"),
        etag,
      )
      const [second = ""] = await storeFiles(base, [one()])
      const changed = await get(address, undefined, { "if-none-match": etag })
      assert.strictEqual(changed.status, 200)
      assert.strictEqual(((await changed.json()) as ReadonlyArray<unknown>).length, 2)
      assert.strictEqual((await fetch(second, { method: "DELETE" })).status, 204)
      assert.strictEqual((await get(second)).status, 404)
      assert.strictEqual((await fetch(second, { method: "DELETE" })).status, 404)
      assert.strictEqual((await get(address)).status, 200)
    })

    live("damaged pixels: as stored by default, 406 where another syntax is named, the frames 406", async (base) => {
      const { before, after } = identity()
      const shape = [
        element(0x00280002, "US", 1),
        element(0x00280004, "CS", "MONOCHROME2"),
        element(0x00280010, "US", 8),
        element(0x00280011, "US", 8),
        element(0x00280100, "US", 8),
        element(0x00280101, "US", 8),
      ]
      const pixels = encapsulated([[Buffer.from("ffd8ffc3000b080008000801011100", "hex")]], false)
      const file = part10(Buffer.concat([...before, ...after, ...shape, pixels]), "1.2.840.10008.1.2.4.70")
      const [link = ""] = await storeFiles(base, [file])
      const [part] = await partsOf(await get(link))
      assert.isTrue(part?.bytes.equals(file))
      assert.strictEqual((await get(link, related(dicom, explicit))).status, 406)
      for (const address of [`${link}/frames/1`, `${link}/rendered`])
        assert.match(await (await get(address)).text(), /^{"error":/, address)
    })

    live("metadata is whole where the ledger holds only a part", async (base) => {
      const { before, after } = identity()
      // Sixteen long texts leave room for some elements of the ledger's four megabytes, and then come more.
      const texts = Array.from({ length: 16 }, (_, i) =>
        element(0x00291001 + i, "UT", "a".repeat(i < 15 ? 262_144 : 261_600)),
      )
      const more = Array.from({ length: 64 }, (_, i) => element(0x00311001 + i, "US", i))
      const [link = ""] = await storeFiles(base, [part10(Buffer.concat([...before, ...after, ...texts, ...more]))])
      const map = await mapOf(link)
      assert.strictEqual(numberOf(map, "00311040"), 63)
    })

    live("an address whose levels do not belong together holds nothing", async (base) => {
      const files = [identity(), identity()].map(({ before, after }) => part10(Buffer.concat([...before, ...after])))
      const [a = "", b = ""] = await storeFiles(base, files)
      const mixed = a.replace(/\/series.*/, "") + b.replace(/.*(\/series)/, "$1")
      for (const address of [
        mixed,
        `${mixed}/metadata`,
        `${mixed}/frames/1`,
        `${mixed}/bulkdata`,
        `${mixed}/rendered`,
        `${mixed}/thumbnail`,
      ])
        assert.strictEqual((await get(address)).status, 404, address)
      assert.strictEqual((await fetch(mixed, { method: "DELETE" })).status, 404)
      assert.strictEqual((await get(b, related(dicom, "*"))).status, 200)
    })
  })
})
