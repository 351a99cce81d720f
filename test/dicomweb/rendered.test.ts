// Rendered pictures over a live server: sizes, windows, flips, frames, levels, and everything that is refused.
import { assert, describe, layer as withLayer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { decode as decodePng } from "fast-png"
import { element, part10 } from "../dicom/part10.fixture.ts"
import { ctVolume, identity } from "../support/volumes.ts"
import { dicomwebServer, get, partsOf, realFile, storeFiles } from "./dicomweb-server.fixture.ts"

class Server extends Context.Service<Server, string>()("test/Server") {}

let uids = 0
const described = (SOPClassUID: string, ...elements: ReadonlyArray<Buffer>) =>
  part10(
    Buffer.concat([
      element(0x00080016, "UI", SOPClassUID),
      element(0x00080018, "UI", `1.2.8.${++uids}.1.1`),
      element(0x0020000d, "UI", `1.2.8.${uids}`),
      element(0x0020000e, "UI", `1.2.8.${uids}.1`),
      ...elements,
    ]),
  )

/** 4 × 2 pixels: 0, 10, 20 … 70. */
const ramp = (...more: ReadonlyArray<Buffer>) =>
  described(
    "1.2.840.10008.5.1.4.1.1.7",
    element(0x00280002, "US", 1),
    element(0x00280004, "CS", "MONOCHROME2"),
    element(0x00280010, "US", 2),
    element(0x00280011, "US", 4),
    element(0x00280100, "US", 8),
    element(0x00280101, "US", 8),
    element(0x00280102, "US", 7),
    element(0x00280103, "US", 0),
    ...more,
    element(0x7fe00010, "OB", Buffer.from([0, 10, 20, 30, 40, 50, 60, 70])),
  )

const png = async (url: string) => {
  const response = await get(url, "image/png")
  assert.strictEqual(response.status, 200, url)
  return decodePng(new Uint8Array(await response.arrayBuffer()))
}
const sizeOfJpeg = (bytes: Buffer): readonly [number, number] => {
  const at = bytes.indexOf(Buffer.from([0xff, 0xc0]))
  return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)]
}

