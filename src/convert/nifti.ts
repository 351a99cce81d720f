// A NIfTI-1 or -2 file (.nii, .nii.gz) as one volume in memory.
import { createHash } from "node:crypto"
import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { isCompressed, isNIFTI, NIFTI1, NIFTI2, readHeader } from "nifti-reader-js"
import type { Samples } from "../domain/samples.ts"
import type { Affine } from "./geometry.ts"

/** The file cannot be converted; `detail` says why, for people. */
export class NiftiError extends Schema.TaggedError<NiftiError>()("NiftiError", {
  reason: Schema.Literals(["unreadable", "not-nifti", "unsupported", "too-large", "truncated"]),
  detail: Schema.String,
}) {
  override get message() {
    return this.detail
  }
}

export interface NiftiVolume {
  /** Voxels along i, j, k. */
  readonly shape: readonly [number, number, number]
  /** Raw values, i fastest; the real value is raw × slope + intercept. */
  readonly voxels: Samples
  readonly slope: number
  readonly intercept: number
  /** Voxel indices to RAS mm. */
  readonly affine: Affine
  /** SHA-256 of the unpacked file, hex. */
  readonly digest: string
}

/** The most a file may unpack to. */
export const maxVolumeBytes = 2 ** 30

type Maker = (buffer: ArrayBuffer, offset: number, count: number) => Samples
const bigAsDouble =
  (make: (buffer: ArrayBuffer, offset: number, count: number) => BigInt64Array | BigUint64Array): Maker =>
  (buffer, offset, count) =>
    Float64Array.from(make(buffer, offset, count), Number)

const datatypes = new Map<number, { readonly size: number; readonly make: Maker }>([
  [2, { size: 1, make: (b, o, n) => new Uint8Array(b, o, n) }],
  [4, { size: 2, make: (b, o, n) => new Int16Array(b, o, n) }],
  [8, { size: 4, make: (b, o, n) => new Int32Array(b, o, n) }],
  [16, { size: 4, make: (b, o, n) => new Float32Array(b, o, n) }],
  [64, { size: 8, make: (b, o, n) => new Float64Array(b, o, n) }],
  [256, { size: 1, make: (b, o, n) => new Int8Array(b, o, n) }],
  [512, { size: 2, make: (b, o, n) => new Uint16Array(b, o, n) }],
  [768, { size: 4, make: (b, o, n) => new Uint32Array(b, o, n) }],
  [1024, { size: 8, make: bigAsDouble((b, o, n) => new BigInt64Array(b, o, n)) }],
  [1280, { size: 8, make: bigAsDouble((b, o, n) => new BigUint64Array(b, o, n)) }],
])

const swap = (bytes: Uint8Array<ArrayBuffer>, size: number) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (size === 2) buffer.swap16()
  if (size === 4) buffer.swap32()
  if (size === 8) buffer.swap64()
}

const millimetres = (header: NIFTI1 | NIFTI2) =>
  ({ [NIFTI1.UNITS_METER]: 1000, [NIFTI1.UNITS_MICRON]: 0.001 })[header.xyzt_units & NIFTI1.SPATIAL_UNITS_MASK] ?? 1

/** The sform where it is set, else the qform, else the voxel sizes alone: the order the NIfTI-1 header file describes. */
const affineOf = (header: NIFTI1 | NIFTI2, data: ArrayBuffer): Affine => {
  const mm = millimetres(header)
  const row = (values: ReadonlyArray<number>) =>
    [values[0]! * mm, values[1]! * mm, values[2]! * mm, values[3]! * mm] as const
  if (header.sform_code > 0) {
    const view = new DataView(data)
    const rows = [0, 1, 2].map((r) =>
      row(
        [0, 1, 2, 3].map((c) =>
          header instanceof NIFTI2
            ? view.getFloat64(400 + (r * 4 + c) * 8, header.littleEndian)
            : view.getFloat32(280 + (r * 4 + c) * 4, header.littleEndian),
        ),
      ),
    )
    return [rows[0]!, rows[1]!, rows[2]!]
  }
  if (header.qform_code > 0) {
    const matrix = header.getQformMat()
    return [row(matrix[0]!), row(matrix[1]!), row(matrix[2]!)]
  }
  const [, x = 1, y = 1, z = 1] = header.pixDims
  return [row([x, 0, 0, 0]), row([0, y, 0, 0]), row([0, 0, z, 0])]
}

