// Rendered resources and thumbnails (PS3.18 §8.3.5, §10.4.1.1.7): pictures are decoded and looked at, on one gateway.
import dcmjsCodecs from "dcmjs-codecs"
import { decode as decodePng } from "fast-png"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { archive, ct, loop, mr, palette, report } from "./archive.fixture.ts"
import { type Check, checks, perform } from "./checks.fixture.ts"
import type { Answer } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import type { Place } from "./part10-files.fixture.ts"

const studyOf = (at: Place) => `/studies/${at.StudyInstanceUID}`
const seriesOf = (at: Place) => `${studyOf(at)}/series/${at.SeriesInstanceUID}`
const instanceOf = (at: Place) => `${seriesOf(at)}/instances/${at.SOPInstanceUID}`
const one = ct[0]!
const png = { accept: "image/png" }

/** Red, green and blue of a pixel; a grey picture has three equal ones. */
const pixel = (answer: Answer, x: number, y: number): ReadonlyArray<number> => {
  const { width, data, channels } = decodePng(answer.body)
  const at = (y * width + x) * channels
  return channels < 3 ? [data[at]!, data[at]!, data[at]!] : [data[at]!, data[at + 1]!, data[at + 2]!]
}
const sizeIs = (width: number, height: number) => (answer: Answer) => {
  const picture = decodePng(answer.body)
  assert.deepStrictEqual([picture.width, picture.height], [width, height])
}
const near = (value: number, wanted: number, by = 2) => assert.approximately(value, wanted, by)
const jpegSize = (body: Buffer) => {
  assert.deepStrictEqual([body[0], body[1]], [0xff, 0xd8])
  for (let at = 2; at < body.length; at += 2 + body.readUInt16BE(at + 2)) {
    if ([0xc0, 0xc1, 0xc2].includes(body[at + 1]!)) return [body.readUInt16BE(at + 7), body.readUInt16BE(at + 5)]
  }
  throw new Error("no frame header")
}

const types: ReadonlyArray<Check> = [
  ...[undefined, "*/*", "image/jpeg", "image/*", "image/jpeg, image/png;q=0.5", "text/html, image/jpeg;q=0.2"].map(
    (accept): Check => ({
      name: `§8.7.4 JPEG is the default picture, Accept: ${accept ?? "(none)"}`,
      path: `${instanceOf(one)}/rendered`,
      ...(accept === undefined ? {} : { headers: { accept } }),
      status: 200,
      type: "image/jpeg",
      shows: ({ body }) => assert.deepStrictEqual(jpegSize(body), [16, 16]),
    }),
  ),
  ...["image/png", "image/png, image/jpeg;q=0.9", "image/jpeg;q=0.1, image/png;q=0.2"].map((accept): Check => ({
    name: `§8.7.4 PNG, Accept: ${accept}`,
    path: `${instanceOf(one)}/rendered`,
    headers: { accept },
    status: 200,
    type: "image/png",
    shows: sizeIs(16, 16),
  })),
  {
    name: "§8.3.3.1 the accept parameter overrides the header",
    path: `${instanceOf(one)}/rendered?accept=image/png`,
    headers: { accept: "image/jpeg" },
    status: 200,
    type: "image/png",
  },
  {
    name: "§8.7.5 a video of one frame",
    path: `${instanceOf(one)}/rendered`,
    headers: { accept: "video/mp4" },
    status: 406,
  },
  {
    name: "§8.7.5 a picture as text",
    path: `${instanceOf(one)}/rendered`,
    headers: { accept: "text/plain" },
    status: 406,
  },
  {
    name: "§8.7.5 a picture as DICOM",
    path: `${instanceOf(one)}/rendered`,
    headers: { accept: "application/dicom" },
    status: 406,
  },
  {
    name: "§10.4.1.1.7 a report has no picture",
    path: `${instanceOf(report)}/rendered`,
    headers: { accept: "image/jpeg" },
    status: [400, 404, 406, 409],
  },
  {
    name: "§10.4.1.1.7 a frame's picture",
    path: `${instanceOf(loop)}/frames/2/rendered`,
    headers: png,
    status: 200,
    type: "image/png",
    shows: sizeIs(16, 8),
  },
  { name: "§10.4.1.1.7 a frame that is not there", path: `${instanceOf(loop)}/frames/4/rendered`, status: 404 },
  { name: "§10.4.1.1.7 a frame 0", path: `${instanceOf(loop)}/frames/0/rendered`, status: [400, 404] },
]

