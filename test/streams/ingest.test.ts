// Ingest with a real broker and real decode threads: poison holds up nobody, and what is deleted meanwhile is not published.
import { assert, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Option, Schedule } from "effect"
import { layer as decoders } from "../../src/decode/decoder-layer.ts"
import type { StudyInstanceUID } from "../../src/domain/uid.ts"
import { Embedder } from "../../src/embed/Embedder.ts"
import { Nats } from "../../src/events/Nats.ts"
import { OutboxSignal, publishOutbox } from "../../src/events/outbox.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { Ledger, type NewInstance } from "../../src/ledger/Ledger.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { Models, type Serving } from "../../src/models/Models.ts"
import { ingest } from "../../streams/ingest.ts"
import { ReceivingFirst } from "../../streams/receiving-first.ts"
import { newInstance } from "../support/instances.ts"
import { nats } from "../support/nats.ts"

const worker = new URL("poison-worker.fixture.ts", import.meta.url)
const model = { id: "test", dimension: 2, inputSize: 2, gridSize: 0 }

/** Of the model that serves, ingest needs the embedder. */
const serving = (embedder: Embedder["Service"]) =>
  Layer.mock(Models, { serving: Effect.succeed({ embedder, model } as Serving) })

/** Runs ingest; a digest's file is named after what it does to a thread. */
const running = <A, E>(
  does: ReadonlyMap<string, string>,
  body: Effect.Effect<A, E, Ledger | Nats>,
  embedded: Effect.Effect<void> = Effect.void,
) =>
  Effect.gen(function* () {
    yield* Effect.forkScoped(publishOutbox(Effect.void))
    yield* Effect.forkScoped(ingest({ concurrency: 8, patience: Duration.seconds(4) }))
    return yield* body
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.mergeAll(OutboxSignal.layer, ReceivingFirst.layer)),
    Effect.provide(
      Layer.mergeAll(
        layerMemory,
        nats,
        decoders({ worker, threads: 2, timeout: "12 seconds" }),
        Layer.mock(Blobs, { path: (digest) => does.get(digest) ?? "fine" }),
        serving(
          Embedder.of({
            model,
            embed: (slices) =>
              Effect.as(
                embedded,
                slices.map(() => ({ vector: new Float32Array([1, 0]), locals: new Int8Array(0) })),
              ),
          }),
        ),
      ),
    ),
  )

const volume = (study: number, slices: number) => Array.from({ length: slices }, (_, n) => newInstance(study, 1, n))
const poison = (instances: ReadonlyArray<NewInstance>, what: string) =>
  instances.map(({ digest }) => [digest, what] as const)

const stagesOf = (study: StudyInstanceUID) =>
  Effect.flatMap(Ledger, (ledger) =>
    Effect.map(ledger.studyStatus(study, { offset: 0, limit: 0 }), (status) => Option.getOrThrow(status).stages),
  )
const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  condition.pipe(
    Effect.filterOrFail((is) => is),
    Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 1600 }),
  )

it.live(
  "a study of poison holds up no other one, and is set aside item by item",
  () => {
    const [hanging, dying, healthy] = [volume(1, 20), volume(2, 6), volume(3, 12)]
    const study = healthy[0]!.StudyInstanceUID
    const last = newInstance(1, 2, 1)
    return running(
      new Map([...poison(hanging, "hangs"), ...poison(dying, "dies")]),
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const nats = yield* Nats
        yield* ledger.accept(hanging)
        // Every place and thread is taken by poison.
        yield* until(Effect.map(nats.backlog("DICOM", "ingest"), ({ ackPending }) => ackPending === hanging.length))
        yield* ledger.accept([...dying, ...healthy])
        yield* until(Effect.map(stagesOf(study), ({ embedded }) => embedded === healthy.length))
        // One after the other they need minutes, and nobody waited for them.
        const left = yield* stagesOf(hanging[0]!.StudyInstanceUID)
        assert.isAtMost(left["set-aside"], 3)
        assert.isAtLeast(left.accepted, hanging.length - 3)
        // Deleted while it waits in its lane: passed over, and what is sound of a suspect is embedded.
        yield* ledger.delete({ SeriesInstanceUID: hanging[0]!.SeriesInstanceUID })
        yield* ledger.accept([last])
        yield* until(Effect.map(stagesOf(last.StudyInstanceUID), ({ embedded }) => embedded === 1))
        yield* until(Effect.map(stagesOf(dying[0]!.StudyInstanceUID), (stages) => stages["set-aside"] === dying.length))
        const [item] = yield* ledger.setAsideList({ StudyInstanceUID: dying[0]!.StudyInstanceUID }, 0, 1)
        assert.match(`${item?.stage}: ${item?.reason}`, /^decode: crashed/)
      }),
    )
  },
  120_000,
)

it.live(
  "vectors of what was deleted while they were made do not reach the broker",
  () =>
    Effect.gen(function* () {
      const [begun, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const one = newInstance(1, 1, 1)
      const embedded = Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(go))
      yield* running(
        new Map(),
        Effect.gen(function* () {
          const [ledger, nats] = [yield* Ledger, yield* Nats]
          yield* ledger.accept([one])
          yield* Deferred.await(begun)
          yield* ledger.delete({ SOPInstanceUID: one.SOPInstanceUID })
          yield* Deferred.succeed(go, undefined)
          yield* until(
            Effect.map(nats.backlog("DICOM", "ingest"), ({ pending, ackPending }) => pending + ackPending === 0),
          )
          assert.strictEqual((yield* nats.stored("EMBEDDINGS")).messages, 0)
          // The next one does.
          yield* ledger.accept([newInstance(2, 1, 1)])
          yield* until(Effect.map(nats.stored("EMBEDDINGS"), ({ messages }) => messages === 1))
        }),
        embedded,
      )
    }),
  30_000,
)
