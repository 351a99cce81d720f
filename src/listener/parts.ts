// The parts of a multipart/related request (RFC 2387), one after the other while they arrive.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import { parseMediaType, type MediaType } from "../dicom/media-type.ts"
import type { BlobError } from "../ledger/Blobs.ts"
import { makeSplitter, type Piece } from "./multipart.ts"
import { MultipartError } from "./multipart-error.ts"
import { requestBody } from "./request-body.ts"

export interface Part {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** application/dicom where the part names none (PS3.18 §8.7.3). */
  readonly mediaType: MediaType
  /** To be read before the next part is asked for; what is left of it then is skipped. */
  readonly body: Stream.Stream<Uint8Array, MultipartError | BlobError>
}

export interface PartLimits {
  readonly maxParts: number
  /** Longest wait for the next bytes. */
  readonly idleMillis: number
}

export const defaultPartLimits: PartLimits = { maxParts: 20_000, idleMillis: 60_000 }

/** RFC 2046 §5.1.1: no line ends and no final space. It allows 70 characters; Orthanc sends 73, so more are taken. */
const boundaryPattern = /^[\x20-\x7e]{0,199}[\x21-\x7e]$/

/** Boundary of a multipart/related request whose root is of one of the given types, or of none (PS3.18 §8.6.1.2.2). */
export const boundaryOf = Effect.fnUntraced(function* (contentType: string | undefined, ...rootTypes: Array<string>) {
  const { type, parameters } = parseMediaType(contentType ?? "")
  const root = parameters.get("type")?.toLowerCase()
  if (type !== "multipart/related" || (root !== undefined && !rootTypes.includes(root))) {
    const detail = `send multipart/related; type="${rootTypes[0]}"`
    return yield* new MultipartError({ reason: "unsupported", detail })
  }
  const boundary = parameters.get("boundary") ?? ""
  if (boundaryPattern.test(boundary)) return boundary
  return yield* new MultipartError({ reason: "malformed", detail: "the boundary parameter is missing or malformed" })
})

/** Fails unless the closing delimiter came. */
export const splitParts = <R>(
  body: Stream.Stream<Uint8Array, MultipartError, R>,
  boundary: string,
  maxParts = defaultPartLimits.maxParts,
): Stream.Stream<Part, MultipartError, R> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const pull = yield* Stream.toPull(body)
      const splitter = makeSplitter(boundary)
      let pieces: ReadonlyArray<Piece> = []
      let at = 0
      let over = false
      let count = 0

      const refill = pull.pipe(
        Effect.map((chunks) => chunks.flatMap((chunk) => splitter.push(chunk))),
        Pull.catchDone(() =>
          Effect.sync(() => {
            over = true
            return splitter.end()
          }),
        ),
      )
      const next = Effect.gen(function* () {
        while (at >= pieces.length) {
          if (over) return undefined
          pieces = yield* refill
          at = 0
        }
        const piece = pieces[at++]
        if (piece?._tag !== "Broken") return piece
        return yield* new MultipartError({ reason: "malformed", detail: piece.reason })
      })

      /** More of the same part's bytes, as far as they are here. */
      const dataAtHand = (): ReadonlyArray<Uint8Array> => {
        const bytes: Array<Uint8Array> = []
        for (let piece = pieces[at]; piece?._tag === "Data"; piece = pieces[++at]) bytes.push(piece.bytes)
        return bytes
      }

      const bodyOfPart = (number: number) => {
        let ended = false
        return Stream.fromPull(
          Effect.succeed(
            Effect.gen(function* () {
              // Whoever asked for the next part has let this one go.
              if (ended || number !== count) return yield* Cause.done()
              const piece = yield* next
              if (piece?._tag === "Data") return [piece.bytes, ...dataAtHand()] as const
              ended = true
              return yield* Cause.done()
            }),
          ),
        )
      }
      const nextPart = Effect.gen(function* () {
        for (;;) {
          const piece = yield* next
          if (piece === undefined) return yield* Cause.done()
          if (piece._tag !== "Head") continue
          if (++count > maxParts) {
            return yield* new MultipartError({ reason: "too-many-parts", detail: `more than ${maxParts} parts` })
          }
          const { headers } = piece
          const mediaType = parseMediaType(headers.get("content-type") ?? "application/dicom")
          return [{ headers, mediaType, body: bodyOfPart(count) } satisfies Part] as const
        }
      })
      return Stream.fromPull(Effect.succeed(nextPart))
    }),
  )

/** Parts of a multipart/related request of the given root type. Reads no further than it is asked to. */
export const parts = (
  request: HttpServerRequest.HttpServerRequest,
  limits: PartLimits,
  rootType: string,
): Stream.Stream<Part, MultipartError> =>
  Stream.unwrap(
    Effect.map(boundaryOf(request.headers["content-type"], rootType), (boundary) =>
      splitParts(requestBody(request, limits.idleMillis), boundary, limits.maxParts),
    ),
  )
