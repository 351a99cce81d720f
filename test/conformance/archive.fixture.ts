// The data sets that the conformance checks ask for: patients whose every attribute is known, in many shapes.
import dcmjsCodecs, { type Context as CodecContext } from "dcmjs-codecs"
import { loadCodecs } from "../../src/decode/codec.ts"
import { encapsulated } from "../dicom/part10.fixture.ts"
import { type Attributes, file, imageAttributes, place, ramp, without } from "./part10-files.fixture.ts"

export const mrClass = "1.2.840.10008.5.1.4.1.1.4"
export const srClass = "1.2.840.10008.5.1.4.1.1.88.11"
export const usClass = "1.2.840.10008.5.1.4.1.1.3.1"
export const pdfClass = "1.2.840.10008.5.1.4.1.1.104.1"
export const scClass = "1.2.840.10008.5.1.4.1.1.7"

const jane: Attributes = {
  "00080020": ["DA", "20240115"],
  "00080030": ["TM", "101500"],
  "00080050": ["SH", "ACC-001"],
  "00080090": ["PN", "Refer^Ring"],
  "00081030": ["LO", "CHEST CT"],
  "00100010": ["PN", "Doe^Jane^Quincy^Dr"],
  "00100020": ["LO", "P-001"],
  "00100030": ["DA", "19700102"],
  "00100040": ["CS", "F"],
  "00200010": ["SH", "S1"],
}
const john: Attributes = {
  "00080020": ["DA", "20240220"],
  "00080030": ["TM", "235959.500000"],
  "00080050": ["SH", "ACC-002"],
  "00080090": ["PN", "Other^Doctor"],
  "00081030": ["LO", "BRAIN, MR"],
  "00100010": ["PN", "Doe^John"],
  "00100020": ["LO", "P-002"],
  "00100040": ["CS", "M"],
  "00200010": ["SH", "S2"],
}

/** 3,000 bytes that are no text. */
export const privateBytes = Buffer.from(Uint8Array.from({ length: 3000 }, (_, i) => (i * 7) & 0xff))
export const icon = Buffer.from(Uint8Array.from({ length: 4096 }, (_, i) => (i * 5) & 0xff))

/** Jane's CT: three slices of 16 × 16 whose samples rise from -100 in steps of 1, in one series. */
const ctSlice = (n: number) => {
  const at = place(1, 1, n)
  const attributes = imageAttributes(at, 16, 16, ramp(256, -100 + n), {
    ...jane,
    "00080008": ["CS", "ORIGINAL\\PRIMARY\\AXIAL"],
    "00080021": ["DA", "20240115"],
    "00080031": ["TM", "101600"],
    "0008103E": ["LO", "AXIAL 1.0"],
    "00090010": ["LO", "ACME 1.0"],
    "00091001": ["LO", "private text"],
    "00091002": ["OB", privateBytes],
    "00180050": ["DS", "1.5"],
    "00200011": ["IS", "1"],
    "00200013": ["IS", String(n)],
    "00200032": ["DS", `0\\0\\${n}.5`],
    "00200037": ["DS", "1\\0\\0\\0\\1\\0"],
    "00280030": ["DS", "0.5\\0.5"],
    "00281050": ["DS", "0"],
    "00281051": ["DS", "256"],
    "00281052": ["DS", "0"],
    "00281053": ["DS", "1"],
    "00400244": ["DA", "20240115"],
    "00400245": ["TM", "101600"],
    "00400275": ["SQ", [{ "00400009": ["SH", "SPS-1"], "00401001": ["SH", "RP-1"] }]],
    "00880200": ["SQ", [{ "00280010": ["US", 64], "00280011": ["US", 64], "7FE00010": ["OB", icon] }]],
  })
  return { ...at, bytes: file(attributes), attributes }
}
const report = (() => {
  const at = place(1, 2, 1)
  const attributes: Attributes = {
    ...without(
      imageAttributes(at, 1, 1, Buffer.alloc(0)),
      "7FE00010",
      "00280002",
      "00280004",
      "00280010",
      "00280011",
      "00280100",
      "00280101",
      "00280102",
      "00280103",
    ),
    ...jane,
    "00080016": ["UI", srClass],
    "00080060": ["CS", "SR"],
    "0008103E": ["LO", "FINDINGS"],
    "00200011": ["IS", "2"],
    "00200013": ["IS", "1"],
    "0040A040": ["CS", "CONTAINER"],
    "0040A730": [
      "SQ",
      [{ "0040A010": ["CS", "CONTAINS"], "0040A040": ["CS", "TEXT"], "0040A160": ["UT", "A nodule <b>&</b> more"] }],
    ],
  }
  return { ...at, bytes: file(attributes), attributes }
})()

