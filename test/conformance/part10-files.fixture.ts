// Data sets written byte by byte as Part 10 files (PS3.10 §7), so that every check knows exactly what it sent.
import { element, part10, sequence } from "../dicom/part10.fixture.ts"

/** By tag, `"00100010": ["PN", "Doe^Jane"]`; a sequence's value is an array of these; no value is an empty one. */
export interface Attributes {
  readonly [tag: string]: readonly [vr: string, value?: unknown]
}

export const explicitLittle = "1.2.840.10008.1.2.1"
export const implicitLittle = "1.2.840.10008.1.2"

const even = (bytes: Buffer) => (bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]))

const write = (attributes: Attributes): Buffer =>
  Buffer.concat(
    Object.entries(attributes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([tag, [vr, value = ""]]) => {
        const number = Number.parseInt(tag, 16)
        if (vr === "SQ") return sequence(number, (value as ReadonlyArray<Attributes>).map(write))
        return element(number, vr, Buffer.isBuffer(value) ? even(value) : value)
      }),
  )

/** A file with its complete file meta information. `pixelData` is a whole element, such as an encapsulated one. */
export const file = (
  attributes: Attributes,
  TransferSyntaxUID = explicitLittle,
  pixelData: Uint8Array = Buffer.alloc(0),
): Buffer => withMeta(Buffer.concat([write(attributes), pixelData]), attributes, TransferSyntaxUID)

const withMeta = (dataset: Buffer, attributes: Attributes, TransferSyntaxUID: string) => {
  const meta = write({
    "00020001": ["OB", Buffer.of(0, 1)],
    "00020002": ["UI", attributes["00080016"]?.[1]],
    "00020003": ["UI", attributes["00080018"]?.[1]],
    "00020010": ["UI", TransferSyntaxUID],
    "00020012": ["UI", "1.2.3.4"],
  })
  return Buffer.concat([
    part10(Buffer.alloc(0)).subarray(0, 132),
    element(0x00020000, "UL", meta.length),
    meta,
    dataset,
  ])
}

export interface Place {
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID: string
  readonly SOPInstanceUID: string
}

export const place = (study: number, series: number, instance: number): Place => ({
  StudyInstanceUID: `1.2.3.4.${study}`,
  SeriesInstanceUID: `1.2.3.4.${study}.${series}`,
  SOPInstanceUID: `1.2.3.4.${study}.${series}.${instance}`,
})

export const ctClass = "1.2.840.10008.5.1.4.1.1.2"

/** Identity and the module that makes an image of `samples`; `more` adds or replaces. */
export const imageAttributes = (at: Place, rows: number, columns: number, samples: Buffer, more: Attributes = {}) => {
  const attributes: Attributes = {
    "00080016": ["UI", ctClass],
    "00080018": ["UI", at.SOPInstanceUID],
    "00080060": ["CS", "CT"],
    "0020000D": ["UI", at.StudyInstanceUID],
    "0020000E": ["UI", at.SeriesInstanceUID],
    "00280002": ["US", 1],
    "00280004": ["CS", "MONOCHROME2"],
    "00280010": ["US", rows],
    "00280011": ["US", columns],
    "00280100": ["US", 16],
    "00280101": ["US", 16],
    "00280102": ["US", 15],
    "00280103": ["US", 1],
    "7FE00010": ["OW", samples],
    ...more,
  }
  return attributes
}

/** Everything of the attributes but those tags. */
export const without = (attributes: Attributes, ...tags: ReadonlyArray<string>): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([tag]) => !tags.includes(tag)))

/** Signed 16-bit samples that rise by `step` from `first`. */
export const ramp = (count: number, first = -100, step = 1): Buffer =>
  Buffer.from(Int16Array.from({ length: count }, (_, i) => first + i * step).buffer)

let made = 0
/** A small CT image that no check has sent before; `more` adds or replaces attributes. */
export const newCt = (more: Attributes = {}, study?: number) => {
  made++
  const at = place(study ?? 90_000 + made, 1, made)
  const attributes = imageAttributes(at, 8, 8, ramp(64), {
    "00100010": ["PN", "Fresh^Patient"],
    "00100020": ["LO", `F-${made}`],
    ...more,
  })
  return { ...at, attributes, bytes: file(attributes) }
}
