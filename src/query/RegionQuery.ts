// From a region of one series to ranked sub-volumes of others: resolve, probe, gather candidates, re-rank.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Hit, SearchAnswer } from "../domain/hit.ts"
import type { Region, RegionSearch, SearchFilter } from "../domain/region.ts"
import type { SeriesInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { QueryVolume } from "../rerank/Reranker.ts"
import type { StackMatrix } from "../vector-index/VectorIndex.ts"

export class QueryError extends Schema.TaggedError<QueryError>()("QueryError", {
  /** `unknown`: no such series or segment; `region`: nothing searchable there; `not-searchable`: the series has no vectors (yet); `unavailable`: a stage failed. */
  reason: Schema.Literals(["unknown", "region", "not-searchable", "unavailable"]),
  /** For people. */
  message: Schema.String,
}) {}

export interface Step {
  readonly _tag: "Candidates" | "Hits"
  readonly answer: SearchAnswer
}

/** What narrows the answer beside the filter. */
export interface SearchOptions {
  readonly k: number
  readonly filter: SearchFilter
  /** The query's own series: it would only find itself. */
  readonly series?: SeriesInstanceUID
  /** Of a volume that is not stored; the ledger knows those of a stored series. */
  readonly study?: StudyInstanceUID
  readonly patient?: string
}

/** Part of a study, as receipts of its instances, ascending. */
export interface StudyView {
  /** As if there were no others. */
  readonly only: Float64Array
  /** Only places that meet a slice of these; any place when absent. */
  readonly meeting?: Float64Array
}

export class RegionQuery extends Context.Service<
  RegionQuery,
  {
    /** The region's slices as the index holds them. */
    readonly resolve: (request: {
      readonly StudyInstanceUID: StudyInstanceUID
      readonly SeriesInstanceUID: SeriesInstanceUID
      readonly region?: Region
    }) => Effect.Effect<QueryVolume, QueryError>
    /** The same for a volume that is not stored: the stack its slices form. */
    readonly resolveVolume: (
      stacks: ReadonlyArray<StackMatrix>,
      region?: Region,
    ) => Effect.Effect<QueryVolume, QueryError>
    /** First the candidates as the index ranks them, then the re-ranked hits. */
    readonly search: (request: RegionSearch) => Stream.Stream<Step, QueryError>
    readonly searchVolume: (query: QueryVolume, options: SearchOptions) => Stream.Stream<Step, QueryError>
    /** Scores the stacks of one study against a query, the best place of each series; best first. */
    readonly matchStudy: (
      query: QueryVolume,
      study: StudyInstanceUID,
      view?: StudyView,
    ) => Effect.Effect<ReadonlyArray<Hit>, QueryError>
  }
>()("gateway/query/RegionQuery") {}