describe("rendered pictures", () => {
  withLayer(Layer.effect(Server, dicomwebServer), { timeout: "30 seconds", excludeTestServices: true })((it) => {
    const live = (name: string, use: (base: string) => Promise<void>) =>
      it.effect(name, () => Effect.flatMap(Server, (base) => Effect.promise(() => use(base))))

    live("JPEG unless PNG is liked better; sizes fit the viewport with the aspect kept", async (base) => {
      const [link = ""] = await storeFiles(base, [realFile("volume/brain_001.dcm")])
      const plain = await get(`${link}/rendered`)
      assert.strictEqual(plain.headers.get("content-type"), "image/jpeg")
      assert.deepStrictEqual(sizeOfJpeg(Buffer.from(await plain.arrayBuffer())), [256, 256])
      const browser = "image/avif,image/webp,image/png;q=0.9,image/*;q=0.8,*/*;q=0.5"
      assert.strictEqual((await get(`${link}/rendered`, browser)).headers.get("content-type"), "image/png")
      const fitted = await png(`${link}/rendered?viewport=100,60`)
      assert.deepStrictEqual([fitted.width, fitted.height], [60, 60])
      const part = await png(`${link}/rendered?viewport=100,100,10,20,128,64`)
      assert.deepStrictEqual([part.width, part.height], [100, 50])
      const small = await get(`${link}/thumbnail?viewport=32,32`)
      assert.deepStrictEqual(sizeOfJpeg(Buffer.from(await small.arrayBuffer())), [32, 32])
    })

    live("windows by all three functions, tables of the object, flips", async (base) => {
      const [link = ""] = await storeFiles(base, [ramp()])
      const row = async (query: string, address = link) => [
        ...(await png(`${address}/rendered?${query}`)).data.subarray(0, 4),
      ]
      assert.deepStrictEqual(await row("window=35.5,71,linear"), [0, 36, 73, 109])
      assert.deepStrictEqual(await row("window=35,70,linear-exact"), [0, 36, 73, 109])
      assert.deepStrictEqual(await row("window=30,40,sigmoid"), [12, 30, 69, 128])
      assert.deepStrictEqual(await row("window=35,70,LINEAR-EXACT&viewport=4,2,0,0,-4,2"), [109, 73, 36, 0])
      assert.deepStrictEqual(await row("window=35,70,linear-exact&viewport=4,2,,,4,-2"), [146, 182, 219, 255])
      const sequence = Buffer.concat([
        element(0x00283002, "US", [4, 10, 8]),
        element(0x00283006, "US", [0, 100, 200, 255]),
      ])
      const item = Buffer.alloc(8)
      item.writeUInt32BE(0xfeff00e0)
      item.writeUInt32LE(sequence.length, 4)
      const [tabled = ""] = await storeFiles(base, [ramp(element(0x00283010, "SQ", Buffer.concat([item, sequence])))])
      assert.deepStrictEqual(await row("", tabled), [0, 0, 255, 255])
      assert.deepStrictEqual(await row("window=35,70,linear-exact", tabled), [0, 36, 73, 109])
    })

    live("frames by number, several in parts, a series by its middle", async (base) => {
      const [link = ""] = await storeFiles(base, [realFile("jpeg_baseline_8bit.dcm")])
      const one = Buffer.from(await (await get(`${link}/frames/1/rendered`)).arrayBuffer())
      const nine = Buffer.from(await (await get(`${link}/frames/9/rendered`)).arrayBuffer())
      assert.isFalse(one.equals(nine))
      const related = 'multipart/related; type="image/jpeg"'
      const parts = await partsOf(await get(`${link}/frames/9,1/rendered`, related))
      assert.isTrue(parts[0]?.bytes.equals(nine) && parts[1]?.bytes.equals(one))
      assert.strictEqual((await get(`${link}/frames/9,1/rendered`, "image/jpeg")).status, 406)
      assert.strictEqual((await get(`${link}/frames/97/rendered`)).status, 404)
      assert.strictEqual((await get(`${link}/frames/0/rendered`)).status, 400)
      const links = await storeFiles(base, ctVolume(identity("rendered"), 3))
      const series = links[0]!.replace(/\/instances.*/, "")
      const middle = await (await get(`${links[1]}/rendered`, "image/png")).arrayBuffer()
      const shown = await (await get(`${series}/rendered`, "image/png")).arrayBuffer()
      assert.isTrue(Buffer.from(shown).equals(Buffer.from(middle)))
      assert.strictEqual((await partsOf(await get(`${series.replace(/\/series.*/, "")}/rendered`, related))).length, 3)
      for (const address of [series, series.replace(/\/series.*/, ""), links[0], `${links[0]}/frames/1`])
        assert.strictEqual((await get(`${address}/thumbnail`)).headers.get("content-type"), "image/jpeg")
    })

    live("refuses with a sentence what it cannot do", async (base) => {
      const [link = "", text = "", paper = ""] = await storeFiles(base, [
        ramp(),
        described("1.2.840.10008.5.1.4.1.1.88.11", element(0x00080060, "CS", "SR")),
        described(
          "1.2.840.10008.5.1.4.1.1.104.1",
          element(0x00420011, "OB", Buffer.from("%PDF-1.4 \n")),
          element(0x00420012, "LO", "application/pdf"),
        ),
      ])
      const bad = [
        "window=1",
        "window=a,b,linear",
        "window=1,0,linear",
        "window=1,2,cubic",
        "window=,2,linear",
        "viewport=0,0",
        "viewport=9000,10",
        "viewport=10",
        "viewport=10,10,9,9,1,1",
        "viewport=10,10,0,0,0,1",
        "quality=0",
        "quality=101",
        "quality=",
        "annotation=patient",
        "iccprofile=mine",
      ]
      for (const query of bad) {
        const response = await get(`${link}/rendered?${query}`)
        assert.strictEqual(response.status, 400, query)
        assert.include(await response.text(), query.split("=")[0]!)
      }
      const profile = await get(`${link}/rendered?iccprofile=srgb`)
      assert.strictEqual(profile.status, 200)
      assert.match(profile.headers.get("warning") ?? "", /^299 /)
      for (const type of ["image/gif", "video/mp4", "text/html", "image/jpeg;q=0"])
        assert.strictEqual((await get(`${link}/rendered`, type)).status, 406, type)
      assert.strictEqual((await get(`${text}/rendered`)).status, 406)
      assert.strictEqual((await get(`${text}/thumbnail`)).status, 406)
      const pdf = await get(`${paper}/rendered`)
      assert.strictEqual(pdf.headers.get("content-type"), "application/pdf")
      assert.match(await pdf.text(), /^%PDF/)
      assert.strictEqual((await get(`${paper}/rendered`, "image/jpeg")).status, 406)
    })
  })
})
