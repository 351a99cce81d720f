// InstanceDeleted → vectors and blob gone. The DELETE request does the same at once; this finishes what a crash cut short.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { eraseTraces } from "../src/deletion/erase.ts"
import { InstanceDeleted } from "../src/events/events.ts"
import { Nats } from "../src/events/Nats.ts"

export const deletions = Effect.gen(function* () {
  const nats = yield* Nats
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
        eraseTraces(deliveries.map(({ value }) => value)).pipe(
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
