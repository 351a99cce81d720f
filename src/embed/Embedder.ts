// Turns prepared slices into vectors: a configured ONNX backbone, in its own worker threads.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Embedding, PreparedSlice } from "../domain/slice.ts"

export class EmbedError extends Schema.TaggedError<EmbedError>()("EmbedError", {
  reason: Schema.Literals(["model", "worker", "timeout"]),
  cause: Schema.Defect(),
}) {}

export interface Model {
  /** Names the vectors' space: preset name and the first digits of the file's SHA-256. */
  readonly id: string
  readonly dimension: number
  /** Pixels per side of the input. */
  readonly inputSize: number
  /** Cells per side of the local grid; 0 when the model gives none. */
  readonly gridSize: number
}

export class Embedder extends Context.Service<
  Embedder,
  {
    readonly model: Model
    /** One embedding per slice, in order. The pixels are handed over: their buffers are empty afterwards. */
    readonly embed: (slices: ReadonlyArray<PreparedSlice>) => Effect.Effect<ReadonlyArray<Embedding>, EmbedError>
  }
>()("gateway/embed/Embedder") {}
