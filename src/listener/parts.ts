// The parts of a multipart/related request (RFC 2387), one after the other while they arrive.
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { parseMediaType, type MediaType } from "../dicom/media-type.ts"
import { makeSplitter, type Piece } from "./multipart.ts"

export class MultipartError extends Schema.TaggedError<MultipartError>()("MultipartError", {
  reason: Schema.Literals(["unsupported", "malformed", "too-many-parts", "idle", "aborted"]),
  /** For people; nothing of what was sent. */
  detail: Schema.String,
}) {}

export interface Part {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** application/dicom where the part names none (PS3.18 §8.7.3). */
  readonly mediaType: MediaType
  /** To be read before the next part is asked for; what is left of it then is skipped. */
  readonly body: Stream.Stream<Uint8Array, MultipartError>
}

export interface PartLimits {
  readonly maxParts: number
  /** Longest wait for the next bytes. */
  readonly idleMillis: number
}

export const defaultPartLimits: PartLimits = { maxParts: 20_000, idleMillis: 60_000 }

/** RFC 2046 §5.1.1: up to 70 characters, also odd ones, but no line ends and no final space. */
const boundaryPattern = /^[\x20-\x7e]{0,69}[\x21-\x7e]$/

/** Boundary of a multipart/related request whose root is of the given type, or of none (PS3.18 §8.6.1.2.2). */
export const boundaryOf = Effect.fnUntraced(function* (contentType: string | undefined, rootType: string) {
  const { type, parameters } = parseMediaType(contentType ?? "")
  const root = parameters.get("type")?.toLowerCase() ?? rootType
  if (type !== "multipart/related" || root !== rootType) {
    const detail = `send multipart/related; type="${rootType}"`
    return yield* new MultipartError({ reason: "unsupported", detail })
  }
  const boundary = parameters.get("boundary") ?? ""
  if (boundaryPattern.test(boundary)) return boundary
  return yield* new MultipartError({ reason: "malformed", detail: "the boundary parameter is missing or malformed" })
})

/**
 * The body as it arrives. The request outlives the stream: destroying it, as the platform's own stream does, closes the
 * socket before an early answer such as 413 has gone out.
 */
const bodyOf = (request: HttpServerRequest.HttpServerRequest, idleMillis: number) =>
  Stream.suspend(() => {
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    return NodeStream.fromReadable({
      evaluate: () => source,
      onError: () => new MultipartError({ reason: "aborted", detail: "the body could not be read to its end" }),
      closeOnDone: false,
      chunkSize: 4,
    }).pipe(
      Stream.timeoutOrElse({
        duration: idleMillis,
        orElse: () =>
          Stream.fail(new MultipartError({ reason: "idle", detail: `no bytes came for ${idleMillis / 1000} s` })),
      }),
    )
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

      const bodyOfPart = (number: number) => {
        let ended = false
        return Stream.fromPull(
          Effect.succeed(
            Effect.gen(function* () {
              // Whoever asked for the next part has let this one go.
              if (ended || number !== count) return yield* Cause.done()
              const piece = yield* next
              if (piece?._tag === "Data") return [piece.bytes] as const
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

/** Parts of a multipart/related request, application/dicom by default. Reads no further than it is asked to. */
export const parts = (
  request: HttpServerRequest.HttpServerRequest,
  limits: PartLimits = defaultPartLimits,
  rootType = "application/dicom",
): Stream.Stream<Part, MultipartError> =>
  Stream.unwrap(
    Effect.map(boundaryOf(request.headers["content-type"], rootType), (boundary) =>
      splitParts(bodyOf(request, limits.idleMillis), boundary, limits.maxParts),
    ),
  )

/** Lets the rest of the body run dry after an early answer, so that a sender still writing gets to read it. */
export const discardBody = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.sync(() => void NodeHttpServerRequest.toIncomingMessage(request).resume())
