// A data folder with generated series already indexed: what a gateway finds after months, without the months.
import { createHash } from "node:crypto"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { Digest } from "../../src/domain/instance.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"
import type { EmbeddedSlice } from "../../src/domain/slice.ts"
import type { Model } from "../../src/embed/Embedder.ts"
import { Ledger, type NewInstance } from "../../src/ledger/Ledger.ts"
import { receiptOf } from "../support/instances.ts"
import * as SqliteLedger from "../../src/ledger/sqlite-ledger.ts"
import * as UsearchIndex from "../../src/vector-index/usearch-index.ts"
import { VectorIndex } from "../../src/vector-index/VectorIndex.ts"
import { axialGeometry } from "../support/domain.ts"

/** Deterministic numbers, mulberry32. */
const randomOf = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5
  }
}

/**
 * Unit vectors that drift along z as real slices do (neighbours at cosine ~0.98) around a direction all slices share
 * (unrelated ones at ~0.8).
 */
const seriesVectors = (seed: number, slices: number, dimension: number) => {
  const shared = randomOf(1)
  const mean = Float32Array.from({ length: dimension }, shared)
  const random = randomOf(seed * 7919 + 13)
  let walk = Float32Array.from({ length: dimension }, random)
  return Array.from({ length: slices }, () => {
    walk = walk.map((value) => value * 0.96 + random() * 0.28)
    const vector = walk.map((value, i) => value + 2 * mean[i]!)
    const norm = Math.hypot(...vector)
    return vector.map((value) => value / norm)
  })
}

const uid = (series: number, slice?: number) =>
  `2.25.7${String(series).padStart(9, "0")}${slice === undefined ? "" : `.${slice + 1}`}`

export const archiveSeries = (series: number) => ({
  StudyInstanceUID: StudyInstanceUID.make(uid(series)),
  SeriesInstanceUID: SeriesInstanceUID.make(`${uid(series)}.0`),
})

const instancesOf = (series: number, slices: number): ReadonlyArray<NewInstance> =>
  Array.from({ length: slices }, (_, n) => ({
    ...archiveSeries(series),
    SOPInstanceUID: SOPInstanceUID.make(uid(series, n)),
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.2",
    TransferSyntaxUID: "1.2.840.10008.1.2.1",
    digest: Digest.make(createHash("sha256").update(uid(series, n)).digest("hex")),
    bytes: 0,
    attributes: {
      "00080060": { vr: "CS", Value: ["CT"] },
      "00080020": { vr: "DA", Value: ["20260101"] },
      "00100020": { vr: "LO", Value: [`P${series}`] },
    },
  }))

/** Ledger rows and journalled vectors of `series` × `slices`, in the layout `serve` expects. */
export const makeArchive = (data: string, model: Model, series: number, slices: number) =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const index = yield* VectorIndex
    for (let n = 0; n < series; n++) {
      const instances = instancesOf(n, slices)
      const acceptances = yield* ledger.accept(instances)
      const vectors = seriesVectors(n, slices, model.dimension)
      const locals = new Int8Array(model.gridSize ** 2 * model.dimension).fill(7)
      const embedded = instances.map((instance, i): EmbeddedSlice => ({
        instance: { ...instance, receipt: receiptOf(acceptances[i]) },
        FrameNumber: 1,
        geometry: axialGeometry(i * 2),
        vector: vectors[i]!,
        locals,
      }))
      yield* index.add(embedded)
      yield* ledger.progress(
        embedded.map(({ instance: { SOPInstanceUID, receipt } }) => ({
          SOPInstanceUID,
          receipt,
          stage: "indexed" as const,
          embeddableFrames: 1,
          indexedFrames: 1,
        })),
      )
    }
    // None of these events is for a stage to work on.
    for (let entries = yield* ledger.outbox(5000); entries.length > 0; entries = yield* ledger.outbox(5000)) {
      yield* ledger.published(entries.map(({ sequence }) => sequence))
    }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        SqliteLedger.layer({ dir: join(data, "ledger") }),
        UsearchIndex.layer({
          dir: join(data, "index"),
          modelId: model.id,
          dimension: model.dimension,
          gridSize: model.gridSize,
        }),
      ),
    ),
  )
