// EMBEDDINGS → vector journal + usearch → ledger. Acknowledges once the journal is durable and the ledger knows.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { decodeEmbeddings } from "../src/events/embedding-codec.ts"
import { Nats, type Delivery } from "../src/events/Nats.ts"
import { Embedder } from "../src/embed/Embedder.ts"
import { Ledger } from "../src/ledger/Ledger.ts"
import { VectorIndex } from "../src/vector-index/VectorIndex.ts"

/** One journal commit takes so many messages, or what came in so many milliseconds. */
const batch = { messages: 32, wait: "20 millis" } as const

const index = Effect.fn("indexing.batch")(function* (deliveries: ReadonlyArray<Delivery<Uint8Array>>) {
  const ledger = yield* Ledger
  const { model } = yield* Embedder
  const decoded = yield* Effect.forEach(deliveries, (delivery) =>
    decodeEmbeddings(delivery.value).pipe(
      // Vectors of another model belong to another index; unreadable ones to nobody.
      Effect.filterOrFail(
        (message) => message.model === model.id,
        (message) => `model ${message.model} is not ${model.id}`,
      ),
      Effect.tapError((error) =>
        Effect.logWarning("embeddings dropped", { sequence: delivery.streamSequence, error: String(error) }).pipe(
          Effect.andThen(delivery.term),
        ),
      ),
      Effect.map((message) => [{ delivery, message }]),
      Effect.catch(() => Effect.succeed([])),
    ),
  )
  const current = yield* Effect.filter(decoded.flat(), ({ message }) =>
    message.slices[0] === undefined ? Effect.succeed(false) : ledger.isCurrent(message.slices[0].instance),
  )
  const frames = new Map(
    current.flatMap(({ message }) =>
      message.slices.map((slice) => [slice.instance.SOPInstanceUID, message.NumberOfFrames]),
    ),
  )
  const indexed = yield* (yield* VectorIndex).add(current.flatMap(({ message }) => message.slices))
  yield* ledger.progress(
    indexed.map(({ instance: { SOPInstanceUID, receipt }, indexedFrames }) => ({
      SOPInstanceUID,
      receipt,
      stage: "indexed" as const,
      embeddableFrames: frames.get(SOPInstanceUID) ?? indexedFrames,
      indexedFrames,
    })),
  )
  yield* Effect.forEach(decoded.flat(), ({ delivery }) => delivery.ack, { discard: true })
})

export const indexing = Effect.gen(function* () {
  const nats = yield* Nats
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
        index(deliveries).pipe(
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