const pixels: ReadonlyArray<Check> = [
  ...[
    [1, 255, 0, 0],
    [2, 0, 255, 0],
    [3, 0, 0, 255],
  ].map(([frame, ...colour]): Check => ({
    name: `PS3.3 §C.7.6.3.1.2 RGB frame ${frame} keeps its colour`,
    path: `${instanceOf(loop)}/frames/${frame}/rendered`,
    headers: png,
    status: 200,
    shows: (answer) => assert.deepStrictEqual(pixel(answer, 3, 3), colour),
  })),
  {
    name: "PS3.3 §C.7.9 palette colours are looked up",
    path: `${instanceOf(palette)}/rendered`,
    headers: png,
    status: 200,
    shows: (answer) => {
      assert.deepStrictEqual(pixel(answer, 1, 1), [255, 255, 0])
      assert.deepStrictEqual(pixel(answer, 6, 1), [0, 255, 255])
    },
  },
  {
    // Samples rise from -99 to 156, the stored window is 0 / 256.
    name: "PS3.3 §C.11.2 the stored window",
    path: `${instanceOf(one)}/rendered`,
    headers: png,
    status: 200,
    shows: (answer) => {
      near(pixel(answer, 0, 0)[0]!, ((-99 + 0.5) / 255 + 0.5) * 255)
      near(pixel(answer, 15, 15)[0]!, 255)
    },
  },
  {
    name: "§8.3.5.1.4 window=center,width,linear",
    path: `${instanceOf(one)}/rendered?window=28,257,linear`,
    headers: png,
    status: 200,
    shows: (answer) => {
      near(pixel(answer, 0, 0)[0]!, ((-99 - 27.5) / 256 + 0.5) * 255)
      near(pixel(answer, 15, 15)[0]!, ((156 - 27.5) / 256 + 0.5) * 255)
    },
  },
  {
    name: "§8.3.5.1.4 window=…,linear-exact",
    path: `${instanceOf(one)}/rendered?window=0,100,linear-exact`,
    headers: png,
    status: 200,
    shows: (answer) => {
      assert.strictEqual(pixel(answer, 0, 0)[0], 0)
      near(pixel(answer, 3, 6)[0]!, 127.5)
      assert.strictEqual(pixel(answer, 15, 15)[0], 255)
    },
  },
  {
    name: "§8.3.5.1.4 window=…,sigmoid",
    path: `${instanceOf(one)}/rendered?window=0,100,sigmoid`,
    headers: png,
    status: 200,
    shows: (answer) => near(pixel(answer, 15, 15)[0]!, 255 / (1 + Math.exp((-4 * 156) / 100))),
  },
  {
    name: "§8.3.5.1.4 the percent-encoded comma",
    path: `${instanceOf(one)}/rendered?window=0%2C100%2Clinear`,
    headers: png,
    status: 200,
    shows: (answer) => assert.strictEqual(pixel(answer, 0, 0)[0], 0),
  },
  {
    name: "§8.3.5.1.3 viewport enlarges",
    path: `${instanceOf(one)}/rendered?viewport=64,64`,
    headers: png,
    status: 200,
    shows: sizeIs(64, 64),
  },
  {
    name: "§8.3.5.1.3 viewport reduces",
    path: `${instanceOf(one)}/rendered?viewport=4,4`,
    headers: png,
    status: 200,
    shows: sizeIs(4, 4),
  },
  {
    name: "§8.3.5.1.3 the aspect ratio is kept within the viewport",
    path: `${instanceOf(loop)}/frames/1/rendered?viewport=32,32`,
    headers: png,
    status: 200,
    shows: (answer) => {
      const { width, height } = decodePng(answer.body)
      assert.isTrue((width === 32 && height === 16) || (width === 32 && height === 32), `${width} × ${height}`)
    },
  },
  {
    name: "§8.3.5.1.3 a region of the source fills the viewport",
    path: `${instanceOf(palette)}/rendered?viewport=8,8,4,0,4,4`,
    headers: png,
    status: 200,
    shows: (answer) => {
      sizeIs(8, 8)(answer)
      assert.deepStrictEqual(pixel(answer, 0, 0), [0, 255, 255])
    },
  },
  {
    name: "§8.3.5.1.2 quality of a JPEG",
    path: `${instanceOf(one)}/rendered?quality=10`,
    status: 200,
    type: "image/jpeg",
    shows: ({ body }) => assert.deepStrictEqual(jpegSize(body), [16, 16]),
  },
]