const mrSlice = (n: number) => {
  const at = place(2, 1, n)
  const attributes = imageAttributes(at, 8, 8, ramp(64, 0, 10), {
    ...john,
    "00080016": ["UI", mrClass],
    "00080060": ["CS", "MR"],
    "0008103E": ["LO", "T1"],
    "00200011": ["IS", "1"],
    "00200013": ["IS", String(n)],
    "00280101": ["US", 12],
    "00280102": ["US", 11],
    "00280103": ["US", 0],
  })
  return { ...at, bytes: file(attributes), attributes }
}

/** Pixels of one frame of the colour loop: a red, a green, then a blue frame of 8 × 16. */
export const colours = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
] as const
export const colourFrame = (frame: number) =>
  Buffer.from(Uint8Array.from({ length: 8 * 16 * 3 }, (_, i) => colours[frame]![i % 3]!))
const loop = (() => {
  const at = place(2, 2, 1)
  const attributes = imageAttributes(at, 8, 16, Buffer.concat([0, 1, 2].map(colourFrame)), {
    ...john,
    "00080016": ["UI", usClass],
    "00080060": ["CS", "US"],
    "00200011": ["IS", "2"],
    "00200013": ["IS", "1"],
    "00280002": ["US", 3],
    "00280004": ["CS", "RGB"],
    "00280006": ["US", 0],
    "00280008": ["IS", "3"],
    "00280100": ["US", 8],
    "00280101": ["US", 8],
    "00280102": ["US", 7],
    "00280103": ["US", 0],
    "7FE00010": ["OB", Buffer.concat([0, 1, 2].map(colourFrame))],
  })
  return { ...at, bytes: file(attributes), attributes }
})()

/** Palette colour: index 0 is yellow, index 1 is cyan. Left half 0, right half 1. */
const palette = (() => {
  const at = place(2, 3, 1)
  const table = (...entries: ReadonlyArray<number>) => Buffer.from(Uint16Array.from(entries).buffer)
  const attributes = imageAttributes(at, 8, 8, Buffer.alloc(0), {
    ...john,
    "00080016": ["UI", usClass],
    "00080060": ["CS", "US"],
    "00200011": ["IS", "3"],
    "00200013": ["IS", "1"],
    "00280004": ["CS", "PALETTE COLOR"],
    "00280100": ["US", 8],
    "00280101": ["US", 8],
    "00280102": ["US", 7],
    "00280103": ["US", 0],
    "00281101": ["US", [2, 0, 16]],
    "00281102": ["US", [2, 0, 16]],
    "00281103": ["US", [2, 0, 16]],
    "00281201": ["OW", table(0xffff, 0)],
    "00281202": ["OW", table(0xffff, 0xffff)],
    "00281203": ["OW", table(0, 0xffff)],
    "7FE00010": ["OB", Buffer.from(Uint8Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 0 : 1)))],
  })
  return { ...at, bytes: file(attributes), attributes }
})()

export const pdf = Buffer.from(`%PDF-1.4\n${"% padding\n".repeat(400)}%%EOF\n\n`)
const document = (() => {
  const at = place(6, 1, 1)
  const attributes: Attributes = {
    "00080016": ["UI", pdfClass],
    "00080018": ["UI", at.SOPInstanceUID],
    "00080060": ["CS", "DOC"],
    "00100010": ["PN", "Paper^Work"],
    "00100020": ["LO", "P-006"],
    "0020000D": ["UI", at.StudyInstanceUID],
    "0020000E": ["UI", at.SeriesInstanceUID],
    "00420010": ["ST", "Consent"],
    "00420011": ["OB", pdf],
    "00420012": ["LO", "application/pdf"],
  }
  return { ...at, bytes: file(attributes), attributes }
})()

