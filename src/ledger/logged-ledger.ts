// The ledger with a line in the receipt log for each instance accepted or deleted, before anybody is answered; rules and
// holds, which only the ledger has, make its next copy due.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CurrentCaller } from "../domain/caller.ts"
import type { InstanceRef } from "../domain/instance.ts"
import { Ledger } from "./Ledger.ts"
import { type LogEntry, openReceiptLog, type ReceiptLog as Log } from "./receipt-log.ts"

export class ReceiptLog extends Context.Service<ReceiptLog, Log>()("gateway/ledger/ReceiptLog") {
  /** In `dir`, for the life of the scope. */
  static readonly layer = ({ dir }: { readonly dir: string }) =>
    Layer.effect(
      ReceiptLog,
      Effect.acquireRelease(
        Effect.sync(() => openReceiptLog(dir)),
        (log) => Effect.sync(log.close),
      ),
    )
}

/** Needs the ledger that it gives. */
export const layer = Layer.effect(
  Ledger,
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const log = yield* ReceiptLog
    /** The row is durable: a log that cannot be written is a second copy less, and no reason to refuse. */
    const append = (entries: ReadonlyArray<LogEntry>) =>
      Effect.try({ try: () => log.append(entries), catch: (cause) => cause }).pipe(
        Effect.catch((cause) => Effect.logError("the receipt log was not written", cause)),
      )
    const deleted = ({ receipt, digest, StudyInstanceUID, SOPInstanceUID }: InstanceRef): LogEntry => ({
      _tag: "Deleted",
      receipt,
      digest,
      StudyInstanceUID,
      SOPInstanceUID,
    })
    /** What stands in no file but the ledger's. */
    const noted = <A, E>(change: Effect.Effect<A, E>) => Effect.tap(change, () => Effect.sync(log.note))
    return Ledger.of({
      ...ledger,
      accept: Effect.fnUntraced(function* (instances, expected) {
        const { origin } = yield* CurrentCaller
        const acceptances = yield* ledger.accept(instances, expected)
        const entries = instances.flatMap(
          ({ StudyInstanceUID, SOPInstanceUID, digest }, i): ReadonlyArray<LogEntry> => {
            const acceptance = acceptances[i]
            return acceptance?._tag === "Stored"
              ? [{ _tag: "Accepted", receipt: acceptance.receipt, digest, StudyInstanceUID, SOPInstanceUID, origin }]
              : []
          },
        )
        yield* append(entries)
        return acceptances
      }, Effect.uninterruptible),
      delete: (scope, cause) =>
        Effect.uninterruptible(
          Effect.tap(ledger.delete(scope, cause), ({ instances }) => append(instances.map(deleted))),
        ),
      putStandingRegion: (id, region, exemplar) => noted(ledger.putStandingRegion(id, region, exemplar)),
      deleteStandingRegion: (id) => noted(ledger.deleteStandingRegion(id)),
      putHold: (uid, reason) => noted(ledger.putHold(uid, reason)),
      removeHold: (uid) => noted(ledger.removeHold(uid)),
    })
  }),
)
