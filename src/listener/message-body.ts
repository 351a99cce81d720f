// The chunks of an incoming message as they lie on the socket: no copy, no timer and no fiber for what is there already.
import type { Readable } from "node:stream"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { MultipartError } from "./multipart-error.ts"

/** Bytes that wait here, of all bodies. */
export const Bodies = Context.Reference<{ bytes: number }>("gateway/listener/Bodies", {
  defaultValue: () => ({ bytes: 0 }),
})

/** Bytes of a body that may wait here; then the sender does. */
export const mostWaiting = 512 * 1024
/** So much is handed on at once, or what came in so long: whoever reads is woken twice for a CT slice, not eight times. */
const together = { bytes: 256 * 1024, millis: 2 }

const cut = new MultipartError({ reason: "idle", detail: "too few bytes came while others waited for a place" })
const cuts = new WeakMap<Readable, () => void>()

/** Ends the body as one that stalls. */
export const cutBody = (message: Readable): void => cuts.get(message)?.()

const aborted = new MultipartError({ reason: "aborted", detail: "the body could not be read to its end" })

/** Leaves the message open when it ends early. `idleMillis`: longest wait for the next bytes. */
export const messageBody = (message: Readable, idleMillis: number): Stream.Stream<Uint8Array, MultipartError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const bodies = yield* Bodies
      let chunks: Array<Uint8Array> = []
      let waiting = 0
      let state: "open" | "ended" | "aborted" | "cut" = message.readableEnded
        ? "ended"
        : message.destroyed
          ? "aborted"
          : "open"
      let wake: (() => void) | undefined
      let gathering: NodeJS.Timeout | undefined
      const onData = (chunk: Uint8Array) => {
        chunks.push(chunk)
        waiting += chunk.length
        bodies.bytes += chunk.length
        if (waiting >= mostWaiting) message.pause()
        if (waiting >= together.bytes) wake?.()
        else if (wake !== undefined) gathering ??= setTimeout(wake, together.millis)
      }
      const onEnd = () => {
        state = "ended"
        wake?.()
      }
      const onGone = () => {
        if (state === "open") state = "aborted"
        wake?.()
      }
      cuts.set(message, () => {
        if (state === "open") state = "cut"
        wake?.()
      })
      yield* Effect.acquireRelease(
        Effect.sync(() => message.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone)),
        () =>
          Effect.sync(() => {
            // What the error listener heard of stays heard: without one it would end the process.
            message.pause().off("data", onData).off("end", onEnd).off("close", onGone)
            bodies.bytes -= waiting
            waiting = 0
          }),
      )
      const detail = `no bytes came for ${idleMillis / 1000} s`
      const more = Effect.callback<void, MultipartError>((resume) => {
        const rest = () => {
          clearTimeout(timer)
          clearTimeout(gathering)
          gathering = undefined
          wake = undefined
        }
        const over = (effect: Effect.Effect<void, MultipartError>) => {
          rest()
          resume(effect)
        }
        const timer = setTimeout(() => over(Effect.fail(new MultipartError({ reason: "idle", detail }))), idleMillis)
        wake = () => over(Effect.void)
        return Effect.sync(rest)
      })
      const next = Effect.gen(function* () {
        if (chunks.length === 0 && state === "open") yield* more
        const [first, ...others] = chunks
        if (first === undefined) {
          return yield* state === "ended" ? Cause.done() : Effect.fail(state === "cut" ? cut : aborted)
        }
        chunks = []
        bodies.bytes -= waiting
        waiting = 0
        if (message.isPaused()) message.resume()
        return [first, ...others] as const
      })
      return Stream.fromPull(Effect.succeed(next))
    }),
  )
