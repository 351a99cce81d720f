// StudyReady → standing regions → hits over threshold → ALERTS (by the ledger's outbox, once per region and study).
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { StandingRegions } from "../src/alerts/StandingRegions.ts"
import { StudyReady } from "../src/events/events.ts"
import { Nats } from "../src/events/Nats.ts"

export const alerts = Effect.gen(function* () {
  const nats = yield* Nats
  const standing = yield* StandingRegions
  yield* nats
    .consume({
      stream: "DICOM",
      durable: "alerts",
      filter: "dicom.study.ready.>",
      schema: StudyReady,
      maxAckPending: 64,
    })
    .pipe(
      Stream.runForEach((delivery) =>
        standing.match(delivery.value).pipe(
          Effect.andThen(delivery.ack),
          Effect.catch((error) =>
            Effect.logWarning("alerts not matched, study comes back", { error: error._tag, reason: error.reason }).pipe(
              Effect.andThen(delivery.nak("5 seconds")),
            ),
          ),
        ),
      ),
    )
})
