// What a model lacks → decoded from the stored bytes, embedded, and in its own journal; then the ledger is told.
import * as Effect from "effect/Effect"
import { Decoder } from "../decode/Decoder.ts"
import type { InstanceRef } from "../domain/instance.ts"
import { maxSlicesPerMessage } from "../events/embedding-codec.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { ModelRecords } from "../ledger/model-records.ts"
import type { Embedding } from "./Lane.ts"

/** Instances looked at in one step; of them so many are decoded at a time: the ingest has the same threads. */
const step = { instances: 32, concurrency: 2 } as const

/** At most a message's worth of frames in memory, as in the ingest. Answers why there is nothing to embed, if so. */
const embedInstance = Effect.fn("models.embedInstance")(function* (
  { embedder, index }: Embedding,
  instance: InstanceRef,
) {
  const decoder = yield* Decoder
  const path = (yield* Blobs).path(instance.digest)
  const { dimension, gridSize, inputSize } = embedder.model
  const maxFrames = maxSlicesPerMessage(dimension, gridSize)
  for (let firstFrame = 1, last = 1; firstFrame <= last; firstFrame += maxFrames) {
    const prepared = yield* decoder.prepare({ path, firstFrame, maxFrames, inputSize })
    if (prepared._tag === "NotEmbeddable") return prepared.reason
    last = prepared.NumberOfFrames
    const embeddings = yield* embedder.embed(prepared.slices)
    yield* index.add(
      prepared.slices.map(({ FrameNumber, geometry }, i) => ({ instance, FrameNumber, geometry, ...embeddings[i]! })),
    )
  }
  return undefined
})

/** One bounded step; answers how many instances it dealt with. An instance that fails never holds up the others. */
export const fill = Effect.fn("models.fill")(function* (lane: Embedding) {
  const records = yield* ModelRecords
  const { id } = lane.model
  const wanted = yield* records.unembedded(id, step.instances)
  if (wanted.length === 0) return 0
  const held = yield* lane.index.held(wanted.map(({ instance }) => instance))
  const missing = wanted.filter(({ frames }, at) => held[at] !== frames)
  const failed = new Set<number>()
  yield* Effect.forEach(
    missing,
    ({ instance }) =>
      embedInstance(lane, instance).pipe(
        Effect.catchTags({
          DecodeError: ({ reason, detail }) => Effect.succeed(`decode: ${reason}: ${detail}`),
          EmbedError: ({ reason }) => Effect.succeed(`embed: ${reason}`),
        }),
        Effect.flatMap((reason) => {
          if (reason === undefined) return Effect.void
          failed.add(instance.receipt)
          return records.failed(id, instance.receipt, reason)
        }),
      ),
    { concurrency: step.concurrency, discard: true },
  )
  yield* records.embedded(
    id,
    wanted.flatMap(({ instance: { receipt } }) => (failed.has(receipt) ? [] : [receipt])),
  )
  return wanted.length
})
