// The body of a request as it arrives, and how long one waits for it.
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Stream from "effect/Stream"
import { messageBody } from "./message-body.ts"
import { MultipartError } from "./multipart-error.ts"

/** Bytes that must come in so much waiting: a sender of one byte now and then would hold its place for hours. */
const window = { millis: 60_000, bytes: 60 * 1024 }

/**
 * Fails when less than the window's bytes came in the window's time. Only time spent waiting for the sender counts, so
 * that a slow disk of ours is not held against him.
 */
export const paced = <E, R>(body: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E | MultipartError, R> =>
  Stream.unwrap(
    Effect.map(Stream.toPull(body), (pull) => {
      let waited = 0
      let bytes = 0
      const next = Effect.gen(function* () {
        const before = yield* Clock.currentTimeMillis
        const chunks = yield* pull
        waited += (yield* Clock.currentTimeMillis) - before
        for (const chunk of chunks) bytes += chunk.length
        if (waited >= window.millis) {
          if (bytes < window.bytes) {
            const detail = `fewer than ${window.bytes} bytes came in ${window.millis / 1000} s`
            return yield* new MultipartError({ reason: "idle", detail })
          }
          waited = 0
          bytes = 0
        }
        return chunks
      })
      return Stream.fromPull(Effect.succeed(next))
    }),
  )

/**
 * The request outlives the stream: destroying it, as the platform's own stream does, closes the socket before an early
 * answer such as 413 has gone out. `idleMillis`: longest wait for the next bytes.
 */
export const requestBody = (
  request: HttpServerRequest.HttpServerRequest,
  idleMillis: number,
): Stream.Stream<Uint8Array, MultipartError> =>
  Stream.suspend(() => {
    // The platform says so when its own stream is read; curl waits a second for it, other senders for ever.
    if (/^100-continue$/i.test(request.headers["expect"] ?? "")) {
      NodeHttpServerRequest.toServerResponse(request).writeContinue()
    }
    return paced(messageBody(NodeHttpServerRequest.toIncomingMessage(request), idleMillis))
  })

/** Lets the rest of the body run dry after an early answer, so that a sender still writing gets to read it. */
export const discardBody = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.sync(() => void NodeHttpServerRequest.toIncomingMessage(request).resume())
