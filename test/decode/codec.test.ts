// Every transfer syntax against the samples that went in, every way of cutting frames into fragments.
import dcmjsCodecs, { type Context } from "dcmjs-codecs"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { loadCodecs } from "../../src/decode/codec.ts"
import { DecodeFailure } from "../../src/decode/failure.ts"
import { frameReader, samplesOf } from "../../src/decode/frame.ts"
import { imageModule } from "../../src/decode/image-module.ts"
import { parsePart10 } from "../../src/dicom/part10.ts"
import { element, encapsulated, image, type ImageOptions } from "../dicom/part10.fixture.ts"

beforeAll(() => loadCodecs())

const [Rows, Columns] = [48, 64]
/** A smooth surface with an edge, so that lossy codecs stay close. */
const surface = (frame = 0): Int16Array =>
  Int16Array.from({ length: Rows * Columns }, (_, i) => {
    const [x, y] = [i % Columns, Math.floor(i / Columns)]
    return Math.round(600 * Math.sin((x + frame * 7) / 9) * Math.cos(y / 11)) + (x > 40 ? 300 : 0)
  })
const bytesOf = (samples: Int16Array): Buffer => Buffer.from(samples.buffer)

const encode = (samples: Int16Array, run: (context: Context) => Context): Uint8Array => {
  const context = new dcmjsCodecs.Context({
    width: Columns,
    height: Rows,
    bitsAllocated: 16,
    bitsStored: 16,
    samplesPerPixel: 1,
    pixelRepresentation: 1,
    planarConfiguration: 0,
    photometricInterpretation: "MONOCHROME2",
    decodedBuffer: new Uint8Array(samples.buffer),
  })
  return Uint8Array.from(run(context).getEncodedBuffer() ?? [])
}

const samplesIn = (options: Partial<ImageOptions>, frame = 1): ReadonlyArray<number> => {
  const opened = parsePart10(image({ Rows, Columns, BitsAllocated: 16, PixelRepresentation: 1, ...options }))
  const module = imageModule(opened)
  return [...samplesOf(opened, module, frameReader(opened, module)(frame))]
}

const codecs = dcmjsCodecs.NativeCodecs
const lossless: ReadonlyArray<readonly [string, string, (context: Context) => Context]> = [
  ["RLE", "1.2.840.10008.1.2.5", (context) => codecs.encodeRle(context)],
  [
    "JPEG lossless",
    "1.2.840.10008.1.2.4.57",
    (context) => codecs.encodeJpeg(context, { lossy: false, predictor: 4, pointTransform: 0 }),
  ],
  [
    "JPEG lossless SV1",
    "1.2.840.10008.1.2.4.70",
    (context) => codecs.encodeJpeg(context, { lossy: false, predictor: 1, pointTransform: 0 }),
  ],
  ["JPEG-LS", "1.2.840.10008.1.2.4.80", (context) => codecs.encodeJpegLs(context, { lossy: false })],
  [
    "JPEG 2000",
    "1.2.840.10008.1.2.4.90",
    (context) => codecs.encodeJpeg2000(context, { lossy: false, progressionOrder: 0 }),
  ],
  [
    "HTJ2K",
    "1.2.840.10008.1.2.4.201",
    (context) => codecs.encodeHtJpeg2000(context, { lossy: false, progressionOrder: 2 }),
  ],
  [
    "HTJ2K RPCL",
    "1.2.840.10008.1.2.4.202",
    (context) => codecs.encodeHtJpeg2000(context, { lossy: false, progressionOrder: 2 }),
  ],
]

const value = (i: number) => (i % 4096) - 2048
const words = (samples: Uint16Array) => element(0x7fe00010, "OW", Buffer.from(samples.buffer as ArrayBuffer))
const bit = (i: number) => (i % 3 === 0 ? 1 : 0)
const rle = (frame: number) => encode(surface(frame), (context) => codecs.encodeRle(context))
const j2k = (frame: number) =>
  encode(surface(frame), (context) => codecs.encodeJpeg2000(context, { lossy: false, progressionOrder: 0 }))
const halves = (bytes: Uint8Array) => {
  const middle = (bytes.length >> 2) * 2
  return [bytes.subarray(0, middle), bytes.subarray(middle)]
}
const decoded = (pixelData: Buffer, TransferSyntaxUID: string, more: ReadonlyArray<Buffer> = []) =>
  [1, 2, 3].map((frame) => samplesIn({ NumberOfFrames: 3, TransferSyntaxUID, pixelData, more }, frame))

const reasonOf = (task: () => unknown) => {
  try {
    task()
    return "decoded"
  } catch (thrown) {
    return thrown instanceof DecodeFailure ? thrown.reason : "not a DecodeFailure"
  }
}

