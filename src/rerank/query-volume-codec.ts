// A query volume as bytes: the exemplar of a standing region, kept for years, so versioned and checked when read.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { QueryVolume } from "./Reranker.ts"

export class QueryVolumeUnreadable extends Schema.TaggedError<QueryVolumeUnreadable>()("QueryVolumeUnreadable", {
  message: Schema.String,
}) {}

const magic = "RQV"
const version = 1
/** Magic, version (u8), slices (u32), dimension (u32), box vectors (u32: 0 or 1), extent (2 × f64), spacing (f64). */
const headerBytes = 40
const maxSlices = 65_536
const maxDimension = 65_536

type Numbers = Float32Array | Int32Array

/**
 * Layout, little endian: header, positions (f32), indices (i32), vectors (f32), box vectors (f32, when there are any).
 *
 * Throws a RangeError when the arrays do not fit each other: that is the caller's mistake.
 */
export const encodeQueryVolume = (query: QueryVolume): Uint8Array => {
  const { dimension, vectors, boxVectors, positions, indices, spacing, extent } = query
  const slices = positions.length
  const numbers = slices * dimension
  const boxes = boxVectors.length > 0
  if (indices.length !== slices || vectors.length !== numbers || (boxes && boxVectors.length !== numbers))
    throw new RangeError("the arrays of the query volume differ in slices")
  const parts: ReadonlyArray<Numbers> = [positions, indices, vectors, boxVectors]
  const bytes = new Uint8Array(headerBytes + parts.reduce((sum, part) => sum + part.byteLength, 0))
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode(magic))
  view.setUint8(3, version)
  view.setUint32(4, slices, true)
  view.setUint32(8, dimension, true)
  view.setUint32(12, boxes ? 1 : 0, true)
  view.setFloat64(16, extent[0], true)
  view.setFloat64(24, extent[1], true)
  view.setFloat64(32, spacing, true)
  let offset = headerBytes
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), offset)
    offset += part.byteLength
  }
  return bytes
}

const unreadable = (message: string) => new QueryVolumeUnreadable({ message })

/** Fails on another format, a newer version, lengths that do not fit and numbers that cannot be. */
export const decodeQueryVolume = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < headerBytes) return yield* unreadable("shorter than its header")
  if (new TextDecoder().decode(bytes.subarray(0, 3)) !== magic) return yield* unreadable("not a query volume")
  if (view.getUint8(3) !== version) return yield* unreadable(`version ${view.getUint8(3)} is not known`)
  const slices = view.getUint32(4, true)
  const dimension = view.getUint32(8, true)
  const boxes = view.getUint32(12, true)
  if (slices < 1 || slices > maxSlices || dimension < 1 || dimension > maxDimension || boxes > 1)
    return yield* unreadable("slices or dimension out of range")
  if (bytes.length !== headerBytes + slices * (8 + 4 * dimension * (1 + boxes)))
    return yield* unreadable("length does not fit the header")
  let offset = headerBytes
  // Copied: the caller's bytes are aligned to nothing.
  const take = (count: number) => bytes.slice(offset, (offset += count * 4)).buffer
  const query: QueryVolume = {
    dimension,
    positions: new Float32Array(take(slices)),
    indices: new Int32Array(take(slices)),
    vectors: new Float32Array(take(slices * dimension)),
    boxVectors: new Float32Array(take(slices * dimension * boxes)),
    spacing: view.getFloat64(32, true),
    extent: [view.getFloat64(16, true), view.getFloat64(24, true)],
  }
  const { positions, indices, vectors, boxVectors, spacing, extent } = query
  if (![...extent, spacing].every((side) => Number.isFinite(side) && side >= 0))
    return yield* unreadable("extent or spacing out of range")
  if (![positions, vectors, boxVectors].every((array) => array.every(Number.isFinite)))
    return yield* unreadable("numbers that are not finite")
  if (positions.some((position, i) => position < (positions[i - 1] ?? -Infinity)))
    return yield* unreadable("positions that do not ascend")
  if (indices.some((index, i) => index <= (indices[i - 1] ?? -1)))
    return yield* unreadable("indices that do not ascend")
  return query
})
