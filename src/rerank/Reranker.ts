// Late interaction over whole volumes: exact scores, the best window of slices and the box in the plane.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Box } from "../domain/slice.ts"
import type { StackId } from "../vector-index/VectorIndex.ts"

export class RerankError extends Schema.TaggedError<RerankError>()("RerankError", {
  reason: Schema.Literals(["worker", "timeout"]),
  cause: Schema.Defect(),
}) {}

/** The query's slices in patient order. Plain data: it crosses threads, and is kept as a standing region's exemplar. */
export interface QueryVolume {
  readonly dimension: number
  /** n × dimension, unit length: one global vector per slice. */
  readonly vectors: Float32Array
  /** n × dimension, unit length: local vectors pooled over the query's box; empty when the query is full-plane or the model has no grid. */
  readonly boxVectors: Float32Array
  /** mm along the normal, one per slice, ascending. */
  readonly positions: Float32Array
  /** 0-based index of each slice in its own series, patient order. */
  readonly indices: Int32Array
  /** In-plane extent of the query's box in mm: along the view's right and down; 0 when full-plane. */
  readonly extent: readonly [number, number]
}

/** A scored sub-volume of one stack; indices in patient order. */
export interface Scored extends StackId {
  readonly score: number
  readonly from: number
  readonly to: number
  readonly box: Box
  /** [index in the query volume's series, index in the stack, cosine]. */
  readonly alignment: ReadonlyArray<readonly [number, number, number]>
}

export class Reranker extends Context.Service<
  Reranker,
  {
    /** Scores every candidate, best first. Stacks that vanished meanwhile are left out. */
    readonly rerank: (
      query: QueryVolume,
      candidates: ReadonlyArray<StackId>,
    ) => Effect.Effect<ReadonlyArray<Scored>, RerankError>
  }
>()("gateway/rerank/Reranker") {}
