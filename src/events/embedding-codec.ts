// One EMBEDDINGS message: the embedded slices of one instance as a JSON header and the numbers behind it.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type EmbeddedSlice, SliceHeader } from "../domain/slice.ts"

export interface Embeddings {
  /** Names the space the vectors live in. */
  readonly model: string
  readonly dimension: number
  /** Of the whole instance; the message may hold only some of them. */
  readonly NumberOfFrames: number
  readonly slices: ReadonlyArray<EmbeddedSlice>
}

export class EmbeddingsUnreadable extends Schema.TaggedError<EmbeddingsUnreadable>()("EmbeddingsUnreadable", {
  message: Schema.String,
}) {}

const Header = Schema.Struct({
  model: Schema.String,
  dimension: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_536 })),
  /** Local values per slice; 0 without a grid. */
  locals: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 16_777_216 })),
  NumberOfFrames: Schema.Int,
  slices: Schema.Array(SliceHeader),
})
const HeaderJson = Schema.fromJsonString(Header)
const encodeHeader = Schema.encodeSync(HeaderJson)
const decodeHeader = Schema.decodeUnknownEffect(HeaderJson)

/** JSON of one slice header, generously. */
const headerBytes = 1400
/** Stays below the message limit that brokers have by default. */
const messageBytes = 1_000_000

/** How many slices of a model fit into one message; at least one. */
export const maxSlicesPerMessage = (dimension: number, gridSize: number): number =>
  Math.max(1, Math.floor(messageBytes / (headerBytes + dimension * 4 + gridSize * gridSize * dimension)))

/** Layout: header length (u32 LE), header (UTF-8 JSON), vectors (f32 LE), locals (i8). */
export const encodeEmbeddings = ({ model, dimension, NumberOfFrames, slices }: Embeddings): Uint8Array => {
  const locals = slices[0]?.locals.length ?? 0
  const header = new TextEncoder().encode(
    encodeHeader({
      model,
      dimension,
      locals,
      NumberOfFrames,
      slices: slices.map(({ instance, FrameNumber, geometry }) => ({ instance, FrameNumber, geometry })),
    }),
  )
  const bytes = new Uint8Array(4 + header.length + slices.length * (dimension * 4 + locals))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, header.length, true)
  bytes.set(header, 4)
  let offset = 4 + header.length
  for (const { vector } of slices) {
    for (let i = 0; i < dimension; i++) view.setFloat32(offset + i * 4, vector[i] ?? 0, true)
    offset += dimension * 4
  }
  for (const slice of slices) {
    bytes.set(new Uint8Array(slice.locals.buffer, slice.locals.byteOffset, locals), offset)
    offset += locals
  }
  return bytes
}

const unreadable = (message: string) => new EmbeddingsUnreadable({ message })

export const decodeEmbeddings = Effect.fnUntraced(function* (bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4) return yield* unreadable("shorter than its length field")
  const numbers = 4 + view.getUint32(0, true)
  if (numbers > bytes.length) return yield* unreadable("header longer than the message")
  const header = yield* decodeHeader(new TextDecoder().decode(bytes.subarray(4, numbers))).pipe(
    Effect.mapError((error) => unreadable(error.message)),
  )
  const { model, dimension, locals, NumberOfFrames } = header
  if (bytes.length !== numbers + header.slices.length * (dimension * 4 + locals)) {
    return yield* unreadable("length does not fit the header")
  }
  const localsAt = numbers + header.slices.length * dimension * 4
  // Copied: the broker's buffer is aligned to nothing and lives as long as any view of it. A Buffer's own `slice` would
  // be such a view.
  const copy = (from: number, to: number) => Uint8Array.prototype.slice.call(bytes, from, to).buffer
  const slices = header.slices.map((slice, n): EmbeddedSlice => ({
    ...slice,
    vector: new Float32Array(copy(numbers + n * dimension * 4, numbers + (n + 1) * dimension * 4)),
    locals: new Int8Array(copy(localsAt + n * locals, localsAt + (n + 1) * locals)),
  }))
  return { model, dimension, NumberOfFrames, slices } satisfies Embeddings
})
