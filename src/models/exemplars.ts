// The vectors of standing regions, made anew in a model's space from the study that each was drawn on.
import * as Effect from "effect/Effect"
import { StandingRegionId } from "../domain/alert.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { ModelRecords } from "../ledger/model-records.ts"
import { resolveNamed } from "../query/resolve-region.ts"
import { encodeQueryVolume } from "../rerank/query-volume-codec.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import type { Lane } from "./Lane.ts"

/** Standing regions without vectors in this model's space. */
export const without = Effect.fnUntraced(function* ({ model }: Lane) {
  const known = yield* (yield* ModelRecords).exemplars(model.id)
  return (yield* (yield* Ledger).standingRegions).filter(({ id }) => !known.has(id))
})

/** Makes those that can be made now; where the study is gone or not embedded yet, it is tried again the next time. */
export const renewExemplars = Effect.fn("models.renewExemplars")(function* (lane: Lane) {
  const records = yield* ModelRecords
  yield* Effect.forEach(
    yield* without(lane),
    ({ id, region }) =>
      resolveNamed(region).pipe(
        Effect.provideService(VectorIndex, lane.index),
        Effect.flatMap((query) =>
          records.putExemplar(StandingRegionId.make(id), lane.model.id, encodeQueryVolume(query)),
        ),
        Effect.catchTag("QueryError", ({ reason }) =>
          Effect.logDebug("a standing region has no vectors in this model's space", {
            standingRegion: id,
            model: lane.model.id,
            reason,
          }),
        ),
      ),
    { discard: true },
  )
})
