// Embedder on ONNX Runtime: micro-batches gathered across callers, one session per thread.
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
import type { Embedding, PreparedSlice } from "../domain/slice.ts"
import { makePool, type Pool, type WorkerError } from "../workers/pool.ts"
import { builtinModel } from "./builtin-model.ts"
import { EmbedError, Embedder, type Model } from "./Embedder.ts"
import { ModelError, readPreset } from "./preset.ts"
import type { SessionModel } from "./session.ts"

export interface EmbedderOptions {
  /** Name in gateway-config/models without .yaml, or path of a preset. */
  readonly preset: string
  /** Where the builtin model's ONNX file is kept. */
  readonly modelsDir: string
  readonly threads: number
  /** How many of them start at once; the others when there is work for them. All when absent. */
  readonly startThreads?: number
  /** Slices per model run at the most. */
  readonly batch: number
}

/** An incomplete batch waits so long for other callers' slices. */
const gatherTime = "3 millis"
interface Waiting {
  readonly pixels: Uint8Array
  readonly answer: Deferred.Deferred<Embedding, EmbedError>
}

const embedError = (error: WorkerError) =>
  new EmbedError({
    reason: error.reason === "timeout" ? "timeout" : error.reason === "threw" ? "model" : "worker",
    cause: error,
  })

const digestOf = (path: string) =>
  Effect.tryPromise({
    try: async () => {
      const hash = createHash("sha256")
      await pipeline(createReadStream(path), hash)
      return hash.digest("hex")
    },
    catch: (cause) =>
      new ModelError({ message: `model ${path}: ${cause instanceof Error ? cause.message : String(cause)}` }),
  })

/** Only memory of its own can be handed over without taking other slices along. */
const owned = (pixels: Uint8Array): Uint8Array =>
  pixels.buffer instanceof ArrayBuffer && pixels.byteLength === pixels.buffer.byteLength ? pixels : pixels.slice()

/** Runs one batch and answers each slice; a failed run fails its slices, and no others. */
const runBatch = (pool: Pool, batch: ReadonlyArray<Waiting>) => {
  const images = batch.map(({ pixels }) => owned(pixels))
  const buffers = images.map(({ buffer }) => buffer as ArrayBuffer)
  return pool.run<ReadonlyArray<Embedding>>("embed", images, { transfer: buffers }).pipe(
    Effect.matchEffect({
      onFailure: (error) =>
        Effect.forEach(batch, ({ answer }) => Deferred.fail(answer, embedError(error)), { discard: true }),
      onSuccess: (embeddings) =>
        Effect.forEach(batch, ({ answer }, i) => Deferred.succeed(answer, embeddings[i]!), { discard: true }),
    }),
  )
}

const make = Effect.fn("onnxEmbedder")(function* (options: EmbedderOptions) {
  const { name, preset, file } = yield* readPreset(options.preset)
  const path = file ?? (yield* builtinModel("mobilenet-v1-025", options.modelsDir))
  const digest = yield* digestOf(path)
  const startThreads = options.startThreads ?? options.threads
  const pool = yield* makePool({
    filename: new URL("./embed-worker.ts", import.meta.url),
    threads: options.threads,
    startThreads,
    data: { preset, path } satisfies SessionModel,
    stoppable: false,
  })
  // As many probes as threads that start: each opens its session before the first slice comes.
  yield* Effect.all(
    Array.from({ length: startThreads }, () => pool.run("probe", preset.input.size)),
    { concurrency: "unbounded", discard: true },
  ).pipe(Effect.mapError((error) => new ModelError({ message: `model preset ${name}: ${path}: ${error.message}` })))

  const queue = yield* Queue.bounded<Waiting>(options.batch * options.threads * 2)
  const gathering = yield* Semaphore.make(1)
  const gather = Effect.gen(function* () {
    const first = yield* Queue.takeBetween(queue, 1, options.batch)
    if (first.length === options.batch) return first
    yield* Effect.sleep(gatherTime)
    return [...first, ...(yield* Queue.takeBetween(queue, 0, options.batch - first.length))]
  })
  // One task waits in the pool while each thread runs another, so that no thread waits for the gathering.
  yield* Effect.forEach(
    Array.from({ length: options.threads + 1 }),
    () =>
      gathering.withPermit(gather).pipe(
        Effect.flatMap((batch) => runBatch(pool, batch)),
        Effect.forever,
        Effect.forkScoped,
      ),
    { discard: true },
  )

  const bytes = preset.input.size ** 2 * 3
  const embed = Effect.fnUntraced(function* (slices: ReadonlyArray<PreparedSlice>) {
    // Checked here: in the batch a wrong one would take others along.
    const wrong = slices.find(({ pixels }) => pixels.length !== bytes)
    if (wrong !== undefined) {
      return yield* new EmbedError({
        reason: "model",
        cause: new Error(`frame ${wrong.FrameNumber} has ${wrong.pixels.length} bytes, the model takes ${bytes}`),
      })
    }
    const waiting = slices.map(({ pixels }) => ({ pixels, answer: Deferred.makeUnsafe<Embedding, EmbedError>() }))
    yield* Queue.offerAll(queue, waiting)
    return yield* Effect.forEach(waiting, ({ answer }) => Deferred.await(answer))
  })

  const model: Model = {
    id: `${name}-${digest.slice(0, 8)}`,
    dimension: preset.dimension,
    inputSize: preset.input.size,
    gridSize: preset.gridSize ?? 0,
  }
  return Embedder.of({ model, embed })
})

/** Fails at start, with words for the person who wrote the preset, when the model does not do what the preset says. */
export const layer = (options: EmbedderOptions): Layer.Layer<Embedder, ModelError> =>
  Layer.effect(Embedder, make(options))
