// Pieces as the bytes that go out: stored stretches read when their turn comes, at most two frames decoded ahead.
import * as NodeStream from "@effect/platform-node/NodeStream"
import { constants, createInflateRaw } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Decoder, type DecodeError } from "../decode/Decoder.ts"
import type { Piece, Pieces } from "../dicom/pieces.ts"
import { swapWords } from "../dicom/value-representation.ts"
import type { Digest } from "../domain/instance.ts"
import { Blobs, BlobError } from "../ledger/Blobs.ts"

export type SendError = BlobError | DecodeError
export type Bytes = Stream.Stream<Uint8Array, SendError>

/** Words may be cut between chunks. */
const swapped = (bytes: Bytes, width: 1 | 2 | 4 | 8): Bytes =>
  width === 1
    ? bytes
    : bytes.pipe(
        Stream.mapAccum(
          () => Buffer.alloc(0),
          (rest: Buffer, chunk) => {
            const joined = Buffer.concat([rest, chunk])
            const whole = joined.length - (joined.length % width)
            return [joined.subarray(whole), [swapWords(joined.subarray(0, whole), width)]] as const
          },
          { onHalt: (rest: Buffer) => (rest.length === 0 ? [] : [rest]) },
        ),
      )

const chunkBytes = 256 * 1024

/** One after the other: whoever compresses or sends them takes them when he can. */
export const inChunks = (bytes: Uint8Array): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, i) =>
      bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes),
    ),
    { chunkSize: 1 },
  )

/** Turns pieces of the object with these bytes into a stream. */
export const sender = Effect.gen(function* () {
  const blobs = yield* Blobs
  const decoder = yield* Decoder
  const bytesOf = (piece: Piece, digest: Digest, fileBytes: number): Effect.Effect<Bytes, SendError> => {
    switch (piece._tag) {
      case "Bytes":
        return Effect.succeed(inChunks(piece.bytes))
      case "Frame":
        return Effect.map(decoder.frame(blobs.path(digest), piece.frame), (bytes) =>
          inChunks(bytes.subarray(piece.offset, piece.offset + piece.length)),
        )
      case "Stored":
        return Effect.succeed(swapped(blobs.read(digest, { offset: piece.offset, length: piece.length }), piece.swap))
      case "Inflated":
        return Effect.succeed(
          blobs.read(digest, { offset: piece.offset, length: fileBytes - piece.offset }).pipe(
            NodeStream.pipeThroughDuplex<Uint8Array, BlobError>({
              evaluate: () => createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 256 * 1024 }),
              onError: (cause) => new BlobError({ reason: "io", cause }),
            }),
          ),
        )
    }
  }
  return (pieces: Pieces, { digest, bytes }: { readonly digest: Digest; readonly bytes: number }): Bytes =>
    Stream.fromIterable(pieces).pipe(
      Stream.mapEffect((piece) => bytesOf(piece, digest, bytes), { concurrency: 2 }),
      Stream.flatMap((stream) => stream),
    )
})