describe("decoding", () => {
  for (const [name, TransferSyntaxUID, run] of lossless) {
    it(`${name} gives back every signed 16-bit sample`, () => {
      const pixelData = encapsulated([[encode(surface(), run)]], false)
      assert.deepStrictEqual(samplesIn({ TransferSyntaxUID, pixelData }), [...surface()])
    })
  }

  it("lossy JPEG-LS stays within the allowed error", () => {
    const pixelData = encapsulated(
      [[encode(surface(), (context) => codecs.encodeJpegLs(context, { lossy: true, allowedLossyError: 3 }))]],
      true,
    )
    const decoded = samplesIn({ TransferSyntaxUID: "1.2.840.10008.1.2.4.81", pixelData })
    const worst = Math.max(...surface().map((value, i) => Math.abs(value - decoded[i]!)))
    assert.isAtMost(worst, 3)
    assert.isAbove(worst, 0)
  })

  it("reads big endian samples", () => {
    const pixelData = element(0x7fe00010, "OW", bytesOf(surface()).swap16(), false)
    const decoded = samplesIn({ TransferSyntaxUID: "1.2.840.10008.1.2.2", little: false, pixelData })
    assert.deepStrictEqual(decoded, [...surface()])
  })

  it("masks overlay bits and extends the sign of 12 stored bits, wherever they lie", () => {
    const low = Uint16Array.from({ length: Rows * Columns }, (_, i) => (value(i) & 0xfff) | 0xa000)
    const high = Uint16Array.from({ length: Rows * Columns }, (_, i) => ((value(i) & 0xfff) << 4) | 0x5)
    const expected = Array.from({ length: Rows * Columns }, (_, i) => value(i))
    assert.deepStrictEqual(samplesIn({ BitsStored: 12, HighBit: 11, pixelData: words(low) }), expected)
    assert.deepStrictEqual(samplesIn({ BitsStored: 12, HighBit: 15, pixelData: words(high) }), expected)
  })

  it("unpacks single bits of frames that begin within a byte", () => {
    const [rows, columns, frames] = [5, 5, 3]
    const bytes = Buffer.alloc(10)
    for (let i = 0; i < rows * columns * frames; i++) bytes[i >> 3]! |= bit(i) << (i & 7)
    const options = {
      Rows: rows,
      Columns: columns,
      BitsAllocated: 1,
      PixelRepresentation: 0,
      NumberOfFrames: frames,
    } as const
    for (const frame of [1, 2, 3]) {
      const expected = Array.from({ length: 25 }, (_, i) => bit((frame - 1) * 25 + i))
      assert.deepStrictEqual(samplesIn({ ...options, pixelData: element(0x7fe00010, "OB", bytes) }, frame), expected)
    }
  })

  it("reads float pixel data", () => {
    const values = Float32Array.from({ length: Rows * Columns }, (_, i) => i / 7)
    const pixelData = element(0x7fe00008, "OF", Buffer.from(values.buffer))
    assert.deepStrictEqual(samplesIn({ BitsAllocated: 32, pixelData }), [...values])
  })
})

describe("frames in fragments", () => {
  const all = [0, 1, 2].map((frame) => [...surface(frame)])
  it("one each, with and without an offset table", () => {
    const frames = [0, 1, 2].map((frame) => [rle(frame)])
    assert.deepStrictEqual(decoded(encapsulated(frames, false), "1.2.840.10008.1.2.5"), all)
    assert.deepStrictEqual(decoded(encapsulated(frames, true), "1.2.840.10008.1.2.5"), all)
  })

  it("several each, by the offset table or by their start markers", () => {
    const frames = [0, 1, 2].map((frame) => halves(j2k(frame)))
    assert.deepStrictEqual(decoded(encapsulated(frames, true), "1.2.840.10008.1.2.4.90"), all)
    assert.deepStrictEqual(decoded(encapsulated(frames, false), "1.2.840.10008.1.2.4.90"), all)
  })

  it("by the extended offset table", () => {
    const frames = [0, 1, 2].map((frame) => [rle(frame)])
    const [offsets, lengths] = [Buffer.alloc(24), Buffer.alloc(24)]
    let at = 0
    frames.forEach(([bytes], i) => {
      offsets.writeBigUInt64LE(BigInt(at), i * 8)
      lengths.writeBigUInt64LE(BigInt(bytes!.length), i * 8)
      at += 8 + bytes!.length + (bytes!.length % 2)
    })
    const more = [element(0x7fe00001, "OV", offsets), element(0x7fe00002, "OV", lengths)]
    assert.deepStrictEqual(decoded(encapsulated(frames, false), "1.2.840.10008.1.2.5", more), all)
  })
})

describe("what cannot be decoded", () => {
  it("says why", () => {
    const j2k = encode(surface(), (context) => codecs.encodeJpeg2000(context, { lossy: false, progressionOrder: 0 }))
    const TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    const pixelData = encapsulated([[j2k]], false)
    const short = element(0x7fe00010, "OW", Buffer.alloc(10))
    assert.strictEqual(
      reasonOf(() => samplesIn({ TransferSyntaxUID, pixelData, Rows: 4096 })),
      "corrupt",
    )
    assert.strictEqual(
      reasonOf(() => samplesIn({ TransferSyntaxUID, pixelData: encapsulated([[Buffer.alloc(64)]], false) })),
      "corrupt",
    )
    assert.strictEqual(
      reasonOf(() => samplesIn({ TransferSyntaxUID: "1.2.840.10008.1.2.4.102", pixelData })),
      "unsupported",
    )
    assert.strictEqual(
      reasonOf(() => samplesIn({ pixelData: short })),
      "corrupt",
    )
    assert.strictEqual(
      reasonOf(() => samplesIn({ pixelData: short, Rows: 65_535, Columns: 65_535 })),
      "too-large",
    )
    assert.strictEqual(
      reasonOf(() => samplesIn({ pixelData: short }, 2)),
      "missing",
    )
    assert.strictEqual(
      reasonOf(() => samplesIn({})),
      "missing",
    )
  })
})
