// A named region, found in the index: series → stacks → chosen slices → query volume.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Decoder } from "../decode/Decoder.ts"
import { CurrentCaller } from "../domain/caller.ts"
import type { Region } from "../domain/region.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { type StackMatrix, VectorIndex } from "../vector-index/VectorIndex.ts"
import { queryVolumeOf } from "./query-volume.ts"
import { type Choice, slicesBetween, slicesInBox, slicesOfSegment, wholeSeries } from "./region-slices.ts"
import { QueryError } from "./RegionQuery.ts"

/** A stage that fails for its own reasons; the cause goes to the log. */
export const unavailable = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, QueryError, R> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logError("query stage failed", error)),
    Effect.mapError(
      () => new QueryError({ reason: "unavailable", message: "the search cannot be done now; try again" }),
    ),
  )

const segmentFrames = Effect.fnUntraced(function* (uid: SOPInstanceUID, SegmentNumber: number) {
  const stored = yield* unavailable((yield* Ledger).instance(uid))
  if (Option.isNone(stored)) {
    return yield* new QueryError({ reason: "unknown", message: `segmentation ${uid} is not stored` })
  }
  const path = (yield* Blobs).path(stored.value.digest)
  const { frames } = yield* (yield* Decoder).segment(path, SegmentNumber).pipe(
    Effect.mapError(({ reason, detail }) => {
      switch (reason) {
        case "missing":
          return new QueryError({ reason: "unknown", message: `segmentation ${uid}: ${detail}` })
        case "crashed":
        case "timeout":
        case "worker":
          return new QueryError({ reason: "unavailable", message: "the segmentation cannot be read now; try again" })
        default:
          return new QueryError({ reason: "region", message: `the segmentation cannot be read: ${detail}` })
      }
    }),
  )
  return frames.map(({ corners }) => corners)
})

const chosenBy = (
  stacks: ReadonlyArray<StackMatrix>,
  region: Region | undefined,
): Effect.Effect<Choice, QueryError, Ledger | Blobs | Decoder> => {
  if (region === undefined) return Effect.succeed(wholeSeries(stacks))
  if ("slices" in region) return Effect.succeed(slicesBetween(stacks, region.slices.from, region.slices.to))
  if ("box" in region) return Effect.succeed(slicesInBox(stacks, region.box))
  return segmentFrames(region.segment.SOPInstanceUID, region.segment.SegmentNumber).pipe(
    Effect.map((frames) => slicesOfSegment(stacks, frames)),
  )
}

/** `stacks`: of one series, not necessarily stored. Fails with `region` where nothing searchable lies in the region. */
export const resolveIn = Effect.fnUntraced(function* (stacks: ReadonlyArray<StackMatrix>, region: Region | undefined) {
  const chosen = yield* chosenBy(
    stacks.filter(({ headers }) => headers.length > 0),
    region,
  )
  if ("missing" in chosen) return yield* new QueryError({ reason: "region", message: chosen.missing })
  const query = queryVolumeOf(chosen)
  if (query === undefined) {
    return yield* new QueryError({ reason: "region", message: "the region holds only blank slices" })
  }
  return query
})

export const resolveNamed = Effect.fnUntraced(function* (request: {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly SeriesInstanceUID: SeriesInstanceUID
  readonly region?: Region
}) {
  const { StudyInstanceUID, SeriesInstanceUID, region } = request
  const series = Effect.map(unavailable((yield* Ledger).seriesFacts), (facts) =>
    facts.find((one) => one.SeriesInstanceUID === SeriesInstanceUID && one.StudyInstanceUID === StudyInstanceUID),
  )
  const unknown = new QueryError({ reason: "unknown", message: `the study has no series ${SeriesInstanceUID}` })
  // The index knows nothing of who may see what: a restricted caller must not ask with a region they cannot see.
  if ((yield* CurrentCaller).origins !== "all" && (yield* series) === undefined) return yield* unknown
  const stacks = yield* unavailable((yield* VectorIndex).stacks(SeriesInstanceUID))
  const own = stacks.filter((stack) => stack.StudyInstanceUID === StudyInstanceUID)
  if (own.length > 0) return yield* resolveIn(own, region)
  const { notSearchable } = (yield* series) ?? (yield* unknown)
  return yield* new QueryError({
    reason: "not-searchable",
    message: `the series is ${notSearchable === undefined ? "not searchable yet" : `not searchable: ${notSearchable}`}`,
  })
})
