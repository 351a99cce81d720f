// The models that have vectors of the stored slices, and how one compares with another.
import * as Schema from "effect/Schema"

export const ModelStatus = Schema.Struct({
  /** Names the space of the vectors: preset name and the first digits of the file's SHA-256. */
  id: Schema.String,
  preset: Schema.String,
  /** `shadow`: never served yet; `standby`: served before, and is still fed. */
  role: Schema.Literals(["serving", "shadow", "standby"]),
  since: Schema.String,
  dimension: Schema.Int,
  gridSize: Schema.Int,
  /** In its index, of those that are searchable or once were to be. */
  slices: Schema.Struct({ held: Schema.Int, of: Schema.Int }),
  complete: Schema.Boolean,
  /** At the rate since this process started; absent while there is none, or nothing is left. */
  secondsLeft: Schema.optionalKey(Schema.Finite),
  /** Instances that this model could not embed, the first of them with their reasons. */
  failed: Schema.Int,
  failures: Schema.Array(Schema.Struct({ SOPInstanceUID: Schema.String, reason: Schema.String })),
  /** Why it embeds nothing: its file is missing, or is another one now. */
  problem: Schema.optionalKey(Schema.String),
  /** Standing regions that have no vectors in its space. */
  standingRegionsWithout: Schema.Array(Schema.String),
})
export type ModelStatus = typeof ModelStatus.Type

export const Models = Schema.Struct({
  serving: Schema.String,
  models: Schema.Array(ModelStatus),
  /** model.preset of the configuration; it counts for a new data folder only. */
  configured: Schema.String,
  configuredServes: Schema.Boolean,
})
export type Models = typeof Models.Type

/** Mean with its 95 % interval. */
const Estimate = Schema.Struct({ mean: Schema.Finite, low: Schema.Finite, high: Schema.Finite })

const Latency = Schema.Struct({ median: Schema.Finite, p95: Schema.Finite })

/** Of n sampled regions, asked of both models. */
export const ModelComparison = Schema.Struct({
  serving: Schema.String,
  other: Schema.String,
  n: Schema.Int,
  k: Schema.Int,
  seed: Schema.Int,
  /** Share of the serving model's k series that the other one returns too. */
  seriesRecall: Estimate,
  studyRecall: Estimate,
  /** Share of regions for which both have the same series first. */
  sameTop: Estimate,
  /** Milliseconds. */
  latency: Schema.Struct({ serving: Latency, other: Latency }),
  /** Slices that the other model has, of those that are searchable. */
  slices: Schema.Struct({ held: Schema.Int, of: Schema.Int }),
})
export type ModelComparison = typeof ModelComparison.Type

export const ModelSwitch = Schema.Struct({
  serving: Schema.String,
  before: Schema.String,
  /** Slices that are stored and searchable, but not by the model that now serves. */
  slicesNotSearchable: Schema.Int,
  /** Standing regions that cannot be matched with it. */
  standingRegionsWithout: Schema.Array(Schema.String),
})
export type ModelSwitch = typeof ModelSwitch.Type
