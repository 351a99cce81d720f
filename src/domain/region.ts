// What a caller may ask for: a region of a series, and which series may answer.
import * as Schema from "effect/Schema"
import { Box } from "./slice.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "./uid.ts"

const sliceBound = Schema.Union([SOPInstanceUID, Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))])

/** SOP Instance UIDs, or 0-based indices in patient order; both ends belong to the region. */
const Slices = Schema.Struct({ slices: Schema.Struct({ from: sliceBound, to: sliceBound }) })
const InBox = Schema.Struct({ box: Box })
const Segment = Schema.Struct({
  segment: Schema.Struct({ SOPInstanceUID, SegmentNumber: Schema.Int.check(Schema.isGreaterThan(0)) }),
})

export const Region = Schema.Union([Slices, InBox, Segment])
export type Region = typeof Region.Type

const dicomDate = Schema.String.check(Schema.isPattern(/^[0-9]{8}$/, { expected: "a date as YYYYMMDD" }))

export const SearchFilter = Schema.Struct({
  Modality: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  /** Default true: other patients' studies are what is asked for. */
  excludeSamePatient: Schema.optionalKey(Schema.Boolean),
  /** Both ends included, YYYYMMDD. */
  StudyDate: Schema.optionalKey(
    Schema.Struct({ from: Schema.optionalKey(dicomDate), to: Schema.optionalKey(dicomDate) }),
  ),
})
export type SearchFilter = typeof SearchFilter.Type

/** The default number of hits, and the most a caller may ask for. */
export const defaultHits = 10
export const maxHits = 200

export const RegionSearch = Schema.Struct({
  StudyInstanceUID,
  SeriesInstanceUID,
  region: Schema.optionalKey(Region),
  k: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: maxHits }))),
  filter: Schema.optionalKey(SearchFilter),
})
export type RegionSearch = typeof RegionSearch.Type
