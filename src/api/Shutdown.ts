// Tells answers without an end (event streams) that the gateway is about to stop, so that draining need not wait for them.
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export class Shutdown extends Context.Service<
  Shutdown,
  {
    readonly begin: Effect.Effect<void>
    /** Waits until it has begun. */
    readonly begun: Effect.Effect<void>
  }
>()("gateway/api/Shutdown") {
  static readonly layer = Layer.effect(
    Shutdown,
    Effect.map(Deferred.make<void>(), (signal) =>
      Shutdown.of({ begin: Effect.asVoid(Deferred.succeed(signal, undefined)), begun: Deferred.await(signal) }),
    ),
  )
}
