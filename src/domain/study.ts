// A study's life: open while instances arrive, quiet when they stop, ready when all that can be searched is.
import * as Schema from "effect/Schema"
import { InstanceStage } from "./instance.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "./uid.ts"

export const StudyState = Schema.Literals(["open", "quiet", "ready"])
export type StudyState = typeof StudyState.Type

/** Why the study was held complete. */
export const ReadyEvidence = Schema.Struct({
  kind: Schema.Literals(["quiet-time", "expected-count", "explicit"]),
  instances: Schema.Int,
  quietSeconds: Schema.optionalKey(Schema.Finite),
})
export type ReadyEvidence = typeof ReadyEvidence.Type

export const InstanceStatus = Schema.Struct({
  SOPInstanceUID,
  SeriesInstanceUID,
  stage: InstanceStage,
  /** Says why a stored instance is not searchable. */
  reason: Schema.optionalKey(Schema.String),
  frames: Schema.Struct({ embeddable: Schema.Int, indexed: Schema.Int }),
})
export type InstanceStatus = typeof InstanceStatus.Type

export const StudyStatus = Schema.Struct({
  StudyInstanceUID,
  state: StudyState,
  /** Counts how often the study became ready; 0 while it never was. */
  version: Schema.Int,
  evidence: Schema.optionalKey(ReadyEvidence),
  instances: Schema.Array(InstanceStatus),
})
export type StudyStatus = typeof StudyStatus.Type

export const StageBacklog = Schema.Struct({
  pending: Schema.Int,
  /** Age of the oldest item that waits; 0 when none does. */
  oldestSeconds: Schema.Finite,
})

/** The gateway at a glance: what `/api/status` and the `status` command show. */
export const GatewayStatus = Schema.Struct({
  instances: Schema.Int,
  slices: Schema.Struct({ embeddable: Schema.Int, indexed: Schema.Int }),
  stages: Schema.Record(Schema.String, StageBacklog),
  setAside: Schema.Int,
  indexSequence: Schema.Int,
})
export type GatewayStatus = typeof GatewayStatus.Type
