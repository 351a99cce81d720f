// Receiving goes first: while senders send, what the streams would do behind waits, for a bounded time.
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** The next request of a sender that waits for its answer comes within this many milliseconds. */
const lingerMillis = 50
/** Longest wait for a turn while requests follow each other without a gap: what came first is searchable within seconds. */
const longestMillis = 2000

export class ReceivingFirst extends Context.Service<
  ReceivingFirst,
  {
    /** Around each store request. */
    readonly receive: <A, E, R>(request: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    /** Ends when nobody sends, or has sent without a gap for so long that the streams take their share. */
    readonly turn: Effect.Effect<void>
  }
>()("gateway/streams/ReceivingFirst") {
  static readonly layer = Layer.effect(
    ReceivingFirst,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let requests = 0
      /** When the present run of requests began, and when the last one ended. */
      let since = 0
      let last = Number.NEGATIVE_INFINITY
      const now = () => clock.currentTimeMillisUnsafe()
      const begin = Effect.sync(() => {
        if (requests++ === 0 && now() - last > lingerMillis) since = now()
      })
      const end = Effect.sync(() => {
        requests--
        last = now()
      })
      const left = () => {
        const at = now()
        const quietIn = requests > 0 ? lingerMillis : last + lingerMillis - at
        return Math.min(quietIn, since + longestMillis - at)
      }
      const turn: Effect.Effect<void> = Effect.suspend(() => {
        const wait = left()
        return wait > 0 ? Effect.andThen(Effect.sleep(wait), turn) : Effect.void
      })
      return ReceivingFirst.of({
        receive: (request) =>
          Effect.acquireUseRelease(
            begin,
            () => request,
            () => end,
          ),
        turn,
      })
    }),
  )
}
