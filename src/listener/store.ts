// Received parts to accepted instances: header read back, blob durable, then the ledger in groups.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger, type NewInstance } from "../ledger/Ledger.ts"
import { readInstance } from "./read-instance.ts"
import { haltOf, receive, type Halt, type Received, type ReceiveLimits } from "./receive.ts"
import { FailureReason, type Outcome } from "./store-response.ts"

/** Parts of one request that are made durable at the same time. */
const lookahead = 8

interface Ready {
  readonly _tag: "Ready"
  readonly instance: NewInstance
}

const prepare = Effect.fnUntraced(
  function* ({ draft }: Received, study: string | undefined) {
    const read = yield* readInstance(draft.path, study)
    const { digest, bytes } = yield* draft.commit
    return { _tag: "Ready", instance: { ...read, digest, bytes } } as const
  },
  Effect.catchTags({
    Refusal: ({ reason, detail, SOPInstanceUID, SOPClassUID }) =>
      Effect.succeed<Outcome>({ _tag: "Refused", reason, detail, SOPInstanceUID, SOPClassUID }),
    BlobError: (error) => Effect.succeed(haltOf(error)),
  }),
  (effect, { scope }) => Effect.ensuring(effect, Scope.close(scope, Exit.void)),
)

/** A refused copy's blob: nothing refers to it, unless its own content is what is stored by now. */
const dropRefused = Effect.fnUntraced(
  function* ({ SOPInstanceUID, digest }: NewInstance) {
    const ledger = yield* Ledger
    const blobs = yield* Blobs
    const current = yield* ledger.instance(SOPInstanceUID)
    if (Option.isNone(current) || current.value.digest !== digest) yield* blobs.remove(digest)
  },
  (effect) => Effect.ignore(effect),
)

const accept = Effect.fnUntraced(
  function* (instances: ReadonlyArray<NewInstance>) {
    const ledger = yield* Ledger
    const acceptances = yield* ledger.accept(instances)
    return yield* Effect.forEach(
      instances,
      Effect.fnUntraced(function* (instance, index) {
        const acceptance = acceptances[index]
        if (acceptance?._tag !== "Conflict") {
          return { _tag: "Stored", fresh: acceptance?._tag === "Stored", ...instance } satisfies Outcome
        }
        if (acceptance.digest !== instance.digest) yield* dropRefused(instance)
        const { SOPInstanceUID, SOPClassUID } = instance
        const detail = "another object with this SOP instance UID is stored already"
        return {
          _tag: "Refused",
          reason: FailureReason.duplicate,
          detail,
          SOPInstanceUID,
          SOPClassUID,
        } satisfies Outcome
      }),
    )
  },
  Effect.catchTag("LedgerError", (error) => Effect.succeed([haltOf(error)])),
)

export interface Stored {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly halt: Halt | undefined
}

/** Everything the outcome calls stored is durable when this succeeds. `study`: from the address. */
export const store = Effect.fnUntraced(function* <E>(
  body: Stream.Stream<Uint8Array, E>,
  boundary: string,
  study: string | undefined,
  limits: ReceiveLimits,
) {
  const outcomes: Array<Outcome> = []
  let halt: Halt | undefined
  const take = Effect.fnUntraced(function* (items: ReadonlyArray<Ready | Outcome | Halt>) {
    const ready = items.flatMap((item) => (item._tag === "Ready" ? [item.instance] : []))
    const accepted: ReadonlyArray<Outcome | Halt> = ready.length === 0 || halt !== undefined ? [] : yield* accept(ready)
    for (const item of [...accepted, ...items]) {
      if (item._tag === "Halt") halt ??= item
      else if (item._tag === "Stored") outcomes.push(slim(item))
      else if (item._tag === "Refused") outcomes.push(item)
    }
  })
  yield* receive(body, boundary, limits).pipe(
    Stream.mapEffect((item) => (item._tag === "Received" ? prepare(item, study) : Effect.succeed(item)), {
      concurrency: lookahead,
    }),
    // Whatever became ready while the ledger was busy goes into its next commit together.
    Stream.buffer({ capacity: 64 }),
    Stream.runForEachArray(take),
  )
  return { outcomes, halt } satisfies Stored
}, Effect.scoped)

/** Thousands of outcomes are kept until the answer: without the attributes. */
const slim = ({
  fresh,
  StudyInstanceUID,
  SeriesInstanceUID,
  SOPInstanceUID,
  SOPClassUID,
}: Outcome & { _tag: "Stored" }) =>
  ({ _tag: "Stored", fresh, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, SOPClassUID }) as const
