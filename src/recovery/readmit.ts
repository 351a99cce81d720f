// Instances whose files are here and whose rows are not: accepted again, as what they were; what was deleted stays deleted.
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CurrentCaller, internal } from "../domain/caller.ts"
import type { Digest } from "../domain/instance.ts"
import type { SOPInstanceUID } from "../domain/uid.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger, LedgerError } from "../ledger/Ledger.ts"
import { type LogEntry, readReceiptLog } from "../ledger/receipt-log.ts"
import { readInstance } from "../listener/read-instance.ts"
import { isBuried } from "./journals.ts"
import type { DataPaths, LedgerRestored } from "./restore.ts"

/** No caller's configuration can name it: studies of which nobody knows where they came from are shown to no restricted caller. */
export const unknownOrigin = "\u001funknown"

/** Files read and accepted at a time. */
const together = 8

const maxNamed = 1000

export interface Readmitted {
  readonly accepted: number
  /** Deleted before, and held again by the copy that took the ledger's place. */
  readonly deletedAgain: number
  /** In the receipt log, with no file to accept; a thousand of them at the most. */
  readonly lost: ReadonlyArray<SOPInstanceUID>
  /** Files of which nobody can say what they are; moved to `<data>/recovered`. */
  readonly unclear: number
  /** Studies whose origin is not known any more. */
  readonly unknownOrigin: number
}

type Accepted = Extract<LogEntry, { readonly _tag: "Accepted" }>

/** What the receipt log says beside the ledger. */
const audit = Effect.fnUntraced(function* (dir: string) {
  const ledger = yield* Ledger
  const missing = new Map<string, Accepted>()
  const again: Array<LogEntry> = []
  const deleted = new Set<Digest>()
  const origins = new Map<string, { origin: string; alive: number }>()
  yield* Stream.runForEach(
    Stream.fromAsyncIterable(readReceiptLog(dir), (cause) => new LedgerError({ reason: "io", cause })),
    Effect.fnUntraced(function* (entry) {
      const study = origins.get(entry.StudyInstanceUID)
      if (entry._tag === "Accepted") {
        deleted.delete(entry.digest)
        const alive = study?.alive ?? 0
        const origin = study === undefined || alive === 0 ? entry.origin : study.origin
        origins.set(entry.StudyInstanceUID, { origin, alive: alive + 1 })
        const known = (yield* ledger.isCurrent(entry)) || (yield* ledger.isDeleted(entry.receipt))
        if (known) missing.delete(entry.SOPInstanceUID)
        else missing.set(entry.SOPInstanceUID, entry)
      } else {
        deleted.add(entry.digest)
        if (study !== undefined) study.alive--
        missing.delete(entry.SOPInstanceUID)
        if (yield* ledger.isCurrent(entry)) again.push(entry)
      }
    }),
  )
  return { missing: [...missing.values()], again, deleted, origins }
})

/** The log names what is missing one by one; only a ledger that was set aside may lack what no log names. */
export const readmit = Effect.fn("recovery.readmit")(function* (
  paths: DataPaths,
  restored: LedgerRestored | undefined,
) {
  const ledger = yield* Ledger
  const blobs = yield* Blobs
  const { missing, again, deleted, origins } = yield* audit(paths.backup)
  const count = { accepted: 0, deletedAgain: 0, unclear: 0 }
  const lost: Array<SOPInstanceUID> = []
  const unknown = new Set<string>()

  for (const { SOPInstanceUID, receipt } of [...again, ...(restored?.buried ?? [])]) {
    const found = yield* ledger.instance(SOPInstanceUID)
    if (found._tag === "None" || found.value.receipt > receipt) continue
    yield* ledger.delete({ SOPInstanceUID })
    count.deletedAgain++
  }

  const setAside = (digest: Digest) =>
    Effect.sync(() => {
      mkdirSync(join(paths.data, "recovered"), { recursive: true, mode: 0o700 })
      renameSync(blobs.path(digest), join(paths.data, "recovered", digest))
      count.unclear++
    })

  /** By its header, as the listener would; the sender's word about the study is what the log says. */
  const accept = Effect.fnUntraced(function* (digest: Digest, logged: boolean) {
    const path = blobs.path(digest)
    const read = yield* Effect.result(readInstance({ path }, undefined))
    if (read._tag === "Failure" || (!logged && isBuried(paths.index, read.success.SOPInstanceUID)))
      return yield* setAside(digest)
    const { warning: _, ...header } = read.success
    const study = header.StudyInstanceUID
    const origin = origins.get(study)?.origin ?? restored?.origins.get(study) ?? unknownOrigin
    const [acceptance] = yield* ledger
      .accept([{ ...header, digest, bytes: statSync(path).size }])
      .pipe(Effect.provideService(CurrentCaller, { ...internal, origin }))
    if (acceptance?._tag !== "Stored") return
    count.accepted++
    if (origin === unknownOrigin) unknown.add(study)
    if (count.accepted % 10_000 === 0) yield* Effect.logWarning(`recovery: ${count.accepted} instances accepted again`)
  })

  yield* Effect.forEach(
    missing,
    ({ digest, SOPInstanceUID }) =>
      existsSync(blobs.path(digest))
        ? accept(digest, true)
        : Effect.sync(() => {
            if (lost.length < maxNamed && !isBuried(paths.index, SOPInstanceUID)) lost.push(SOPInstanceUID)
          }),
    { concurrency: together, discard: true },
  )
  if (restored !== undefined)
    yield* blobs.list.pipe(
      Stream.filterEffect((digest) => Effect.map(ledger.isNamed(digest), (named) => !named && !deleted.has(digest))),
      Stream.mapEffect((digest) => accept(digest, false), { concurrency: together, unordered: true }),
      Stream.runDrain,
    )
  return { ...count, lost, unknownOrigin: unknown.size } satisfies Readmitted
})
