// Received parts to accepted instances: header read back, blob durable, then the ledger in groups.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Digest } from "../domain/instance.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { Blobs, type Draft } from "../ledger/Blobs.ts"
import { Ledger, type Acceptance, type NewInstance } from "../ledger/Ledger.ts"
import { holdUnderWay } from "../ledger/under-way.ts"
import { asPart10 } from "./bare-data-set.ts"
import { readInstance } from "./read-instance.ts"
import { makeExpecting } from "./expect-instances.ts"
import { Halt, haltOf, type InstanceParts, receive, type Received, type ReceiveLimits } from "./receive.ts"
import { FailureReason, type Outcome, type Refused } from "./store-response.ts"
import { count } from "./stow-metrics.ts"

/** Parts of one request whose headers are read and whose blobs are made durable at the same time. */
const lookahead = 8
/** Instances of one request that may wait for the ledger's commit in progress. */
const waiting = 16

/** Parts of one request of which nobody can say what they are: a sender of objects has few, a flood of tiny ones is cheap to send. */
const maxUnknown = 1000

/** Durable bytes that the ledger does not know yet; the open scope keeps them from being removed as unnamed. */
interface Ready {
  readonly _tag: "Ready"
  readonly instance: NewInstance
  readonly warning: number | undefined
  readonly scope: Scope.Closeable
}

/** A file without preamble is read again with one. */
const readDraft = Effect.fnUntraced(function* (draft: Draft, scope: Scope.Scope, study: string | undefined) {
  const read = yield* Effect.result(readInstance(yield* draft.content, study))
  if (Result.isSuccess(read)) return { draft, read: read.success }
  const whole = yield* asPart10(draft, scope)
  if (whole === undefined) return yield* Effect.fail(read.failure)
  return { draft: whole, read: yield* readInstance(yield* whole.content, study) }
})

const prepare = Effect.fnUntraced(
  function* ({ draft: received, scope }: Received, study: string | undefined) {
    const { draft, read } = yield* readDraft(received, scope, study)
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
    const { warning, ...header } = read
    const ready: Ready = { _tag: "Ready", instance: { ...header, digest, bytes }, warning, scope }
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
const outcomeOf = ({ instance, warning }: Ready, acceptance: Acceptance | undefined): Outcome => {
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
  return { _tag: "Stored", fresh, warning, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, SOPClassUID }
}

const accept = Effect.fnUntraced(function* (
  group: ReadonlyArray<Ready>,
  expecting: ReturnType<typeof makeExpecting>,
  hold: (study: StudyInstanceUID) => void,
) {
  const ledger = yield* Ledger
  const acceptances = yield* expecting(group.map(({ instance }) => instance.StudyInstanceUID)).pipe(
    Effect.flatMap((expected) =>
      ledger.accept(
        group.map(({ instance }) => instance),
        expected,
      ),
    ),
    Effect.ensuring(Effect.forEach(group, ({ scope }) => Scope.close(scope, Exit.void), { discard: true })),
    // A caller who hangs up must not let go of the bytes while the ledger is taking them.
    Effect.uninterruptible,
    Effect.mapError(haltOf),
  )
  acceptances.forEach(({ _tag }, index) => {
    if (_tag === "Stored" || _tag === "Duplicate") hold(group[index]!.instance.StudyInstanceUID)
  })
  return group.map((ready, index) => outcomeOf(ready, acceptances[index]))
})

export interface Stored {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly halt: Halt | undefined
}

/** Everything the outcome calls stored is durable when this succeeds. `study`: from the address; `expected`: instances it will have. */
export const store = Effect.fnUntraced(function* <R>(
  parts: InstanceParts<R>,
  study: string | undefined,
  limits: ReceiveLimits,
  expected?: number,
) {
  const expecting = makeExpecting(expected)
  const hold = yield* holdUnderWay
  const outcomes: Array<Outcome> = []
  let unknown = 0
  const take = Effect.fnUntraced(function* (items: ReadonlyArray<Ready | Refused | Halt>) {
    const ready = items.filter((item) => item._tag === "Ready")
    const accepted = ready.length === 0 ? [] : yield* accept(ready, expecting, hold)
    // In the order they were sent.
    let next = 0
    const settled = items.flatMap((item): ReadonlyArray<Outcome> => {
      if (item._tag === "Refused") return [item]
      return item._tag === "Ready" ? accepted.slice(next, ++next) : []
    })
    outcomes.push(...settled)
    unknown += settled.filter((item) => item._tag === "Refused" && item.SOPInstanceUID === undefined).length
    yield* count(
      settled,
      ready.reduce((sum, { instance }) => sum + instance.bytes, 0),
    )
    const halt = items.find((item) => item._tag === "Halt")
    if (halt !== undefined) return yield* halt
    if (unknown > maxUnknown) {
      return yield* new Halt({ status: 413, error: `more than ${maxUnknown} parts are no DICOM objects` })
    }
  })
  const halt = yield* receive(parts, limits).pipe(
    Stream.mapEffect(
      (item) => (item._tag === "Received" ? limits.turn(item.bytes)(prepare(item, study)) : Effect.succeed(item)),
      {
        concurrency: lookahead,
      },
    ),
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
