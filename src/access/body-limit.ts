// Ends a request whose body is longer than its caller may send, also one that does not say its length.
import type { IncomingMessage } from "node:http"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

const announced = ({ headers }: IncomingMessage) => Number(headers["content-length"] ?? 0)

/** Node's parser hands every piece of a body to `push`, whoever reads it and however. */
const watch = (message: IncomingMessage, most: number, exceeded: () => void) => {
  let bytes = message.readableLength
  const { push } = message
  message.push = (chunk: unknown, encoding) => {
    if (chunk instanceof Uint8Array) bytes += chunk.length
    if (bytes > most) exceeded()
    return push.call(message, chunk, encoding)
  }
}

/** `tooLong` instead of the handler's answer as soon as the body is longer than `most` bytes. */
export const withinBytes =
  <A>(message: IncomingMessage, most: number, tooLong: A) =>
  <E, R>(handler: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    if (announced(message) > most) return Effect.succeed(tooLong)
    // A length that was announced is what Node reads.
    if (message.headers["transfer-encoding"] === undefined) return handler
    return Effect.suspend(() => {
      const over = Deferred.makeUnsafe<A>()
      watch(message, most, () => Deferred.doneUnsafe(over, Effect.succeed(tooLong)))
      return Effect.raceFirst(handler, Deferred.await(over))
    })
  }
