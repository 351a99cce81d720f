// A real MR slice in every transfer syntax that there is an encoder for, and real files that come in theirs.
import { deflateRawSync } from "node:zlib"
import dcmjsCodecs, { type Context } from "dcmjs-codecs"
import { parsePart10, readPart10Bytes } from "../../src/dicom/part10.ts"
import { element, encapsulated, part10 } from "../dicom/part10.fixture.ts"
import { realFile } from "../dicomweb/dicomweb-server.fixture.ts"

export interface EncodedFile {
  readonly TransferSyntaxUID: string
  readonly file: Buffer
  /** Samples that went in, little endian; absent where the file came encoded. */
  readonly samples?: Buffer
  readonly lossy?: boolean
  readonly source: string
}

const side = 256
const slice = parsePart10(realFile("volume/brain_001.dcm"))
const samples = readPart10Bytes(slice, slice.pixelData!.offset, side * side * 2)
const dark = Buffer.from(
  Uint8Array.from({ length: side * side }, (_, i) => Math.min(samples.readInt16LE(i * 2) >> 2, 255)),
)

type Write = (tag: number, vr: string, value: unknown) => Buffer

const implicit: Write = (tag, vr, value) => {
  const explicit = element(tag, vr, value)
  const long = /^(OB|OW|SQ|UN)$/.test(vr)
  const bytes = explicit.subarray(long ? 12 : 8)
  const head = Buffer.from(explicit.subarray(0, 8))
  head.writeUInt32LE(bytes.length, 4)
  return Buffer.concat([head, bytes])
}

let files = 0
/** A data set around the pixels; 8 or 16 bits. */
const object = (write: Write, bits: 8 | 16, pixels: Buffer): Buffer => {
  const allocated = bits === 8 ? 8 : 16
  const study = `1.2.7.${++files}`
  return Buffer.concat([
    write(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    write(0x00080018, "UI", `${study}.1.1`),
    write(0x00080060, "CS", "OT"),
    write(0x0020000d, "UI", study),
    write(0x0020000e, "UI", `${study}.1`),
    write(0x00280002, "US", 1),
    write(0x00280004, "CS", "MONOCHROME2"),
    write(0x00280010, "US", side),
    write(0x00280011, "US", side),
    write(0x00280100, "US", allocated),
    write(0x00280101, "US", bits),
    write(0x00280102, "US", bits - 1),
    write(0x00280103, "US", bits === 16 ? 1 : 0),
    pixels,
  ])
}

const native = (TransferSyntaxUID: string, write: Write, pixels = samples, wrap = (bytes: Buffer) => bytes) => ({
  TransferSyntaxUID,
  file: part10(wrap(object(write, 16, write(0x7fe00010, "OW", pixels))), TransferSyntaxUID),
  samples,
  source: "encoded slice",
})

const compressed = (
  TransferSyntaxUID: string,
  run: (context: Context) => Context,
  { bits = 16, lossy = false }: { readonly bits?: 8 | 16; readonly lossy?: boolean } = {},
): EncodedFile => {
  const input = bits === 8 ? dark : samples
  const context = new dcmjsCodecs.Context({
    width: side,
    height: side,
    bitsAllocated: bits === 8 ? 8 : 16,
    bitsStored: bits,
    samplesPerPixel: 1,
    pixelRepresentation: bits === 16 ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: "MONOCHROME2",
    decodedBuffer: Uint8Array.from(input),
  })
  const encoded = Uint8Array.from(run(context).getEncodedBuffer() ?? [])
  const file = part10(object(element, bits, encapsulated([[encoded]], true)), TransferSyntaxUID)
  return { TransferSyntaxUID, file, samples: input, lossy, source: "encoded slice" }
}

const codecs = dcmjsCodecs.NativeCodecs
const jpeg = "1.2.840.10008.1.2.4"

/** Files that nobody here can encode or decode: the bytes inside are of no matter. */
const opaque = (TransferSyntaxUID: string): EncodedFile => ({
  TransferSyntaxUID,
  file: part10(object(element, 8, encapsulated([[Buffer.alloc(64, 1)]], false)), TransferSyntaxUID),
  source: "header only",
})

const real = (name: string): EncodedFile => {
  const file = realFile(name)
  return { TransferSyntaxUID: parsePart10(file).TransferSyntaxUID, file, source: name }
}

/** The codecs must be loaded. */
export const encodedFiles = (): ReadonlyArray<EncodedFile> => [
  native("1.2.840.10008.1.2", implicit),
  native("1.2.840.10008.1.2.1", element),
  native("1.2.840.10008.1.2.1.99", element, samples, (bytes) => deflateRawSync(bytes)),
  native("1.2.840.10008.1.2.2", (tag, vr, value) => element(tag, vr, value, false), Buffer.from(samples).swap16()),
  compressed("1.2.840.10008.1.2.5", (context) => codecs.encodeRle(context)),
  {
    TransferSyntaxUID: "1.2.840.10008.1.2.8.1",
    file: part10(object(element, 16, encapsulated([[deflateRawSync(samples)]], false)), "1.2.840.10008.1.2.8.1"),
    samples,
    source: "encoded slice",
  },
  compressed(`${jpeg}.50`, (context) => codecs.encodeJpeg(context, { lossy: true, quality: 95 }), {
    bits: 8,
    lossy: true,
  }),
  compressed(`${jpeg}.51`, (context) => codecs.encodeJpeg(context, { lossy: true, quality: 95 }), {
    // The encoder has no 12-bit form of it.
    bits: 8,
    lossy: true,
  }),
  compressed(`${jpeg}.57`, (context) => codecs.encodeJpeg(context, { lossy: false, predictor: 4, pointTransform: 0 })),
  compressed(`${jpeg}.70`, (context) => codecs.encodeJpeg(context, { lossy: false, predictor: 1, pointTransform: 0 })),
  compressed(`${jpeg}.80`, (context) => codecs.encodeJpegLs(context, { lossy: false })),
  compressed(`${jpeg}.81`, (context) => codecs.encodeJpegLs(context, { lossy: true, allowedLossyError: 2 }), {
    lossy: true,
  }),
  compressed(`${jpeg}.90`, (context) => codecs.encodeJpeg2000(context, { lossy: false, progressionOrder: 0 })),
  compressed(`${jpeg}.91`, (context) => codecs.encodeJpeg2000(context, { lossy: true, progressionOrder: 0, rate: 5 }), {
    lossy: true,
  }),
  compressed(`${jpeg}.201`, (context) => codecs.encodeHtJpeg2000(context, { lossy: false, progressionOrder: 2 })),
  compressed(`${jpeg}.202`, (context) => codecs.encodeHtJpeg2000(context, { lossy: false, progressionOrder: 2 })),
  compressed(`${jpeg}.203`, (context) => codecs.encodeHtJpeg2000(context, { lossy: true, progressionOrder: 2 }), {
    lossy: true,
  }),
  ...["92", "93", "100", "101", "102", "103", "104", "105", "106", "107", "108", "110", "111", "112"].map((end) =>
    opaque(`${jpeg}.${end}`),
  ),
  ...[
    "implicit_little.dcm",
    "explicit_little.dcm",
    "deflated.dcm",
    "explicit_big.dcm",
    "rle.dcm",
    "jpeg_baseline_8bit.dcm",
    "jpeg_lossless_sel1.dcm",
    "jpeg_ls.dcm",
    "jpeg_2000.dcm",
  ].map(real),
]
