// InstanceDeleted → vectors and blob gone. The DELETE request does the same at once; this finishes what a crash cut short.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InstanceDeleted } from "../src/events/events.ts"
import { Nats } from "../src/events/Nats.ts"
import { Blobs } from "../src/ledger/Blobs.ts"
import { Ledger } from "../src/ledger/Ledger.ts"
import { VectorIndex } from "../src/vector-index/VectorIndex.ts"

export const deletions = Effect.gen(function* () {
  const nats = yield* Nats
  const index = yield* VectorIndex
  const ledger = yield* Ledger
  const blobs = yield* Blobs
  yield* nats
    .consume({
      stream: "DICOM",
      durable: "deletions",
      filter: "dicom.instance.deleted.>",
      schema: InstanceDeleted,
      maxAckPending: 512,
    })
    .pipe(
      Stream.groupedWithin(256, "50 millis"),
      Stream.runForEach((deliveries) =>
        index.remove(deliveries.map(({ value }) => value)).pipe(
          Effect.andThen(
            Effect.forEach(deliveries, ({ value: { digest } }) => blobs.remove(digest, ledger.isNamed(digest)), {
              discard: true,
            }),
          ),
          Effect.andThen(Effect.forEach(deliveries, ({ ack }) => ack, { discard: true })),
          Effect.catch((error) =>
            Effect.logError("removal failed, comes back", error).pipe(
              Effect.andThen(Effect.forEach(deliveries, ({ nak }) => nak("2 seconds"), { discard: true })),
            ),
          ),
        ),
      ),
    )
})
