// Writes small Part 10 files, well-formed or not, for the tests of header parsing and decoding.

export interface WriteOptions {
  readonly TransferSyntaxUID?: string
  readonly littleEndian?: boolean
}

const longVRs = new Set(["OB", "OD", "OF", "OV", "OW", "SQ", "UN", "UT"])
const bytesOf = (vr: string, value: unknown, little: boolean): Buffer => {
  if (Buffer.isBuffer(value)) return value
  const numbers = Array.isArray(value) ? (value as Array<number>) : [Number(value)]
  if (vr === "US" || vr === "SS" || vr === "UL") {
    const size = vr === "UL" ? 4 : 2
    const bytes = Buffer.alloc(numbers.length * size)
    numbers.forEach((number, i) => {
      if (size === 4) bytes[little ? "writeUInt32LE" : "writeUInt32BE"](number, i * 4)
      else bytes[little ? "writeUInt16LE" : "writeUInt16BE"](number & 0xffff, i * 2)
    })
    return bytes
  }
  const text = Array.isArray(value) ? value.join("\\") : String(value)
  return Buffer.from(text.length % 2 === 0 ? text : `${text}${vr === "UI" ? "\0" : " "}`, "latin1")
}

const header = (tag: number, vr: string, length: number, little: boolean): Buffer => {
  const long = longVRs.has(vr)
  const bytes = Buffer.alloc(long ? 12 : 8)
  bytes[little ? "writeUInt16LE" : "writeUInt16BE"](tag >>> 16, 0)
  bytes[little ? "writeUInt16LE" : "writeUInt16BE"](tag & 0xffff, 2)
  bytes.write(vr, 4, "latin1")
  if (long) bytes[little ? "writeUInt32LE" : "writeUInt32BE"](length, 8)
  else bytes[little ? "writeUInt16LE" : "writeUInt16BE"](length, 6)
  return bytes
}

/** One explicit VR element. */
export const element = (tag: number, vr: string, value: unknown, little = true): Buffer => {
  const bytes = bytesOf(vr, value, little)
  return Buffer.concat([header(tag, vr, bytes.length, little), bytes])
}

const marker = (tag: number, length: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt16LE(tag >>> 16, 0)
  bytes.writeUInt16LE(tag & 0xffff, 2)
  bytes.writeUInt32LE(length, 4)
  return bytes
}

const delimiter = marker(0xfffee0dd, 0)

/** A sequence of undefined length whose items have defined ones. */
export const sequence = (tag: number, items: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat([
    header(tag, "SQ", 0xffffffff, true),
    ...items.flatMap((item) => [marker(0xfffee000, item.length), item]),
    delimiter,
  ])

const even = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(bytes.length % 2)])

/** Encapsulated pixel data; the offset table names every frame when asked for. */
export const encapsulated = (frames: ReadonlyArray<ReadonlyArray<Uint8Array>>, withTable: boolean): Buffer => {
  const offsets = Buffer.alloc(withTable ? frames.length * 4 : 0)
  let at = 0
  const parts = frames.flatMap((fragments, i) => {
    if (withTable) offsets.writeUInt32LE(at, i * 4)
    return fragments.flatMap((fragment) => {
      const bytes = even(fragment)
      at += 8 + bytes.length
      return [marker(0xfffee000, bytes.length), bytes]
    })
  })
  return Buffer.concat([
    header(0x7fe00010, "OB", 0xffffffff, true),
    marker(0xfffee000, offsets.length),
    offsets,
    ...parts,
    delimiter,
  ])
}

/** Preamble, file meta information and the data set as given. */
export const part10 = (dataset: Uint8Array, TransferSyntaxUID = "1.2.840.10008.1.2.1"): Buffer =>
  Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), element(0x00020010, "UI", TransferSyntaxUID), dataset])

export interface ImageOptions {
  readonly Modality?: string
  readonly SOPClassUID?: string
  readonly ImageType?: string
  readonly Rows: number
  readonly Columns: number
  readonly BitsAllocated: number
  readonly BitsStored?: number
  readonly HighBit?: number
  readonly PixelRepresentation?: 0 | 1
  readonly SamplesPerPixel?: number
  readonly PhotometricInterpretation?: string
  readonly NumberOfFrames?: number
  readonly geometry?: boolean
  readonly more?: ReadonlyArray<Buffer>
  /** The whole pixel data element; none when left out. */
  readonly pixelData?: Buffer
  readonly TransferSyntaxUID?: string
  readonly little?: boolean
}

/** An image object, a CT slice unless told otherwise. */
export const image = (options: ImageOptions): Buffer => {
  const little = options.little ?? true
  const stored = options.BitsStored ?? options.BitsAllocated
  const at = (tag: number, vr: string, value: unknown) => element(tag, vr, value, little)
  return part10(
    Buffer.concat([
      at(0x00080008, "CS", options.ImageType ?? "ORIGINAL\\PRIMARY\\AXIAL"),
      at(0x00080016, "UI", options.SOPClassUID ?? "1.2.840.10008.5.1.4.1.1.2"),
      at(0x00080060, "CS", options.Modality ?? "CT"),
      ...((options.geometry ?? true)
        ? [at(0x00200032, "DS", "-100\\-100\\50"), at(0x00200037, "DS", "1\\0\\0\\0\\1\\0")]
        : []),
      at(0x00280002, "US", options.SamplesPerPixel ?? 1),
      at(0x00280004, "CS", options.PhotometricInterpretation ?? "MONOCHROME2"),
      ...(options.NumberOfFrames === undefined ? [] : [at(0x00280008, "IS", options.NumberOfFrames)]),
      at(0x00280010, "US", options.Rows),
      at(0x00280011, "US", options.Columns),
      ...((options.geometry ?? true) ? [at(0x00280030, "DS", "0.5\\0.75")] : []),
      at(0x00280100, "US", options.BitsAllocated),
      at(0x00280101, "US", stored),
      at(0x00280102, "US", options.HighBit ?? stored - 1),
      at(0x00280103, "US", options.PixelRepresentation ?? 0),
      ...(options.more ?? []),
      ...(options.pixelData === undefined ? [] : [options.pixelData]),
    ]),
    options.TransferSyntaxUID,
  )
}
