// Slices, folders and layers for the tests of the vector index.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import { Receipt } from "../../src/domain/instance.ts"
import type { EmbeddedSlice } from "../../src/domain/slice.ts"
import { type SOPInstanceUID, SeriesInstanceUID } from "../../src/domain/uid.ts"
import { layer, type VectorIndexOptions } from "../../src/vector-index/usearch-index.ts"
import { VectorIndex, type VectorIndexError } from "../../src/vector-index/VectorIndex.ts"
import { axialGeometry, instanceRef } from "../support/domain.ts"

export const dimension = 8
export const gridSize = 2

/** Unit vectors that differ by seed. */
export const unit = (seed: number, size = dimension): Float32Array => {
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin((seed + 1) * 12.9898 + (i + 1) * 78.233))
  const length = Math.hypot(...values)
  return values.map((value) => value / length)
}

export interface SliceOptions {
  readonly receipt?: number
  readonly frame?: number
  readonly blank?: boolean
  readonly seed?: number
  readonly series?: string
  readonly z?: number
}

/** Frame 1 of instance n, whose vector is that of seed n. */
export const slice = (
  n: number,
  { receipt = 1, frame = 1, blank = false, seed = n, series, z = n }: SliceOptions = {},
) => {
  const ref = instanceRef(n)
  const geometry = { ...axialGeometry(z), blank }
  const instance = {
    ...ref,
    receipt: Receipt.make(receipt),
    ...(series === undefined ? {} : { SeriesInstanceUID: SeriesInstanceUID.make(series) }),
  }
  const locals = new Int8Array(gridSize * gridSize * dimension).fill(n % 100)
  return { instance, FrameNumber: frame, geometry, vector: unit(seed), locals } satisfies EmbeddedSlice
}

export const uidOf = (n: number): SOPInstanceUID => instanceRef(n).SOPInstanceUID
export const removal = (n: number, receipt = 1) => ({ SOPInstanceUID: uidOf(n), receipt: Receipt.make(receipt) })

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "vector-index-"))),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true })),
)

/** One life of the gateway: opens the index in a folder, and closes it as a shutdown does. */
export const inLife = <A, E, R>(
  dir: string,
  use: (index: VectorIndex["Service"]) => Effect.Effect<A, E, R>,
  options: Partial<VectorIndexOptions> = {},
): Effect.Effect<A, E | VectorIndexError, Exclude<R, Scope.Scope>> =>
  Effect.scoped(
    Effect.gen(function* () {
      const context = yield* Layer.build(layer({ dir, modelId: "model", dimension, gridSize, ...options }))
      return yield* use(Context.get(context, VectorIndex))
    }),
  )
