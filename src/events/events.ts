// Every JetStream stream, subject and payload of the gateway, in one place.
import * as Schema from "effect/Schema"
import { Alert } from "../domain/alert.ts"
import { Digest, InstanceRef, Receipt } from "../domain/instance.ts"
import { SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"

/** Events of one study share a partition, so they keep their order and a shard of the index can own them. */
export const partitions = 16

/** Deterministic partition of a study: FNV-1a over the UID. Subjects carry the partition, not the UID. */
export const partitionOf = (uid: StudyInstanceUID): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < uid.length; i++) hash = Math.imul(hash ^ uid.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % partitions
}

/** An instance is durable in the ledger. */
export const InstanceAccepted = Schema.TaggedStruct("InstanceAccepted", { instance: InstanceRef })
export type InstanceAccepted = typeof InstanceAccepted.Type

/** An instance was deleted; whatever was derived from receipts up to this one must go. */
export const InstanceDeleted = Schema.TaggedStruct("InstanceDeleted", {
  StudyInstanceUID,
  SOPInstanceUID,
  receipt: Receipt,
  digest: Digest,
})
export type InstanceDeleted = typeof InstanceDeleted.Type

/** A version of a study is complete and searchable. */
export const StudyReady = Schema.TaggedStruct("StudyReady", { StudyInstanceUID, version: Schema.Int })
export type StudyReady = typeof StudyReady.Type

/** A stage gave an item up; the reason is for people and carries no patient attribute. */
export const SetAside = Schema.TaggedStruct("SetAside", {
  stage: Schema.String,
  reason: Schema.String,
  instance: InstanceRef,
})
export type SetAside = typeof SetAside.Type

/** A standing region matched a study. */
export const AlertRaised = Schema.TaggedStruct("AlertRaised", { alert: Alert })
export type AlertRaised = typeof AlertRaised.Type

export const subjects = {
  instanceAccepted: (uid: StudyInstanceUID) => `dicom.instance.accepted.${partitionOf(uid)}`,
  /** An accepted instance of a study of which another hung or killed its decoder. */
  instanceSuspected: (uid: StudyInstanceUID) => `dicom.instance.suspected.${partitionOf(uid)}`,
  instanceDeleted: (uid: StudyInstanceUID) => `dicom.instance.deleted.${partitionOf(uid)}`,
  studyReady: (uid: StudyInstanceUID) => `dicom.study.ready.${partitionOf(uid)}`,
  embeddings: (uid: StudyInstanceUID) => `embeddings.slices.${partitionOf(uid)}`,
  setAside: (stage: string) => `setaside.${stage}`,
  alerts: "alerts.raised",
  /** Core NATS request; the answer is streamed to the reply inbox. */
  queryRegion: "gateway.query.region",
} as const

export const streams = {
  DICOM: ["dicom.>"],
  EMBEDDINGS: ["embeddings.>"],
  SETASIDE: ["setaside.>"],
  ALERTS: ["alerts.>"],
} as const
