// Received parts to accepted instances: header read back, blob durable, then the ledger in groups.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Digest } from "../domain/instance.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger, type Acceptance, type NewInstance } from "../ledger/Ledger.ts"
import { readInstance } from "./read-instance.ts"
import { Halt, haltOf, type InstanceParts, receive, type Received, type ReceiveLimits } from "./receive.ts"
import { FailureReason, type Outcome, type Refused } from "./store-response.ts"
import { count } from "./stow-metrics.ts"

/** Parts of one request whose headers are read and whose blobs are made durable at the same time. */
const lookahead = 8
/** Instances of one request that may wait for the ledger's commit in progress. */
const waiting = 16

/** Durable bytes that the ledger does not know yet; the open scope keeps them from being removed as unnamed. */
interface Ready {
  readonly _tag: "Ready"
  readonly instance: NewInstance
  readonly scope: Scope.Closeable
}

const prepare = Effect.fnUntraced(
  function* ({ draft, scope }: Received, study: string | undefined) {
    const read = yield* readInstance(yield* draft.content, study)
    const ledger = yield* Ledger
    const blobs = yield* Blobs
    // Runs after the draft has let go of its bytes: what the ledger did not take, for whatever reason, is gone with it.
    let committed: Digest | undefined
    const removeUnlessNamed = (digest: Digest) =>
      Effect.flatMap(ledger.isNamed(digest), (named) =>
        // The usual case, and spared the removal's lock.
        named ? Effect.succeed(false) : blobs.remove(digest, ledger.isNamed(digest)),
      )
    yield* Scope.addFinalizer(
      scope,
      Effect.suspend(() => (committed === undefined ? Effect.void : Effect.ignore(removeUnlessNamed(committed)))),
    )
    const { digest, bytes } = yield* draft.commit
    committed = digest
    const ready: Ready = { _tag: "Ready", instance: { ...read, digest, bytes }, scope }
    return ready
  },
  (effect, { scope }) =>
    Effect.onExit(effect, (exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))),
  Effect.catchTags({
    Refusal: ({ reason, detail, SOPInstanceUID, SOPClassUID }) =>
      Effect.succeed<Refused>({ _tag: "Refused", reason, detail, SOPInstanceUID, SOPClassUID }),
    BlobError: (error) => Effect.succeed(haltOf(error)),
  }),
)

/** Thousands of outcomes are kept until the answer: without the attributes. */
const outcomeOf = (instance: NewInstance, acceptance: Acceptance | undefined): Outcome => {
  const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, SOPClassUID } = instance
  if (acceptance?._tag === "NotAuthorized") {
    const detail = "the caller may not add to this study"
    return { _tag: "Refused", reason: FailureReason.notAuthorized, detail, SOPInstanceUID, SOPClassUID }
  }
  if (acceptance?._tag === "Conflict") {
    const detail = "another object with this SOP instance UID is stored already"
    return { _tag: "Refused", reason: FailureReason.duplicate, detail, SOPInstanceUID, SOPClassUID }
  }
  const fresh = acceptance?._tag === "Stored"
  return { _tag: "Stored", fresh, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, SOPClassUID }
}

const accept = Effect.fnUntraced(function* (group: ReadonlyArray<Ready>) {
  const ledger = yield* Ledger
  const acceptances = yield* ledger.accept(group.map(({ instance }) => instance)).pipe(
    Effect.ensuring(Effect.forEach(group, ({ scope }) => Scope.close(scope, Exit.void), { discard: true })),
    // A caller who hangs up must not let go of the bytes while the ledger is taking them.
    Effect.uninterruptible,
    Effect.mapError(haltOf),
  )
  return group.map(({ instance }, index) => outcomeOf(instance, acceptances[index]))
})

export interface Stored {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly halt: Halt | undefined
}

/** Everything the outcome calls stored is durable when this succeeds. `study`: from the address. */
export const store = Effect.fnUntraced(function* <R>(
  parts: InstanceParts<R>,
  study: string | undefined,
  limits: ReceiveLimits,
) {
  const outcomes: Array<Outcome> = []
  const take = Effect.fnUntraced(function* (items: ReadonlyArray<Ready | Refused | Halt>) {
    const ready = items.filter((item) => item._tag === "Ready")
    const accepted = ready.length === 0 ? [] : yield* accept(ready)
    // In the order they were sent.
    let next = 0
    const settled = items.flatMap((item): ReadonlyArray<Outcome> => {
      if (item._tag === "Refused") return [item]
      return item._tag === "Ready" ? accepted.slice(next, ++next) : []
    })
    outcomes.push(...settled)
    yield* count(
      settled,
      ready.reduce((sum, { instance }) => sum + instance.bytes, 0),
    )
    const halt = items.find((item) => item._tag === "Halt")
    if (halt !== undefined) return yield* halt
  })
  const halt = yield* receive(parts, limits).pipe(
    Stream.mapEffect((item) => (item._tag === "Received" ? prepare(item, study) : Effect.succeed(item)), {
      concurrency: lookahead,
    }),
    // Nothing is read behind a failure, and everything before it is still accepted.
    Stream.takeUntil((item) => item._tag === "Halt"),
    // Whatever became ready while the ledger was busy goes into its next commit together.
    Stream.buffer({ capacity: waiting }),
    Stream.runForEachArray(take),
    Effect.as(undefined),
    Effect.catchTag("Halt", (halt) => Effect.succeed(halt)),
  )
  return { outcomes, halt } satisfies Stored
}, Effect.scoped)
