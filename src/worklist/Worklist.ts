// The worklist (PS3.4 Annex CC): work items, who is told of them, and what each request means in each state.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Origin } from "../domain/caller.ts"
import type { DicomJson } from "../domain/instance.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import type { LedgerError, SearchTooBroad } from "../ledger/Ledger.ts"
import type { QueuedEvent } from "./event-queue.ts"
import type { OwnItem, Running, OwnState } from "./own-items.ts"
import type { WorkitemPage, WorkitemQuery } from "./search.ts"
import type { Code, ProcedureStepState } from "./states.ts"

/** `invalid`: the data set is at fault; `gone`: deleted; `busy`, `full`: a bound is reached; else a status code of PS3.4 §CC.2. */
export class WorkitemRefused extends Schema.TaggedError<WorkitemRefused>()("WorkitemRefused", {
  code: Schema.Literals([
    "invalid",
    "gone",
    "busy",
    "full",
    "0111",
    "C300",
    "C301",
    "C302",
    "C303",
    "C304",
    "C307",
    "C310",
    "C311",
    "C313",
    "C314",
  ]),
  detail: Schema.optionalKey(Schema.String),
}) {}

/** "0000", or a warning: it is so already. */
export type Granted = Extract<Code, "0000" | "B304" | "B306">

/** One work item by its UID, or all by a well-known UID. */
export interface Subscription {
  readonly target: string
  readonly AE: string
  readonly deletionLock: boolean
  /** Query parameters; of a filtered subscription only. */
  readonly filter: string
}

/** A subscriber's events, for as long as the scope lives. */
export interface Channel {
  /** Those after the given one, oldest first. */
  readonly next: (last: number, limit: number) => Io<ReadonlyArray<QueuedEvent>>
  /** The subscriber has all up to this one; when several channels are open, they go when all have them. */
  readonly delivered: (last: number) => Io<void>
}

type Io<A, E = never> = Effect.Effect<A, LedgerError | E>
type Request<A> = Io<A, WorkitemRefused>

/** Requests answer for what the current caller may see (`visibility.ts`). */
export class Worklist extends Context.Service<
  Worklist,
  {
    /** Durable when it succeeds, as all changes. `modified`: attributes were added to what was sent. */
    readonly create: (uid: string, attributes: DicomJson) => Request<{ readonly modified: boolean }>
    readonly retrieve: (uid: string) => Request<DicomJson>
    readonly search: (query: WorkitemQuery) => Io<WorkitemPage, SearchTooBroad>
    readonly update: (uid: string, transactionUID: string, changes: DicomJson) => Request<void>
    readonly changeState: (uid: string, state: ProcedureStepState, transactionUID: string) => Request<Granted>
    readonly requestCancel: (uid: string, requestingAE: string, reason: DicomJson) => Request<Granted>

    readonly subscribe: (subscription: Subscription) => Request<void>
    readonly unsubscribe: (target: string, AE: string) => Request<void>
    readonly suspend: (target: string, AE: string) => Request<void>
    /** `wake` is called whenever there may be something new. */
    readonly open: (AE: string, wake: () => void) => Effect.Effect<Channel, LedgerError | WorkitemRefused, Scope.Scope>

    /** The gateway's own work; `performing`: it is in progress at once. False when the subject has its item already. */
    readonly putOwn: (item: OwnItem, performing: boolean) => Io<boolean>
    /** Undefined when the subject has no item. */
    readonly ownState: (subject: string) => Io<OwnState | undefined>
    readonly running: Io<ReadonlyArray<Running>>
    readonly reportOwn: (uid: string, changes: DicomJson) => Io<void>
    readonly completeOwn: (uid: string, changes: DicomJson) => Io<void>
    /** Items that clients made about a study before it came become visible with it. */
    readonly studyArrived: (study: StudyInstanceUID, origin: Origin) => Io<void>
    /** Items about the study name the patient whose it is now. */
    readonly studyCorrected: (study: StudyInstanceUID, attributes: DicomJson) => Io<void>
    /** How many items are about the study: the gateway's own that still tell of it, and those that clients made. */
    readonly about: (study: StudyInstanceUID) => Io<{ readonly own: number; readonly clients: number }>
    /** What was deleted leaves the file and its log; false: not yet. */
    readonly scrub: Io<boolean>
    /** What the gateway made about the study is canceled, or goes where it is finished. */
    readonly studyDeleted: (study: StudyInstanceUID) => Io<void>
    /** Deletes what was finished so long ago and is not locked; how many. */
    readonly purge: (keepMillis: number) => Io<number>
  }
>()("gateway/worklist/Worklist") {}
