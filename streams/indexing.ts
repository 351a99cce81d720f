// EMBEDDINGS → vector journal + usearch → ledger. Acknowledges once the journal is durable and the ledger knows.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { InstanceRef } from "../src/domain/instance.ts"
import { decodeEmbeddings } from "../src/events/embedding-codec.ts"
import { Nats, type Delivery } from "../src/events/Nats.ts"
import { Ledger } from "../src/ledger/Ledger.ts"
import { Models, type Serving } from "../src/models/Models.ts"

/** One journal commit takes so many messages, or what came in so many milliseconds. */
const batch = { messages: 32, wait: "20 millis" } as const

/** Embedded by the model that served before a switch, and not searchable yet: on its way again, for the one that serves. */
const embedAgain = Effect.fnUntraced(function* (instance: InstanceRef) {
  const ledger = yield* Ledger
  const stored = yield* ledger.instance(instance.SOPInstanceUID)
  if (Option.isNone(stored) || stored.value.receipt !== instance.receipt || stored.value.stage === "indexed") return
  yield* ledger.requeue({ receipts: [instance.receipt] })
})

const index = Effect.fn("indexing.batch")(function* (
  { model, index }: Serving,
  deliveries: ReadonlyArray<Delivery<Uint8Array>>,
) {
  const ledger = yield* Ledger
  const decoded = yield* Effect.forEach(deliveries, (delivery) =>
    decodeEmbeddings(delivery.value).pipe(
      Effect.tapError((error) =>
        Effect.logWarning("embeddings dropped", { sequence: delivery.streamSequence, error: String(error) }).pipe(
          Effect.andThen(delivery.term),
        ),
      ),
      Effect.map((message) => [{ delivery, message }]),
      Effect.catch(() => Effect.succeed([])),
    ),
  )
  const messages = decoded.flat()
  const own = messages.filter(({ message }) => message.model === model.id)
  const others = messages.filter(({ message }) => message.model !== model.id)
  yield* Effect.forEach(
    others.flatMap(({ message: { slices } }) => slices.slice(0, 1)),
    ({ instance }) => embedAgain(instance),
    { discard: true },
  )
  const current = yield* Effect.filter(own, ({ message }) =>
    message.slices[0] === undefined ? Effect.succeed(false) : ledger.isCurrent(message.slices[0].instance),
  )
  const frames = new Map(
    current.flatMap(({ message }) =>
      message.slices.map((slice) => [slice.instance.SOPInstanceUID, message.NumberOfFrames]),
    ),
  )
  const indexed = yield* index.add(current.flatMap(({ message }) => message.slices))
  yield* ledger.progress(
    indexed.map(({ instance: { SOPInstanceUID, receipt }, indexedFrames }) => ({
      SOPInstanceUID,
      receipt,
      stage: "indexed" as const,
      embeddableFrames: frames.get(SOPInstanceUID) ?? indexedFrames,
      indexedFrames,
    })),
  )
  yield* Effect.forEach(messages, ({ delivery }) => delivery.ack, { discard: true })
})

export const indexing = Effect.gen(function* () {
  const nats = yield* Nats
  const { whileServing } = yield* Models
  yield* nats
    .consumeBytes({
      stream: "EMBEDDINGS",
      durable: "index",
      filter: "embeddings.>",
      // A message is up to a megabyte.
      maxAckPending: 64,
    })
    .pipe(
      Stream.groupedWithin(batch.messages, batch.wait),
      Stream.runForEach((deliveries) =>
        whileServing((lane) => index(lane, deliveries)).pipe(
          // Not acknowledged, so all of it comes back; adding twice changes nothing.
          Effect.catch((error) =>
            Effect.logError("index batch failed, comes back", error).pipe(
              Effect.andThen(Effect.forEach(deliveries, (delivery) => delivery.nak("2 seconds"), { discard: true })),
            ),
          ),
        ),
      ),
    )
})
