// Threads for what would hold up everybody: long headers, deflated objects, much metadata. They start when they are first needed.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { DataSetError } from "../dicom/data-set-error.ts"
import { Part10Error } from "../dicom/part10-error.ts"
import type { DicomJson } from "../domain/instance.ts"
import { makePool } from "../workers/pool.ts"
import type { Composed, MetadataJob } from "./compose-instances.ts"
import type { FileContent, Header } from "./header.ts"
import type { ComposeAnswer, HeaderAnswer } from "./reading-worker.ts"

const threads = 2
/** Of one task, from when it has a thread. Well below the minute that senders wait. */
const timeout = "20 seconds"
/** What the limits let through takes a third of this. */
const heapMegabytes = 1024

export class ReadingThreads extends Context.Service<
  ReadingThreads,
  {
    /** As `readHeader`, under its wider limits. */
    readonly header: (content: FileContent) => Effect.Effect<Header, Part10Error>
    /** As `composeInstances`. */
    readonly compose: (job: MetadataJob) => Effect.Effect<ReadonlyArray<Composed>, DataSetError | Part10Error>
  }
>()("gateway/listener/ReadingThreads") {}

/** Between threads a Buffer becomes an array of bytes. */
const withBuffers = (each: Composed): Composed =>
  each._tag === "Refused"
    ? each
    : {
        ...each,
        chunks: each.chunks.map((chunk) =>
          chunk instanceof Uint8Array ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : chunk,
        ),
      }

export const layer = Layer.effect(
  ReadingThreads,
  Effect.gen(function* () {
    const filename = new URL("reading-worker.ts", import.meta.url)
    const pool = yield* makePool({ filename, threads, startThreads: 0, heapMegabytes })
    // The pool would count the wait for a thread as running time.
    const turns = yield* Semaphore.make(threads)
    const run = <A>(task: string, argument: unknown): Effect.Effect<A, Part10Error> =>
      turns
        .withPermit(pool.run<A>(task, argument, { timeout }))
        .pipe(
          Effect.catchTag("WorkerError", ({ reason, message }) =>
            reason === "threw"
              ? Effect.die(new Error(message))
              : Effect.fail(new Part10Error("too-large", "reading it takes more time or memory than one object may")),
          ),
        )
    return ReadingThreads.of({
      header: Effect.fnUntraced(function* (content) {
        const answer = yield* run<HeaderAnswer>("header", content)
        if ("reason" in answer) return yield* Effect.fail(new Part10Error(answer.reason, answer.detail))
        return { ...answer, attributes: JSON.parse(answer.attributes) as DicomJson }
      }),
      compose: Effect.fnUntraced(function* (job) {
        const answer = yield* run<ComposeAnswer>("compose", job)
        if ("detail" in answer) return yield* Effect.fail(new DataSetError(answer.detail))
        return answer.instances.map(withBuffers)
      }),
    })
  }),
)