const bad = (query: string, parameter: string): Check => ({
  name: `§8.3.5 ${query} is refused and named`,
  path: `${instanceOf(one)}/rendered?${query}`,
  status: 400,
  shows: ({ text }) => assert.include(text, parameter),
})
const refused: ReadonlyArray<Check> = [
  bad("window=abc", "window"),
  bad("window=1", "window"),
  bad("window=40,0,linear", "window"),
  bad("window=40,-5,linear", "window"),
  bad("window=40,400,cubic", "window"),
  bad("viewport=0,10", "viewport"),
  bad("viewport=x,y", "viewport"),
  bad("viewport=10", "viewport"),
  bad("viewport=1000000,1000000", "viewport"),
  bad("quality=0", "quality"),
  bad("quality=101", "quality"),
  bad("quality=best", "quality"),
]

const thumbnails: ReadonlyArray<Check> = [
  ["study", `${studyOf(one)}/thumbnail`],
  ["series", `${seriesOf(mr[0]!)}/thumbnail`],
  ["instance", `${instanceOf(loop)}/thumbnail`],
  ["frame", `${instanceOf(loop)}/frames/2/thumbnail`],
].map(([level, path]): Check => ({
  name: `§10.4.1.1.8 thumbnail of a ${level}`,
  path: path!,
  status: 200,
  type: "image/jpeg",
  shows: ({ body }) => assert.isAtMost(Math.max(...jpegSize(body)), 512),
}))

layer(live(archive), { timeout: 60_000, excludeTestServices: true })("rendered resources", (it) => {
  checks(it, [...types, ...pixels, ...refused, ...thumbnails])

  it.effect("§8.3.5.1.2 more quality is more bytes", () =>
    Effect.gen(function* () {
      const bytes = (quality: number) =>
        Effect.map(
          perform({ name: "", path: `${instanceOf(one)}/rendered?viewport=200,200&quality=${quality}`, status: 200 }),
          ({ body }) => body.length,
        )
      assert.isBelow(yield* bytes(5), yield* bytes(95))
    }),
  )

  it.effect("§10.4.1.1.7 a colour JPEG decodes to its colour", () =>
    Effect.gen(function* () {
      const { body } = yield* perform({
        name: "",
        path: `${instanceOf(loop)}/frames/1/rendered?quality=95`,
        status: 200,
      })
      const decoded = dcmjsCodecs.NativeCodecs.decodeJpeg(
        new dcmjsCodecs.Context({
          width: 16,
          height: 8,
          bitsAllocated: 8,
          bitsStored: 8,
          samplesPerPixel: 3,
          pixelRepresentation: 0,
          planarConfiguration: 0,
          photometricInterpretation: "YBR_FULL_422",
          encodedBuffer: Uint8Array.from(body),
        }),
        { convertColorspaceToRgb: true },
      ).getDecodedBuffer()
      for (const [i, wanted] of [254, 0, 0].entries()) assert.approximately(decoded?.[i] ?? -1, wanted, 6)
    }),
  )
})
