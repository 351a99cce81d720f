// The proof of a deletion, holds, and what retention would delete: the shapes that the API answers.
import * as Schema from "effect/Schema"
import { StudyInstanceUID } from "./uid.ts"

export const DeletedStudySummary = Schema.Struct({
  StudyInstanceUID,
  /** Instances deleted, over all its deletions. */
  instances: Schema.Int,
  firstDeletedAt: Schema.String,
  lastDeletedAt: Schema.String,
  /** Instances of it that are stored now. */
  storedAgain: Schema.Int,
})
export type DeletedStudySummary = typeof DeletedStudySummary.Type

/** Measured when asked: each number says what is left, so zeros prove. */
export const DeletionProof = Schema.Struct({
  uid: Schema.String,
  level: Schema.Literals(["study", "series", "instance"]),
  /** Nothing of what was deleted is left; what was sent again since is not meant. */
  complete: Schema.Boolean,
  /** What is left, and when it goes. */
  outstanding: Schema.Array(Schema.String),
  measuredAt: Schema.String,
  deleted: Schema.Struct({
    instances: Schema.Int,
    firstAt: Schema.String,
    lastAt: Schema.String,
    byRequest: Schema.Int,
    byRetention: Schema.Int,
  }),
  /** Sent again after the deletion: each has a new receipt. The first hundred. */
  storedAgain: Schema.Struct({
    instances: Schema.Int,
    receipts: Schema.Array(Schema.Struct({ SOPInstanceUID: Schema.String, receipt: Schema.Int })),
  }),
  blobs: Schema.Struct({
    removed: Schema.Int,
    /** Another stored instance, or the same one sent again, has these bytes. */
    keptForOthers: Schema.Int,
    left: Schema.Int,
  }),
  ledger: Schema.Struct({
    rows: Schema.Int,
    alerts: Schema.Int,
    /** Log and pages of its file hold nothing of what was deleted. */
    filesClean: Schema.Boolean,
  }),
  /** Rows in the copies of ledger and worklist. */
  backups: Schema.Int,
  /** Of every model. */
  vectors: Schema.Struct({
    journal: Schema.Int,
    index: Schema.Int,
    snapshots: Schema.Int,
    filesClean: Schema.Boolean,
  }),
  events: Schema.Struct({
    /** Events of the deletion that have not left yet. */
    outbox: Schema.Int,
    /** Messages with vectors in the broker from before the deletion, of whatever study; -1: the broker does not answer. */
    embeddings: Schema.Int,
  }),
  /** Work items of the study: those of the gateway go, those of clients are theirs. */
  workItems: Schema.Struct({ own: Schema.Int, clients: Schema.Int }),
  /** What stays on purpose. */
  kept: Schema.Struct({
    /** Drawn on what was deleted: their exemplar vectors stay until the standing region is deleted. */
    standingRegions: Schema.Array(Schema.String),
  }),
})
export type DeletionProof = typeof DeletionProof.Type

export const Hold = Schema.Struct({
  StudyInstanceUID,
  reason: Schema.String,
  heldAt: Schema.String,
  heldBy: Schema.String,
})
export type Hold = typeof Hold.Type

export const HoldReason = Schema.Struct({
  /** For people; shown to whoever may delete. */
  reason: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(500)),
})

export const RetentionPlan = Schema.Struct({
  /** False: nothing is deleted by itself. */
  enabled: Schema.Boolean,
  rule: Schema.Struct({
    /** 0: whatever its age. */
    maxAgeDays: Schema.Finite,
    ageFrom: Schema.Literals(["arrival", "study-date"]),
    /** Below so many free bytes the oldest go, until there are so many; 0: however full the disk. */
    belowFreeBytes: Schema.Int,
    untilFreeBytes: Schema.Int,
  }),
  freeBytes: Schema.Int,
  /** What a pass would delete now, in this order; a pass deletes no more than this at a time. */
  next: Schema.Array(
    Schema.Struct({
      StudyInstanceUID,
      why: Schema.Literals(["age", "disk"]),
      /** Its age is counted from here. */
      since: Schema.String,
      instances: Schema.Int,
      bytes: Schema.Int,
    }),
  ),
})
export type RetentionPlan = typeof RetentionPlan.Type
