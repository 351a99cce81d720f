// The Decoder on worker threads: one task per thread at a time, each with a deadline that starts when it does.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { Pieces } from "../dicom/pieces.ts"
import { makePool, type WorkerError } from "../workers/pool.ts"
import { DecodeError, Decoder, type Prepared } from "./Decoder.ts"
import type { EncodedFrames } from "./bulk.ts"
import type { Outcome } from "./failure.ts"
import type { Segment } from "./segment.ts"

export interface DecoderOptions {
  /** Module that exports `decodeTasks(…)` by name. */
  readonly worker: URL
  readonly threads: number
  /** Of one task; the thread is then stopped and replaced. */
  readonly timeout: Duration.Input
  /** Heap of one thread; pixels lie outside it and are bounded by frame. */
  readonly heapMegabytes?: number
}

const crashed = (error: WorkerError): DecodeError =>
  new DecodeError({
    reason: error.reason === "timeout" ? "timeout" : "crashed",
    detail: error.reason === "timeout" ? error.message : `the decode thread ${error.reason}: ${error.message}`,
  })

const make = Effect.fnUntraced(function* ({ worker, threads, timeout, heapMegabytes = 1024 }: DecoderOptions) {
  const pool = yield* makePool({ filename: worker, threads, heapMegabytes })
  // The pool would count the wait for a thread as running time.
  const turns = yield* Semaphore.make(threads)
  // A module that does not load is the gateway's fault: better said at the start than once per file.
  yield* Effect.orDie(pool.run("ready", undefined))
  const longest = Duration.toMillis(timeout)
  const run = <A>(task: string, argument: unknown, within = longest): Effect.Effect<A, DecodeError> =>
    turns.withPermits(1)(
      pool.run<Outcome<A>>(task, argument, { timeout: Math.min(within, longest) }).pipe(
        Effect.mapError(crashed),
        Effect.flatMap((answer) =>
          answer.ok ? Effect.succeed(answer.value) : new DecodeError({ reason: answer.reason, detail: answer.detail }),
        ),
      ),
    )
  return Decoder.of({
    prepare: ({ within, ...job }) => run<Prepared>("prepare", job, within),
    render: (job) => run<Uint8Array>("render", job),
    frame: (path, frame) => run<Uint8Array>("frame", { path, frame }),
    explicit: (path) => run<Pieces>("explicit", path),
    bulk: (path, element) => run<Pieces>("bulk", { path, element }),
    encoded: (path, frames) => run<EncodedFrames>("encoded", { path, frames }),
    document: (job) => run<Uint8Array>("document", job),
    links: (path) => run<ReadonlyArray<string>>("links", path),
    segment: (path, SegmentNumber) => run<Segment>("segment", { path, SegmentNumber }),
  })
})

export const layer = (options: DecoderOptions): Layer.Layer<Decoder> => Layer.effect(Decoder, make(options))
