// The accepted instances and all that is promised about them, in SQLite (WAL, synchronous=FULL).
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Alert, StandingRegion, StandingRegionId } from "../domain/alert.ts"
import type { Origin } from "../domain/caller.ts"
import type { Hit } from "../domain/hit.ts"
import type { DicomJson, Digest, InstanceRef, InstanceStage, Receipt } from "../domain/instance.ts"
import type { Expectation, SetAsideItem, StudyState, StudyStatus } from "../domain/study.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { Deleted, DeletedStudy, DeletionCause, Remains } from "./deletions.ts"
import type { HeldStudy } from "./holds.ts"
import type { Key } from "./matching.ts"
import type { AgeFrom, OlderThan, OldStudy } from "./retention.ts"

/** The disk, not the caller, is at fault. */
export class LedgerError extends Schema.TaggedError<LedgerError>()("LedgerError", {
  reason: Schema.Literals(["disk-full", "closed", "io"]),
  cause: Schema.Defect(),
}) {}

/** What the listener knows of an instance once its blob is durable. */
export interface NewInstance {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly SeriesInstanceUID: SeriesInstanceUID
  readonly SOPInstanceUID: SOPInstanceUID
  readonly SOPClassUID: string
  readonly TransferSyntaxUID: string
  readonly digest: Digest
  readonly bytes: number
  /** The header up to the pixel data. Values UTF-8, bulk data left out. */
  readonly attributes: DicomJson
}

export type Acceptance =
  | { readonly _tag: "Stored"; readonly receipt: Receipt }
  /** Same UID, same bytes: nothing to do. */
  | { readonly _tag: "Duplicate"; readonly receipt: Receipt }
  /** Same UID, other bytes or another series: the first is kept. */
  | { readonly _tag: "Conflict"; readonly receipt: Receipt; readonly digest: Digest }
  /** The study, or one that holds the same series or instance, is not the caller's to see. */
  | { readonly _tag: "NotAuthorized" }

export interface StoredInstance extends NewInstance, InstanceRef {
  readonly stage: InstanceStage
  readonly reason?: string
  readonly embeddableFrames: number
  readonly indexedFrames: number
}

/** An instance as far as retrieving it needs. */
export type Held = Pick<NewInstance, "SOPClassUID" | "TransferSyntaxUID" | "bytes"> & InstanceRef

export type InventoryItem = InstanceRef & Pick<StoredInstance, "bytes" | "stage" | "reason" | "indexedFrames">

/** UIDs that narrow a request; none means the whole archive. */
export interface Scope {
  readonly StudyInstanceUID?: StudyInstanceUID
  readonly SeriesInstanceUID?: SeriesInstanceUID
  readonly SOPInstanceUID?: SOPInstanceUID
}

/** One QIDO-RS request after parsing (PS3.18 §10.6). */
export interface Search extends Scope {
  readonly level: "study" | "series" | "instance"
  readonly match: ReadonlyArray<Key>
  readonly limit: number
  readonly offset: number
}

export interface SearchPage {
  readonly matches: ReadonlyArray<DicomJson>
  /** Matches after this page. */
  readonly remaining: number
  /** False: `remaining` are counted, and there may be more. */
  readonly exact: boolean
}

/** Answering would take too long: what is asked for is in no index, and too much would have to be read. */
export class SearchTooBroad extends Schema.TaggedError<SearchTooBroad>()("SearchTooBroad", {
  reason: Schema.Literals(["time"]),
}) {}

/** What region search needs to know of a series, beside its vectors. */
export interface SeriesFacts {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly SeriesInstanceUID: SeriesInstanceUID
  readonly Modality: string
  readonly StudyDate: string
  /** PatientID with its issuer; compared, never shown. Empty when the study has none. */
  readonly patient: string
  /** Why no frame of it is searchable; absent when at least one is, or still may become so. */
  readonly notSearchable?: string
  readonly indexedFrames: number
}

export interface Progress {
  readonly SOPInstanceUID: SOPInstanceUID
  readonly receipt: Receipt
  readonly stage: InstanceStage
  readonly reason?: string
  readonly embeddableFrames?: number
  /** Absolute count, so that saying it twice changes nothing. */
  readonly indexedFrames?: number
}

export interface OutboxEntry {
  readonly sequence: number
  readonly subject: string
  /** Deduplicates in JetStream. */
  readonly msgID: string
  readonly payload: string
}

export interface LedgerTotals {
  readonly instances: number
  readonly slices: { readonly embeddable: number; readonly indexed: number }
  readonly setAside: number
  /** Per unfinished stage: how many instances wait there, and since when (epoch ms). */
  readonly stages: Readonly<
    Record<"accepted" | "decoded" | "embedded", { readonly pending: number; readonly oldest?: number }>
  >
  readonly outbox: { readonly pending: number; readonly oldest?: number }
  readonly studies: Readonly<Record<StudyState, number>>
}

