// A ranked sub-volume, and how much of the archive the answer covers.
import * as Schema from "effect/Schema"
import { Box } from "./slice.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "./uid.ts"

/** One end of the hit's slice range: the frame and its 0-based index in patient order. */
export const SliceRef = Schema.Struct({ SOPInstanceUID, FrameNumber: Schema.Int, index: Schema.Int })
export type SliceRef = typeof SliceRef.Type

export const Hit = Schema.Struct({
  StudyInstanceUID,
  SeriesInstanceUID,
  /** Mean centred cosine along the alignment; unrelated anatomy lies near 0, the region itself at 1. */
  score: Schema.Finite,
  /** 1-based. */
  rank: Schema.Int,
  slices: Schema.Struct({ from: SliceRef, to: SliceRef, count: Schema.Int }),
  /** LPS mm. */
  box: Box,
  /** In the stored pixel grid of the range's slices; ends included. */
  boxPixels: Schema.Struct({
    columns: Schema.Tuple([Schema.Int, Schema.Int]),
    rows: Schema.Tuple([Schema.Int, Schema.Int]),
  }),
  /** [query slice index, hit slice index, cosine] with indices counted in patient order of each series. */
  alignment: Schema.Array(Schema.Tuple([Schema.Int, Schema.Int, Schema.Finite])),
  links: Schema.Struct({ frames: Schema.Array(Schema.String), rendered: Schema.Array(Schema.String) }),
})
export type Hit = typeof Hit.Type

/** What the answer had in view. */
export const Coverage = Schema.Struct({
  /** Whose vectors were compared. */
  model: Schema.String,
  indexSequence: Schema.Int,
  seriesSearched: Schema.Int,
  seriesNotSearchable: Schema.Array(Schema.Struct({ StudyInstanceUID, SeriesInstanceUID, reason: Schema.String })),
})
export type Coverage = typeof Coverage.Type

/** Milliseconds per step. */
export const Timings = Schema.Record(Schema.String, Schema.Finite)

export const SearchAnswer = Schema.Struct({ hits: Schema.Array(Hit), coverage: Coverage, timings: Timings })
export type SearchAnswer = typeof SearchAnswer.Type
