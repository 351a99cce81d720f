// A study's life: open while instances arrive, quiet when they stop, ready when all that can be searched is; reopened by
// what comes late.
import * as Schema from "effect/Schema"
import { InstanceStage } from "./instance.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "./uid.ts"

export const StudyState = Schema.Literals(["open", "quiet", "ready", "reopened"])
export type StudyState = typeof StudyState.Type

/** How many distinct instances the study will have in all, and who said so. */
export const Expectation = Schema.Struct({
  instances: Schema.Int,
  from: Schema.Literals(["sender", "upstream"]),
})
export type Expectation = typeof Expectation.Type

/** Why the study was held complete. */
export const ReadyEvidence = Schema.Struct({
  kind: Schema.Literals(["quiet-time", "expected-count", "maximum-wait", "explicit"]),
  /** Stored by then. */
  instances: Schema.Int,
  /** Of these, how many a stage had given up. */
  setAside: Schema.optionalKey(Schema.Int),
  /** Since the last instance came. */
  quietSeconds: Schema.optionalKey(Schema.Finite),
  /** Since the study was opened, or opened again. */
  waitedSeconds: Schema.optionalKey(Schema.Finite),
  expected: Schema.optionalKey(Expectation),
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

export const StudyVersion = Schema.Struct({
  version: Schema.Int,
  readyAt: Schema.String,
  evidence: ReadyEvidence,
})
export type StudyVersion = typeof StudyVersion.Type

export const StudyStatus = Schema.Struct({
  StudyInstanceUID,
  state: StudyState,
  /** Counts how often the study became ready; 0 while it never was. */
  version: Schema.Int,
  /** Of the newest version. */
  evidence: Schema.optionalKey(ReadyEvidence),
  /** What is waited for, or will be once the study is opened again. */
  expected: Schema.optionalKey(Expectation),
  /** While it is not ready: how long nothing came, and how long it has been open. */
  waiting: Schema.optionalKey(Schema.Struct({ quietSeconds: Schema.Finite, openSeconds: Schema.Finite })),
  /** How many instances are where. */
  stages: Schema.Record(InstanceStage, Schema.Int),
  /** The newest hundred, newest first. */
  versions: Schema.Array(StudyVersion),
  /** A page of them, in the order in which they came. */
  instances: Schema.Array(InstanceStatus),
  /** Instances after this page. */
  remaining: Schema.Int,
})
export type StudyStatus = typeof StudyStatus.Type

/** What a stage gave up. */
export const SetAsideItem = Schema.Struct({
  /** Ascending; `after` of the next page. */
  receipt: Schema.Int,
  StudyInstanceUID,
  SeriesInstanceUID,
  SOPInstanceUID,
  SOPClassUID: Schema.String,
  TransferSyntaxUID: Schema.String,
  bytes: Schema.Int,
  /** Which stage gave it up. */
  stage: Schema.String,
  /** For people; no patient attribute. */
  reason: Schema.String,
  since: Schema.String,
  /** How often it was on its way. */
  attempts: Schema.Int,
  frames: Schema.Struct({ embeddable: Schema.Int, indexed: Schema.Int }),
})
export type SetAsideItem = typeof SetAsideItem.Type

export const StageBacklog = Schema.Struct({
  pending: Schema.Int,
  /** Age of the oldest item that waits; 0 when none does. */
  oldestSeconds: Schema.Finite,
})

/** The gateway at a glance: what `/api/status` and the `status` command show. */
export const GatewayStatus = Schema.Struct({
  instances: Schema.Int,
  slices: Schema.Struct({ embeddable: Schema.Int, indexed: Schema.Int }),
  /** How many are in which state. */
  studies: Schema.Record(StudyState, Schema.Int),
  stages: Schema.Record(Schema.String, StageBacklog),
  setAside: Schema.Int,
  indexSequence: Schema.Int,
  /** Instances whose file, row or vectors differed when they were last verified, and were not mended, by kind. */
  drift: Schema.Record(Schema.String, Schema.Int),
})
export type GatewayStatus = typeof GatewayStatus.Type