/** When a study is held complete. */
export interface SettleRules {
  /** Without a new instance for so long. */
  readonly quietMillis: number
  /** At the latest so long after it was opened, whatever else is waited for. */
  readonly maxWaitMillis: number
  /** Is somebody sending more of it now? Then it is not quiet. */
  readonly isUnderWay?: (study: StudyInstanceUID) => boolean
}

/** Which of a study's instances to list. */
export interface StatusPage {
  readonly offset: number
  readonly limit: number
  readonly stage?: InstanceStage
}

/** Which of the set-aside instances are meant; nothing said, all of them. */
export interface SetAsideFilter {
  readonly StudyInstanceUID?: StudyInstanceUID
  readonly SOPInstanceUIDs?: ReadonlyArray<SOPInstanceUID>
  /** The stage that gave them up. */
  readonly stage?: string
}

/** A standing region that a version of a study has not been matched against. */
export interface Unmatched {
  readonly id: StandingRegionId
  readonly region: StandingRegion
  /** The newest version that was; 0: none. */
  readonly before: number
  /** What it raised for this study before. */
  readonly raised: ReadonlyArray<Hit>
}

/** A study at a glance: how far it is, and whose it is. */
export interface StudyOverview {
  readonly state: StudyState
  readonly version: number
  readonly origin: Origin
  readonly attributes: DicomJson
  readonly instances: number
  /** Instances that are still on their way through the stages. */
  readonly unfinished: number
}

export type InstanceReference = Pick<StoredInstance, "SeriesInstanceUID" | "SOPClassUID" | "SOPInstanceUID" | "stage">

export interface Deletion {
  readonly instances: ReadonlyArray<InstanceRef>
  /** Nothing was deleted: the study is held. */
  readonly held?: true
}

/** A deletion in its order. */
export interface DeletionEntry {
  readonly sequence: number
  readonly SOPInstanceUID: SOPInstanceUID
  readonly receipt: Receipt
}

/** Reads and changes answer for what the current caller may see (`domain/caller.ts`). */
type Io<A> = Effect.Effect<A, LedgerError>

