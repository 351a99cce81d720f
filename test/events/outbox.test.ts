// The outbox empties into JetStream in order, each event once, also when the broker dies on the way.
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { InstanceAccepted } from "../../src/events/events.ts"
import { Nats } from "../../src/events/Nats.ts"
import { NatsServer } from "../../src/events/NatsServer.ts"
import { OutboxSignal, publishOutbox } from "../../src/events/outbox.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { newInstance } from "../support/instances.ts"
import { nats } from "../support/nats.ts"

const count = 1500

it.live("publishes everything once and in order over a kill of the broker", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const broker = yield* Nats
    const server = yield* NatsServer
    const signal = yield* OutboxSignal
    // All of one study, so that they share a subject and their order is defined.
    for (let n = 0; n < count; n += 100) {
      yield* ledger.accept(Array.from({ length: 100 }, (_, i) => newInstance(1, 1, n + i)))
    }
    const received = yield* broker
      .consume({
        stream: "DICOM",
        durable: "test",
        filter: "dicom.instance.accepted.>",
        maxAckPending: 2000,
        schema: InstanceAccepted,
      })
      .pipe(
        Stream.tap((delivery) => delivery.ack),
        // Sequences of the stream, so that a redelivery counts once.
        Stream.scan(
          () => new Map<number, number>(),
          (seen, { streamSequence, value }) => seen.set(streamSequence, value.instance.receipt),
        ),
        Stream.takeUntil((seen) => seen.size >= count),
        Stream.runLast,
        Effect.flatMap(Effect.fromOption),
        Effect.forkScoped,
      )
    yield* Effect.forkScoped(publishOutbox(Effect.void))
    yield* signal.wake
    // Killed as soon as the first batch has gone, long before the last.
    yield* ledger.totals.pipe(
      Effect.filterOrFail(({ outbox }) => outbox.pending < count),
      Effect.retry({ schedule: Schedule.spaced("1 millis"), times: 5000 }),
    )
    process.kill(yield* server.pid, "SIGKILL")
    const seen = yield* Fiber.join(received).pipe(Effect.timeout("40 seconds"))
    const inOrder = [...seen].toSorted(([a], [b]) => a - b).map(([, receipt]) => receipt)
    assert.deepStrictEqual(
      inOrder,
      Array.from({ length: count }, (_, n) => n + 1),
    )
    yield* ledger.totals.pipe(
      Effect.filterOrFail(({ outbox }) => outbox.pending === 0),
      Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 500 }),
    )
  }).pipe(Effect.scoped, Effect.provide(Layer.mergeAll(nats, layerMemory, OutboxSignal.layer))),
)
