// Standing regions, and the alerts they raise.
import * as Schema from "effect/Schema"
import { Hit } from "./hit.ts"
import { Region, SearchFilter } from "./region.ts"
import { SeriesInstanceUID, StudyInstanceUID } from "./uid.ts"

export const StandingRegionId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { expected: "1 to 64 letters, digits, - or _" }),
).pipe(Schema.brand("StandingRegionId"))
export type StandingRegionId = typeof StandingRegionId.Type

/** What a caller PUTs. Its exemplar vectors are kept, so the rule outlives the study it was drawn on. */
export const StandingRegion = Schema.Struct({
  StudyInstanceUID,
  SeriesInstanceUID,
  region: Schema.optionalKey(Region),
  label: Schema.String.check(Schema.isMaxLength(200)),
  /** Lowest score of a hit that raises an alert. */
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: -1, maximum: 1 })),
  filter: Schema.optionalKey(SearchFilter),
})
export type StandingRegion = typeof StandingRegion.Type

export const Alert = Schema.Struct({
  /** Ascending, also the Last-Event-ID. */
  id: Schema.Int,
  standingRegion: StandingRegionId,
  label: Schema.String,
  StudyInstanceUID,
  studyVersion: Schema.Int,
  raisedAt: Schema.String,
  /** The study's best hit. */
  hit: Hit,
})
export type Alert = typeof Alert.Type