export class Ledger extends Context.Service<
  Ledger,
  {
    /** Durable when it succeeds; concurrent calls share one commit. The InstanceAccepted event is in the outbox. Answers in input order. `expected`: how many distinct instances their study will have, as its sender says. */
    readonly accept: (instances: ReadonlyArray<NewInstance>, expected?: number) => Io<ReadonlyArray<Acceptance>>
    readonly instance: (uid: SOPInstanceUID) => Io<Option.Option<StoredInstance>>
    /** Instances of a scope in receipt order. */
    readonly instances: (scope: Scope) => Io<ReadonlyArray<StoredInstance>>
    /** The same without attributes: of a study, some of its instances may have thousands of frames. */
    readonly held: (scope: Scope) => Io<ReadonlyArray<Held>>
    /** The same of some instances, in their order; none of those that are no longer stored. */
    readonly heldAt: (receipts: ReadonlyArray<Receipt>) => Io<ReadonlyArray<Held>>
    /** Attributes of some instances, by receipt; none of those that are no longer stored. */
    readonly attributes: (receipts: ReadonlyArray<Receipt>) => Io<ReadonlyMap<Receipt, DicomJson>>
    /** The next instances after a SOP Instance UID in the order of their UIDs ("" begins): what verification compares. */
    readonly inventoryAfter: (uid: string, limit: number) => Io<ReadonlyArray<InventoryItem>>
    /** Attribute maps of one QIDO level, stable order; all that is known of it, the caller picks. */
    readonly search: (search: Search) => Effect.Effect<SearchPage, LedgerError | SearchTooBroad>
    /** Applies stage changes in one commit; those of a deleted or superseded receipt are ignored. A power cut may take them back: the stage is then gone through again. */
    readonly progress: (changes: ReadonlyArray<Progress>) => Io<void>
    /** True while exactly this receipt is stored. */
    readonly isCurrent: (instance: Pick<InstanceRef, "SOPInstanceUID" | "receipt">) => Io<boolean>
    /** True when this receipt was given and its instance has been deleted. */
    readonly isDeleted: (receipt: Receipt) => Io<boolean>
    /** True while some stored instance has these bytes. */
    readonly isNamed: (digest: Digest) => Io<boolean>
    /** Sets the item aside: stage and reason on the row, SetAside event in the outbox, one commit. */
    readonly setAside: (instance: InstanceRef, stage: string, reason: string) => Io<void>
    /** Those with a receipt above `after`, in that order. */
    readonly setAsideList: (filter: SetAsideFilter, after: number, limit: number) => Io<ReadonlyArray<SetAsideItem>>
    /** Puts set-aside instances with a receipt above `after` back on the way, at most so many; answers their receipts in order. */
    readonly requeueSetAside: (filter: SetAsideFilter, after: number, limit: number) => Io<ReadonlyArray<number>>
    /** Puts instances (or all that are unfinished since that moment, epoch ms) on the way again: fresh InstanceAccepted events. Counts them. */
    readonly requeue: (
      what: { readonly receipts: ReadonlyArray<Receipt> } | { readonly unfinishedSince: number },
    ) => Io<number>
    /** Rows gone, InstanceDeleted events in the outbox, one commit. Blobs and vectors are the caller's next steps. */
    readonly delete: (scope: Scope, cause?: DeletionCause) => Io<Deletion>
    /** Undefined when the caller may see no deletion under this UID of a study, series or instance. */
    readonly deletedUnder: (uid: string) => Io<Deleted | undefined>
    /** The newest first. */
    readonly deletedStudies: (limit: number, offset: number) => Io<ReadonlyArray<DeletedStudy>>
    readonly deletionsAfter: (sequence: number, limit: number) => Io<ReadonlyArray<DeletionEntry>>
    /** `logged`: pages or log of the ledger's file may still hold deleted rows. */
    readonly remains: (deleted: Deleted) => Io<Remains & { readonly logged: boolean }>
    /** Deleted rows leave the file: its log is emptied, and a small one written anew. False: not yet. */
    readonly scrub: Io<boolean>
    /** Undefined when the caller sees no such study. */
    readonly putHold: (uid: StudyInstanceUID, reason: string) => Io<HeldStudy | undefined>
    readonly removeHold: (uid: StudyInstanceUID) => Io<boolean>
    readonly hold: (uid: StudyInstanceUID) => Io<HeldStudy | undefined>
    readonly holds: (limit: number, offset: number) => Io<ReadonlyArray<HeldStudy>>
    /** The oldest studies that are ready and not held: those that retention comes to first. */
    readonly oldest: (from: AgeFrom, older: OlderThan, limit: number) => Io<ReadonlyArray<OldStudy>>

    readonly outbox: (limit: number) => Io<ReadonlyArray<OutboxEntry>>
    readonly published: (sequences: ReadonlyArray<number>) => Io<void>

    readonly studyStatus: (uid: StudyInstanceUID, page: StatusPage) => Io<Option.Option<StudyStatus>>
    readonly studyOverview: (uid: StudyInstanceUID) => Io<Option.Option<StudyOverview>>
    /** The study's first so many instances, in receipt order. */
    readonly studyReferences: (uid: StudyInstanceUID, limit: number) => Io<ReadonlyArray<InstanceReference>>
    /** Studies that are not ready. */
    readonly unsettledStudies: Io<ReadonlyArray<StudyInstanceUID>>
    /** Moves open → quiet → ready by steady time and the instances' stages; a StudyReady event per new version. Answers the studies that became ready. */
    readonly settle: (rules: SettleRules) => Io<ReadonlyArray<StudyInstanceUID>>
    /** StudyReady events of versions that were not matched against standing regions, again; to be asked while the broker holds none. Counts them. */
    readonly announceAgain: (limit: number) => Io<number>
    /** The caller says the study is complete: it becomes ready as soon as nothing of it is in flight. False: no such study. */
    readonly complete: (uid: StudyInstanceUID) => Io<boolean>
    /** How many distinct instances the study will have in all; without a number, that is taken back. False: no such study. */
    readonly expect: (
      uid: StudyInstanceUID,
      expectation: { readonly instances?: number; readonly from: Expectation["from"] },
    ) => Io<boolean>
    readonly seriesFacts: Io<ReadonlyArray<SeriesFacts>>
    readonly totals: Io<LedgerTotals>

    /** False when the id is taken by a region that the caller may not see. */
    readonly putStandingRegion: (
      id: StandingRegionId,
      region: StandingRegion,
      exemplar: { readonly model: string; readonly bytes: Uint8Array },
    ) => Io<boolean>
    /** Their vectors are kept for each model: `ModelRecords.exemplars`. */
    readonly standingRegions: Io<ReadonlyArray<{ readonly id: StandingRegionId; readonly region: StandingRegion }>>
    readonly deleteStandingRegion: (id: StandingRegionId) => Io<boolean>
    /** The standing regions that a version has yet to be matched against; `revision` says so to `matched`. None when there is no such version (any more). */
    readonly unmatched: (
      uid: StudyInstanceUID,
      version: number,
    ) => Io<Option.Option<{ readonly revision: number; readonly regions: ReadonlyArray<Unmatched> }>>
    /** All standing regions up to that revision were matched against the version. */
    readonly matched: (uid: StudyInstanceUID, version: number, revision: number) => Io<void>
    /** Instances that were searchable for the first time in a version above `after`, up to `version`; ascending. */
    readonly covered: (uid: StudyInstanceUID, after: number, version: number) => Io<Float64Array>
    /** Once per standing region and version of a study: answers none when it was raised before. AlertRaised goes to the outbox in the same commit. */
    readonly raiseAlert: (alert: {
      readonly standingRegion: StandingRegionId
      readonly label: string
      readonly StudyInstanceUID: StudyInstanceUID
      readonly studyVersion: number
      readonly hit: Hit
    }) => Io<Option.Option<Alert>>
    /** Alerts with an id above `after`, oldest first. */
    readonly alerts: (after: number, limit: number) => Io<ReadonlyArray<Alert>>
    /** Id of the newest alert; 0 when there was none. */
    readonly lastAlert: Io<number>
  }
>()("gateway/ledger/Ledger") {}
