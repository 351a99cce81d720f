// A lane: one model with its sessions and its index; the one that serves also has what answers searches.
import { rm } from "node:fs/promises"
import { dirname } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Decoder } from "../decode/Decoder.ts"
import { Embedder, type Model } from "../embed/Embedder.ts"
import * as OnnxEmbedder from "../embed/onnx-embedder.ts"
import { ModelError } from "../embed/preset.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger, LedgerError } from "../ledger/Ledger.ts"
import { type ModelRecord, ModelRecords } from "../ledger/model-records.ts"
import * as Queries from "../query/query-layer.ts"
import { RegionQuery } from "../query/RegionQuery.ts"
import * as WorkerReranker from "../rerank/worker-reranker.ts"
import { journalPath } from "../vector-index/journal-schema.ts"
import * as UsearchIndex from "../vector-index/usearch-index.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"

export interface LaneOptions {
  /** Folder of all indexes. */
  readonly dir: string
  readonly modelsDir: string
  readonly embedThreads: number
  readonly embedBatch: number
  readonly queryThreads: number
  readonly candidates: number
  /** Module of the re-rank threads. */
  readonly queryWorker: URL
}

export interface Lane {
  readonly model: Model
  readonly preset: string
  readonly index: VectorIndex["Service"]
  /** None: the model's file is missing or another one now (`problem`). Deletions reach the index all the same. */
  readonly embedder: Embedder["Service"] | undefined
  readonly problem?: string
  readonly scope: Scope.Closeable
}

/** A lane whose model runs. */
export interface Embedding extends Lane {
  readonly embedder: Embedder["Service"]
}

export const runs = (lane: Lane): lane is Embedding => lane.embedder !== undefined

/** `startThreads`: sessions that are opened at once; a model that only catches up needs one. */
const openEmbedder = (options: LaneOptions, preset: string, scope: Scope.Scope, startThreads: number) =>
  Layer.buildWithScope(
    OnnxEmbedder.layer({
      preset,
      modelsDir: options.modelsDir,
      threads: options.embedThreads,
      startThreads,
      batch: options.embedBatch,
    }),
    scope,
  ).pipe(Effect.map((context) => Context.get(context, Embedder)))

const openIndex = (options: LaneOptions, model: Omit<Model, "inputSize">, scope: Scope.Scope) =>
  Layer.buildWithScope(
    UsearchIndex.layer({
      dir: options.dir,
      modelId: model.id,
      dimension: model.dimension,
      gridSize: model.gridSize,
    }),
    scope,
  ).pipe(Effect.map((context) => Context.get(context, VectorIndex)))

/** Closed with the parent, and before when the opening fails. */
const inScope = <A, E, R>(open: (scope: Scope.Closeable) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    return yield* Effect.onError(open(scope), (cause) => Scope.close(scope, Exit.failCause(cause)))
  })

/** Everything of a model's vectors on disk. */
export const removeVectors = (options: LaneOptions, modelId: string) =>
  Effect.promise(() => rm(dirname(journalPath(options.dir, modelId)), { recursive: true, force: true }))

/** A model that has no vectors yet; what may lie in its folder is of an earlier life that nobody told of deletions. */
export const openNew = (options: LaneOptions, preset: string, { serves }: { readonly serves: boolean }) =>
  inScope((scope) =>
    Effect.gen(function* () {
      const embedder = yield* openEmbedder(options, preset, scope, serves ? options.embedThreads : 1)
      const { model } = embedder
      // The first model of a data folder takes over what an earlier gateway has written.
      if (!serves) yield* removeVectors(options, model.id)
      return { model, preset, embedder, index: yield* openIndex(options, model, scope), scope } satisfies Embedding
    }),
  )

/** A model of the ledger's record. */
export const openRecorded = (options: LaneOptions, record: ModelRecord) =>
  inScope((scope) =>
    Effect.gen(function* () {
      const serves = record.role === "serving"
      const { id, preset, dimension, inputSize, gridSize } = record
      const opened = yield* openEmbedder(options, preset, scope, serves ? options.embedThreads : 1).pipe(
        Effect.filterOrFail(
          ({ model }) => model.id === id,
          ({ model }) =>
            new ModelError({
              message: `model preset ${preset} is now ${model.id}, but the stored vectors are of ${id}: put the old file back, and give the new one a preset of its own`,
            }),
        ),
        Effect.result,
      )
      const model = { id, dimension, inputSize, gridSize }
      const index = yield* openIndex(options, model, scope)
      return opened._tag === "Success"
        ? ({ model, preset, index, scope, embedder: opened.success } satisfies Lane)
        : ({ model, preset, index, scope, embedder: undefined, problem: opened.failure.message } satisfies Lane)
    }),
  )

/** What the model may be asked for: a series that its journal lacks is not searched, whatever the ledger says of others. */
const ledgerOf = Effect.fnUntraced(function* ({ model, index }: Lane) {
  const ledger = yield* Ledger
  const records = yield* ModelRecords
  const seriesFacts = Effect.gen(function* () {
    const facts = yield* ledger.seriesFacts
    const { waiting, failed, walked } = yield* records.backlog(model.id)
    if (walked && waiting + failed === 0) return facts
    const held = yield* index.series.pipe(Effect.mapError((cause) => new LedgerError({ reason: "io", cause })))
    return facts.map((one) => {
      const indexedFrames = Math.min(one.indexedFrames, held.get(one.SeriesInstanceUID) ?? 0)
      const lacks = indexedFrames === 0 && one.indexedFrames > 0
      return { ...one, indexedFrames, ...(lacks ? { notSearchable: `not yet embedded by ${model.id}` } : {}) }
    })
  })
  return Ledger.of({ ...ledger, seriesFacts })
})

/** What answers searches in the lane's space, for the life of the scope. */
export const openQuery = Effect.fnUntraced(function* (
  options: LaneOptions,
  lane: Lane,
  scope: Scope.Scope,
  cacheMegabytes?: number,
) {
  const { id: modelId, dimension, gridSize } = lane.model
  const reranker = WorkerReranker.layer({
    dir: options.dir,
    modelId,
    dimension,
    gridSize,
    workerUrl: options.queryWorker,
    threads: options.queryThreads,
    ...(cacheMegabytes === undefined ? {} : { cacheMegabytes }),
  })
  const context = yield* Layer.buildWithScope(
    Queries.layer({ candidates: options.candidates, model: modelId }).pipe(
      Layer.provide(reranker),
      Layer.provide(
        Layer.mergeAll(
          Layer.succeed(VectorIndex, lane.index),
          Layer.succeed(Ledger, yield* ledgerOf(lane)),
          Layer.succeed(Blobs, yield* Blobs),
          Layer.succeed(Decoder, yield* Decoder),
        ),
      ),
    ),
    scope,
  )
  return Context.get(context, RegionQuery)
})
