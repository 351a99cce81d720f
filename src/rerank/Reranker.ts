// Late interaction over whole volumes: exact scores, the best window of slices and the box in the plane.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Box, SliceHeader } from "../domain/slice.ts"
import type { SeriesInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { StackId } from "../vector-index/VectorIndex.ts"

export class RerankError extends Schema.TaggedError<RerankError>()("RerankError", {
  reason: Schema.Literals(["worker", "timeout"]),
  cause: Schema.Defect(),
}) {}

/** The query's slices in patient order, blank ones left out. Plain data: it crosses threads, and is kept as a standing region's exemplar. */
export interface QueryVolume {
  readonly dimension: number
  /** n × dimension, unit length: one global vector per slice. */
  readonly vectors: Float32Array
  /** n × dimension, unit length: local vectors pooled over the query's box; empty when the query is full-plane or the model has no grid. */
  readonly boxVectors: Float32Array
  /** mm along the normal, one per slice, ascending. */
  readonly positions: Float32Array
  /** 0-based index of each slice in its own stack, patient order. */
  readonly indices: Int32Array
  /** mm along the normal that one slice stands for: the distance to its neighbours. */
  readonly spacing: number
  /** In-plane extent of the query's box in mm: along the view's right and down; 0 when full-plane. */
  readonly extent: readonly [number, number]
}

/** A sub-volume of one stack; indices in patient order, both ends included. */
export interface SubVolume extends StackId {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly from: number
  readonly to: number
  /** Of the slices from..to. */
  readonly headers: ReadonlyArray<SliceHeader>
  readonly box: Box
  /** [index in the query's stack, index in this stack, centred cosine]; a query slice beyond this stack's end has none. */
  readonly alignment: ReadonlyArray<readonly [number, number, number]>
}

export interface Scored extends SubVolume {
  /** 1 for the region itself, near 0 for unrelated anatomy. */
  readonly score: number
  /** Σ max cos / n over the whole stack, order and extent ignored (arXiv 2405.09334). */
  readonly lateInteraction: number
}

export interface RerankOptions {
  /** Mean of the index's unit vectors: taken off both sides, as unrelated slices share most of their direction. None: not centred. */
  readonly mean?: Float32Array
  /** Looks only at slices of these instances (receipts, ascending); at all when absent. */
  readonly only?: Float64Array
  /** Answers so many of the best; all when absent. */
  readonly limit?: number
}

/** A range of a stack in mm, and where query slices met it: [index in the query's stack, mm, cosine]. */
export interface Window extends StackId {
  readonly low: number
  readonly high: number
  readonly meetings: ReadonlyArray<readonly [number, number, number]>
}

export class Reranker extends Context.Service<
  Reranker,
  {
    /** The best stack of each candidate series, best first. Exact: what is skipped could not have come among the best. Stacks that vanished meanwhile are left out. */
    readonly rerank: (
      query: QueryVolume,
      candidates: ReadonlyArray<StackId>,
      options?: RerankOptions,
    ) => Effect.Effect<ReadonlyArray<Scored>, RerankError>
    /** Windows as sub-volumes, not scored, in input order; those of vanished stacks are left out. */
    readonly outline: (windows: ReadonlyArray<Window>) => Effect.Effect<ReadonlyArray<SubVolume>, RerankError>
    /** The stacks of each series, most slices first. */
    readonly stacks: (series: ReadonlyArray<SeriesInstanceUID>) => Effect.Effect<ReadonlyArray<StackId>, RerankError>
  }
>()("gateway/rerank/Reranker") {}
