// Moves the ledger's outbox to JetStream, in order, for as long as it takes.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { Ledger, type OutboxEntry } from "../ledger/Ledger.ts"
import { Nats } from "./Nats.ts"

/** Entries on their way at a time. */
const batchSize = 512
/** Without a wake-up the outbox is looked at so often. */
const idle = "500 millis"

/** Whoever wrote to the outbox says so here, and need not wait for the next look. */
export class OutboxSignal extends Context.Service<
  OutboxSignal,
  { readonly wake: Effect.Effect<void>; readonly woken: Effect.Effect<void> }
>()("gateway/events/OutboxSignal") {
  static readonly layer = Layer.effect(
    OutboxSignal,
    Effect.gen(function* () {
      const latch = yield* Latch.make(false)
      return OutboxSignal.of({ wake: latch.open, woken: latch.await.pipe(Effect.andThen(latch.close)) })
    }),
  )
}

/** Whatever the kind of event, its subject ends with the study's partition. */
const partition = ({ subject }: OutboxEntry) => subject.slice(subject.lastIndexOf(".") + 1)

/**
 * Publishes one batch; answers how many went. Only what JetStream has confirmed leaves the outbox. Events of a
 * partition go one after the other, each once the one before is confirmed: of those sent ahead a lost connection could
 * take the first and leave the later ones, and a study's events would change places. Partitions do not wait for each other.
 */
const publishBatch = Effect.gen(function* () {
  const ledger = yield* Ledger
  const nats = yield* Nats
  const entries = yield* ledger.outbox(batchSize)
  if (entries.length === 0) return 0
  const done: Array<number> = []
  const publish = ({ sequence, subject, payload, msgID }: OutboxEntry) =>
    Effect.tap(nats.publish(subject, new TextEncoder().encode(payload), msgID), () =>
      Effect.sync(() => done.push(sequence)),
    )
  const results = yield* Effect.forEach(
    Map.groupBy(entries, partition).values(),
    (ofOne) => Effect.result(Effect.forEach(ofOne, publish, { discard: true })),
    { concurrency: "unbounded" },
  )
  if (done.length > 0) yield* ledger.published(done)
  const failure = results.find((result) => result._tag === "Failure")
  if (failure?._tag === "Failure") return yield* failure.failure
  return done.length
})

/** Never ends and never gives up; what waits stays in the ledger. `turn`: waited for before each batch. */
export const publishOutbox = Effect.fnUntraced(function* (turn: Effect.Effect<void>) {
  const signal = yield* OutboxSignal
  let away = false
  yield* turn.pipe(
    Effect.andThen(publishBatch),
    Effect.flatMap((count) => {
      away = false
      return count === batchSize ? Effect.void : signal.woken.pipe(Effect.timeoutOption(idle), Effect.asVoid)
    }),
    Effect.catch((error) => {
      const first = !away
      away = true
      return (first ? Effect.logWarning("events wait in the outbox", { error: error._tag }) : Effect.void).pipe(
        Effect.andThen(Effect.sleep("250 millis")),
      )
    }),
    Effect.forever,
  )
})
