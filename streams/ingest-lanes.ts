// The two lanes of ingest: many items at a time for all, and one at a time for studies of which something hung or killed
// its decoder.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Decoder, type DecodeError, type DecodeJob, type Prepared } from "../src/decode/Decoder.ts"
import type { StudyInstanceUID } from "../src/domain/uid.ts"
import { makeSuspects } from "./suspects.ts"

export interface IngestOptions {
  /** Instances between decode and publish at a time. */
  readonly concurrency: number
  /** Of a decode thread, for an item that shares the threads with everybody; with more patience it is tried alone. */
  readonly patience: Duration.Duration
}

export interface Lane {
  readonly durable: string
  readonly filter: string
  readonly concurrency: number
  readonly prepare: (job: DecodeJob, study: StudyInstanceUID) => Effect.Effect<Prepared, DecodeError | Suspected>
}

/** The item goes on in the lane for suspects. */
export class Suspected extends Schema.TaggedError<Suspected>()("Suspected", {}) {}

const isPoison = (error: DecodeError) => error.reason === "timeout" || error.reason === "crashed"

/** A worker that died under one item may have died of another: the item gets another try before it is held guilty. */
const again = (error: DecodeError) => error.reason === "worker" || error.reason === "crashed"

export const lanes = Effect.fnUntraced(function* ({ concurrency, patience }: IngestOptions) {
  const decoder = yield* Decoder
  const suspects = yield* makeSuspects
  const within = Duration.toMillis(patience)
  const free: Lane = {
    durable: "ingest",
    filter: "dicom.instance.accepted.>",
    concurrency,
    // Also what of the study is being decoded, or waits for a thread, when another of its items turns out to be poison.
    prepare: (job, study) =>
      Effect.suspend(() =>
        suspects.has(study)
          ? Effect.fail(new Suspected())
          : decoder.prepare({ ...job, within }).pipe(
              Effect.tapError((error) => Effect.sync(() => isPoison(error) && suspects.add(study))),
              Effect.catchIf(isPoison, () => Effect.fail(new Suspected())),
              Effect.raceFirst(Effect.andThen(suspects.becomes(study), Effect.fail(new Suspected()))),
            ),
      ),
  }
  const suspected: Lane = {
    durable: "ingest-suspects",
    filter: "dicom.instance.suspected.>",
    concurrency: 1,
    prepare: (job, study) =>
      decoder.prepare(job).pipe(
        Effect.retry({ while: again, schedule: Schedule.spaced("100 millis"), times: 1 }),
        Effect.tapError((error) => Effect.sync(() => isPoison(error) && suspects.add(study))),
      ),
  }
  return [free, suspected]
})