const codecs = dcmjsCodecs.NativeCodecs
await loadCodecs()

const encode = (samples: Buffer, bits: 8 | 16, run: (context: CodecContext) => CodecContext): Uint8Array =>
  Uint8Array.from(
    run(
      new dcmjsCodecs.Context({
        width: 32,
        height: 32,
        bitsAllocated: bits,
        bitsStored: bits,
        samplesPerPixel: 1,
        pixelRepresentation: bits === 16 ? 1 : 0,
        planarConfiguration: 0,
        photometricInterpretation: "MONOCHROME2",
        decodedBuffer: Uint8Array.from(samples),
      }),
    ).getEncodedBuffer() ?? [],
  )

/** What the 16-bit frames of study 5 hold. */
export const frame16 = (frame: number) => ramp(1024, frame * 3 - 500)
const frame8 = Buffer.from(Uint8Array.from({ length: 1024 }, (_, i) => (i % 32) * 8))

const syntaxes = [
  [1, "1.2.840.10008.1.2.5", 16, (context: CodecContext) => codecs.encodeRle(context)],
  [2, "1.2.840.10008.1.2.4.80", 16, (context: CodecContext) => codecs.encodeJpegLs(context, { lossy: false })],
  [
    3,
    "1.2.840.10008.1.2.4.90",
    16,
    (context: CodecContext) => codecs.encodeJpeg2000(context, { lossy: false, progressionOrder: 0 }),
  ],
  [
    4,
    "1.2.840.10008.1.2.4.201",
    16,
    (context: CodecContext) => codecs.encodeHtJpeg2000(context, { lossy: false, progressionOrder: 2 }),
  ],
  [
    5,
    "1.2.840.10008.1.2.4.70",
    16,
    (context: CodecContext) => codecs.encodeJpeg(context, { lossy: false, predictor: 1, pointTransform: 0 }),
  ],
  [6, "1.2.840.10008.1.2.4.50", 8, (context: CodecContext) => codecs.encodeJpeg(context, { lossy: true, quality: 90 })],
] as const

/** One series a transfer syntax; `fragments` are the codestreams as they are stored. */
export const compressed = syntaxes.map(([series, TransferSyntaxUID, bits, run]) => {
  const at = place(5, series, 1)
  const frames = bits === 16 ? [0, 1, 2].map(frame16) : [frame8]
  const fragments = frames.map((samples) => encode(samples, bits, run))
  const attributes = without(
    imageAttributes(at, 32, 32, Buffer.alloc(0), {
      "00080016": ["UI", scClass],
      "00080060": ["CS", "OT"],
      "00100010": ["PN", "Small^Files"],
      "00100020": ["LO", "P-005"],
      "00200011": ["IS", String(series)],
      ...(bits === 16 ? { "00280008": ["IS", "3"] as const } : {}),
      ...(bits === 8
        ? {
            "00280100": ["US", 8] as const,
            "00280101": ["US", 8] as const,
            "00280102": ["US", 7] as const,
            "00280103": ["US", 0] as const,
          }
        : {}),
    }),
    "7FE00010",
  )
  const bytes = file(
    attributes,
    TransferSyntaxUID,
    encapsulated(
      fragments.map((one) => [one]),
      true,
    ),
  )
  return { ...at, TransferSyntaxUID, bytes, fragments, attributes }
})

export const ct = [1, 2, 3].map(ctSlice)
export const mr = [1, 2].map(mrSlice)
export { report, loop, palette, document }
/** Study 1 is Jane's, 2 is John's, 5 compressed, 6 a document. */
export const archive = [...ct, report, ...mr, loop, palette, document, ...compressed]
export const studies = [1, 2, 5, 6].map((study) => place(study, 1, 1).StudyInstanceUID)
