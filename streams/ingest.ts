// InstanceAccepted → decode ─► normalise ─► embed ─► EMBEDDINGS. Acknowledges when the last message of an instance is durable there.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { InstanceRef } from "../src/domain/instance.ts"
import { encodeEmbeddings, maxSlicesPerMessage } from "../src/events/embedding-codec.ts"
import { InstanceAccepted, subjects } from "../src/events/events.ts"
import { Nats, type Delivery } from "../src/events/Nats.ts"
import { Blobs } from "../src/ledger/Blobs.ts"
import { Ledger } from "../src/ledger/Ledger.ts"
import { Models } from "../src/models/Models.ts"
import { HeldBytes } from "../src/workers/held-bytes.ts"
import { type IngestOptions, type Lane, lanes } from "./ingest-lanes.ts"
import { ReceivingFirst } from "./receiving-first.ts"

const encodeAccepted = Schema.encodeSync(Schema.fromJsonString(InstanceAccepted))

/** Bytes of slices between decode and embed. */
const PreparedSlices = Context.Reference<{ bytes: number }>("gateway/streams/PreparedSlices", {
  defaultValue: () => ({ bytes: 0 }),
})

/** How often an item whose stage failed for reasons of its own (model, disk) comes back before it is set aside. */
const attempts = 5

/** Decodes, embeds and publishes one instance, at most a message's worth of frames in memory. Answers why it is not embeddable, if so. */
const embedInstance = Effect.fn("ingest.instance")(function* (
  instance: InstanceRef,
  event: number,
  prepare: Lane["prepare"],
) {
  const held = yield* PreparedSlices
  const ledger = yield* Ledger
  // The model that serves when the instance's turn comes; what it makes after a switch is asked for again (indexing.ts).
  const { embedder } = yield* (yield* Models).serving
  const nats = yield* Nats
  const path = (yield* Blobs).path(instance.digest)
  const { model } = embedder
  const maxFrames = maxSlicesPerMessage(model.dimension, model.gridSize)
  const progress = { SOPInstanceUID: instance.SOPInstanceUID, receipt: instance.receipt }

  let embeddableFrames = 1
  for (let firstFrame = 1; firstFrame <= embeddableFrames; firstFrame += maxFrames) {
    const job = { path, firstFrame, maxFrames, inputSize: model.inputSize }
    const prepared = yield* prepare(job, instance.StudyInstanceUID)
    if (prepared._tag === "NotEmbeddable") {
      yield* ledger.progress([{ ...progress, stage: "stored-only", reason: prepared.reason }])
      return
    }
    const { NumberOfFrames, slices } = prepared
    embeddableFrames = NumberOfFrames
    // Worth telling only where it takes a while; a single frame is embedded at once.
    if (firstFrame === 1 && embeddableFrames > maxFrames) {
      yield* ledger.progress([{ ...progress, stage: "decoded", embeddableFrames }])
    }
    const bytes = slices.reduce((sum, { pixels }) => sum + pixels.byteLength, 0)
    const embeddings = yield* Effect.acquireUseRelease(
      Effect.sync(() => void (held.bytes += bytes)),
      () => embedder.embed(slices),
      () => Effect.sync(() => void (held.bytes -= bytes)),
    )
    // Deleted meanwhile: its vectors do not even reach the broker.
    if (!(yield* ledger.isCurrent(instance))) return
    const payload = encodeEmbeddings({
      model: model.id,
      dimension: model.dimension,
      NumberOfFrames,
      slices: slices.map(({ FrameNumber, geometry }, i) => ({ instance, FrameNumber, geometry, ...embeddings[i]! })),
    })
    yield* nats.publish(
      subjects.embeddings(instance.StudyInstanceUID),
      payload,
      // Named after the event: a redelivery is stored once, an event sent again on purpose is not swallowed.
      `embeddings:${event}:${model.id}:${firstFrame}`,
    )
  }
  yield* ledger.progress([{ ...progress, stage: "embedded", embeddableFrames }])
}, Effect.scoped)

/** One event to its end: acknowledged when done or set aside, handed back when the gateway itself is in trouble. */
const handle = Effect.fnUntraced(function* (delivery: Delivery<InstanceAccepted>, { prepare }: Lane) {
  const { instance } = delivery.value
  const ledger = yield* Ledger
  const nats = yield* Nats
  const setAside = (stage: string, reason: string) => ledger.setAside(instance, stage, reason)
  const handBack = (stage: string) => (error: { readonly _tag: string; readonly reason?: unknown }) =>
    delivery.attempts >= attempts
      ? setAside(stage, `${error._tag} ${String(error.reason ?? "")} after ${attempts} attempts`).pipe(
          Effect.andThen(delivery.ack),
        )
      : Effect.logWarning("handed back", { stage, reason: error._tag, SOPInstanceUID: instance.SOPInstanceUID }).pipe(
          Effect.andThen(delivery.nak("1 second")),
        )

  // Deleted or superseded since: nothing to do.
  if (!(yield* ledger.isCurrent(instance))) return yield* delivery.ack
  yield* embedInstance(instance, delivery.streamSequence, prepare).pipe(
    Effect.catchTag("Suspected", () =>
      nats.publish(
        subjects.instanceSuspected(instance.StudyInstanceUID),
        new TextEncoder().encode(encodeAccepted(delivery.value)),
        `suspected:${delivery.streamSequence}`,
      ),
    ),
    Effect.andThen(delivery.ack),
    Effect.catchTags({
      DecodeError: (error) =>
        error.reason === "worker"
          ? handBack("decode")(error)
          : setAside("decode", `${error.reason}: ${error.detail}`).pipe(Effect.andThen(delivery.ack)),
      EmbedError: handBack("embed"),
      // The broker is away or slow: not the item's fault, however often.
      NatsError: (error) =>
        Effect.logWarning("embeddings not published yet", { operation: error.operation }).pipe(
          Effect.andThen(delivery.nak("1 second")),
        ),
    }),
  )
})

export const ingest = (options: IngestOptions) =>
  Effect.gen(function* () {
    const nats = yield* Nats
    const { model } = yield* Effect.scoped((yield* Models).serving)
    const prepared = yield* PreparedSlices
    const holding = yield* HeldBytes
    holding.set("prepared slices", {
      // RGB.
      budget:
        (options.concurrency + 1) * maxSlicesPerMessage(model.dimension, model.gridSize) * 3 * model.inputSize ** 2,
      held: () => prepared.bytes,
    })
    const { turn } = yield* ReceivingFirst
    const run = (lane: Lane) =>
      nats
        .consume({
          stream: "DICOM",
          durable: lane.durable,
          filter: lane.filter,
          schema: InstanceAccepted,
          maxAckPending: lane.concurrency * 4,
        })
        .pipe(
          Stream.mapEffect(
            (delivery) =>
              Effect.andThen(turn, handle(delivery, lane)).pipe(
                Effect.catch((error) =>
                  Effect.logError("ledger not available, item comes back", error).pipe(
                    Effect.andThen(delivery.nak("2 seconds")),
                  ),
                ),
              ),
            { concurrency: lane.concurrency, unordered: true },
          ),
          Stream.runDrain,
        )
    yield* Effect.forEach(yield* lanes(options), run, { concurrency: "unbounded", discard: true })
  })