const refuse = (reason: NiftiError["reason"], detail: string) => Effect.fail(new NiftiError({ reason, detail }))

/** Reads what lies in memory, already unpacked. */
export const parseNifti = Effect.fnUntraced(function* (bytes: Uint8Array<ArrayBuffer>) {
  const data =
    bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer
  if (data.byteLength < 348 || !isNIFTI(data)) return yield* refuse("not-nifti", "this is no NIfTI file")
  const header = yield* Effect.try({
    try: () => readHeader(data),
    catch: () => new NiftiError({ reason: "not-nifti", detail: "its NIfTI header cannot be read" }),
  })
  const [rank = 0, ...dims] = header.dims
  if (rank > 3 && dims.slice(3, rank).some((size) => size > 1)) {
    return yield* refuse(
      "unsupported",
      `it has ${rank} dimensions (${dims.slice(0, rank).join(" × ")}): give one volume`,
    )
  }
  const size = (axis: number) => (axis < rank ? (dims[axis] ?? 0) : 1)
  const shape = [size(0), size(1), size(2)] as const
  if (rank < 2 || !shape.every((n) => Number.isInteger(n) && n > 0 && n <= 65535)) {
    return yield* refuse("unsupported", `its dimensions are ${shape.join(" × ")}`)
  }
  const datatype = datatypes.get(header.datatypeCode)
  if (datatype === undefined) {
    return yield* refuse("unsupported", `its voxels are of NIfTI datatype ${header.datatypeCode}: give real numbers`)
  }
  const count = shape[0] * shape[1] * shape[2]
  const offset = header.vox_offset
  if (count * datatype.size > maxVolumeBytes) return yield* refuse("too-large", "it is too large to convert")
  if (!(offset >= 0) || !Number.isInteger(offset) || offset + count * datatype.size > data.byteLength) {
    return yield* refuse("truncated", "it ends before its last voxel")
  }
  const body = new Uint8Array(data.slice(offset, offset + count * datatype.size))
  if (!header.littleEndian) swap(body, datatype.size)
  // A slope of 0 means "not scaled" (NIfTI-1 §Data scaling).
  const scaled = Number.isFinite(header.scl_slope) && header.scl_slope !== 0
  const volume: NiftiVolume = {
    shape,
    voxels: datatype.make(body.buffer, 0, count),
    slope: scaled ? header.scl_slope : 1,
    intercept: scaled && Number.isFinite(header.scl_inter) ? header.scl_inter : 0,
    affine: affineOf(header, data),
    digest: createHash("sha256").update(bytes).digest("hex"),
  }
  return volume
})

const unpack = promisify(gunzip)
const unreadable = () => new NiftiError({ reason: "unreadable", detail: "it cannot be read" })

export const readNifti = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const { size } = yield* fs.stat(path).pipe(Effect.mapError(unreadable))
  if (Number(size) > maxVolumeBytes) return yield* refuse("too-large", "it is too large to convert")
  const file = new Uint8Array(yield* fs.readFile(path).pipe(Effect.mapError(unreadable)))
  if (!isCompressed(file.buffer)) return yield* parseNifti(file)
  const bytes = yield* Effect.tryPromise({
    try: () => unpack(file, { maxOutputLength: maxVolumeBytes }),
    catch: (cause) =>
      new NiftiError(
        (cause as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE"
          ? { reason: "too-large", detail: "it is too large to convert" }
          : { reason: "unreadable", detail: "its gzip data is damaged" },
      ),
  })
  return yield* parseNifti(new Uint8Array(bytes))
})
