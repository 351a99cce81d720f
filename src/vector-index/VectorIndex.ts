// The searchable slices: a journal of embeddings (SQLite) and the usearch index that is a cache of it.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { InstanceRef, Receipt } from "../domain/instance.ts"
import type { EmbeddedSlice, SliceHeader } from "../domain/slice.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"

export class VectorIndexError extends Schema.TaggedError<VectorIndexError>()("VectorIndexError", {
  reason: Schema.Literals(["disk-full", "io", "worker", "dimension"]),
  cause: Schema.Defect(),
}) {}

/** A volume: the frames of one series that share a stack. */
export interface StackId {
  readonly SeriesInstanceUID: SeriesInstanceUID
  readonly stack: string
}

/** The slices of one stack in patient order, vectors as one matrix. */
export interface StackMatrix extends StackId {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly headers: ReadonlyArray<SliceHeader>
  /** headers.length × dimension, rows of unit length. */
  readonly vectors: Float32Array
  /** headers.length × gridSize² × dimension, × 127; empty without grid. */
  readonly locals: Int8Array
}

/** A neighbour found by the index. */
export interface Neighbour extends StackId {
  readonly SOPInstanceUID: SOPInstanceUID
  readonly FrameNumber: number
  readonly position: number
  readonly cosine: number
}

/** What is left of removed instances. */
export interface Traces {
  /** Rows of the journal. */
  readonly slices: number
  /** Places of the index. */
  readonly indexed: number
  /** Snapshots on disk that may hold them, or that nobody knows. */
  readonly snapshots: number
  /** The journal's log may hold them. */
  readonly logged: boolean
}

/** `slices` of `of` are in the new index; `of` grows with what arrives meanwhile. */
export interface Rebuilding {
  readonly running: boolean
  readonly slices: number
  readonly of: number
}

type Io<A> = Effect.Effect<A, VectorIndexError>

export class VectorIndex extends Context.Service<
  VectorIndex,
  {
    /** Idempotent by (SOPInstanceUID, FrameNumber); slices of a removed receipt are ignored. Journalled (fsynced) when it succeeds. Answers the frames now indexed per instance. */
    readonly add: (
      slices: ReadonlyArray<EmbeddedSlice>,
    ) => Io<ReadonlyArray<{ readonly instance: InstanceRef; readonly indexedFrames: number }>>
    /** Invisible to the next search when it succeeds, also after a restart or rebuild; receipts up to the one named. */
    readonly remove: (
      instances: ReadonlyArray<{ readonly SOPInstanceUID: SOPInstanceUID; readonly receipt: Receipt }>,
    ) => Io<void>
    /** The ledger's deletion up to which all are known here; an older copy of the folder knows fewer. */
    readonly buriedUpTo: Io<number>
    readonly buried: (upTo: number) => Io<void>
    /** Measured now. */
    readonly traces: (
      instances: ReadonlyArray<{ readonly SOPInstanceUID: SOPInstanceUID; readonly receipt: Receipt }>,
    ) => Io<Traces>
    /** `vectors`: n × dimension of unit length. Per query the k nearest non-blank slices, best first. */
    readonly search: (vectors: Float32Array, k: number) => Io<ReadonlyArray<ReadonlyArray<Neighbour>>>
    /** The stacks of a series, most slices first. */
    readonly stacks: (series: SeriesInstanceUID) => Io<ReadonlyArray<StackMatrix>>
    /** Journal sequence (monotonic, grows with adds and removals) and counts. `bytes`: resident size of the index. */
    readonly state: Io<{
      readonly sequence: number
      readonly slices: number
      readonly indexed: number
      readonly bytes: number
    }>
    /** Mean of all unit vectors, for centring; zeros while empty. */
    readonly mean: Io<Float32Array>
    /** Builds the index anew from the journal while searches go on; swaps atomically. Who asks while one runs waits for that one, and it runs on when its callers go. */
    readonly rebuild: Io<{ readonly slices: number }>
    /** Of the rebuild that runs, or else of the last one. */
    readonly rebuilding: Effect.Effect<Rebuilding>
    readonly snapshot: Io<void>
    /** Frames that the journal holds of each (instance, receipt), in order. */
    readonly held: (
      instances: ReadonlyArray<{ readonly SOPInstanceUID: SOPInstanceUID; readonly receipt: Receipt }>,
    ) => Io<ReadonlyArray<number>>
    /** Series with their number of frames in the journal. */
    readonly series: Io<ReadonlyMap<SeriesInstanceUID, number>>
    /** Compares journal and index: keys in one but not in the other. */
    readonly verify: Io<{ readonly missing: number; readonly orphaned: number }>
    /** Receipts and frame counts of the journal's next instances after a SOP Instance UID, in the order of UIDs ("" begins). */
    readonly instancesAfter: (
      uid: string,
      limit: number,
    ) => Io<
      ReadonlyArray<{ readonly SOPInstanceUID: SOPInstanceUID; readonly receipt: Receipt; readonly frames: number }>
    >
  }
>()("gateway/vector-index/VectorIndex") {}
