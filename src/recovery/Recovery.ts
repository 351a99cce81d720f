// What the last start found damaged, and what became of it. First the files, before anything opens them; then the instances.
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import { DataFolderError } from "../ledger/data-folder.ts"
import { writeDurably } from "../disk/durable-files.ts"
import { readReceiptLog } from "../ledger/receipt-log.ts"
import * as Reading from "../listener/ReadingThreads.ts"
import { restoreJournals } from "./journals.ts"
import { readmit, type Readmitted } from "./readmit.ts"
import {
  type LedgerRestored,
  pathsOf,
  type DataPaths,
  recoveryEnds,
  type Restored,
  restoreLedger,
  restoreWorklist,
} from "./restore.ts"

const instances = Metric.gauge("gateway_recovered_instances", {
  description: "Instances that the recovery at start accepted again, deleted again, lost, or could not tell",
})

export interface RestoredFiles {
  readonly paths: DataPaths
  readonly time: string
  readonly ledger: LedgerRestored | undefined
  readonly worklist: Restored | undefined
  readonly journals: ReadonlyArray<string>
}

export interface RecoveryReport extends Readmitted {
  readonly time: string
  /** Databases that were damaged, and why. */
  readonly damaged: ReadonlyArray<string>
  /** Where the damaged ledger is now, and which copy took its place. */
  readonly ledgerAside?: string
  readonly ledgerBackup?: string
}

export interface RecoveryOptions {
  readonly whole: boolean
  readonly withoutFiles: boolean
}

const failed = (data: string) => (cause: unknown) =>
  cause instanceof DataFolderError
    ? cause
    : new DataFolderError({
        message: `the databases in ${data} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      })

/** What the file system and SQLite throw, as one sentence. */
export const attempt = <A>(data: string, work: () => A) => Effect.try({ try: work, catch: failed(data) })

/** The folder must be locked. Fails with one sentence where going on would not be safe. */
export const restoreFiles = Effect.fn("recovery.files")(function* (data: string, options: RecoveryOptions) {
  const paths = pathsOf(data)
  const time = new Date(yield* Clock.currentTimeMillis).toISOString()
  const highest = yield* Effect.tryPromise({
    try: async () => {
      let newest = 0
      for await (const { receipt } of readReceiptLog(paths.backup)) newest = Math.max(newest, receipt)
      return newest
    },
    catch: failed(data),
  })
  const files = yield* Effect.try({
    try: (): RestoredFiles => ({
      paths,
      time,
      journals: restoreJournals(paths.index, time, options.whole),
      ledger: restoreLedger(paths, { ...options, time, highest }),
      worklist: restoreWorklist(paths, { ...options, time, highest }),
    }),
    catch: failed(data),
  })
  const { ledger, worklist, journals } = files
  if (ledger !== undefined) {
    const { aside, backup, reason } = ledger
    yield* Effect.logError("the ledger was damaged and is made whole", { reason, aside, backup })
  }
  if (worklist !== undefined)
    yield* Effect.logError("the worklist was damaged: work items since its last copy are lost", worklist)
  for (const journal of journals)
    yield* Effect.logError("an embedding journal was damaged: its slices are embedded again", { journal })
  return files
})

const finish = Effect.fn("recovery.instances")(function* ({ paths, time, ledger, worklist, journals }: RestoredFiles) {
  const found = yield* readmit(paths, ledger)
  const changed = found.accepted + found.deletedAgain + found.lost.length + found.unclear > 0
  const { aside, backup, reason } = ledger ?? { reason: undefined }
  const damaged = [
    ...(reason === undefined ? [] : [`${paths.ledger}: ${reason}`]),
    ...(reason === undefined && changed ? [`${paths.ledger}: its last changes are missing`] : []),
    ...(worklist === undefined ? [] : [`${paths.worklist}: ${worklist.reason}`]),
    ...journals,
  ]
  const counts = {
    accepted: found.accepted,
    deleted: found.deletedAgain,
    lost: found.lost.length,
    unclear: found.unclear,
  }
  for (const [outcome, count] of Object.entries(counts))
    yield* Metric.update(Metric.withAttributes(instances, { outcome }), count)
  if (damaged.length === 0) return undefined
  const report: RecoveryReport = {
    time,
    damaged,
    ...found,
    ...(aside === undefined ? {} : { ledgerAside: aside }),
    ...(backup === undefined ? {} : { ledgerBackup: backup }),
  }
  yield* Effect.sync(() => writeDurably(join(paths.data, "recovery.json"), JSON.stringify(report, undefined, 2)))
  if (ledger !== undefined) yield* Effect.sync(() => recoveryEnds(paths))
  yield* Effect.logError("recovery has ended", { ...counts, studiesOfUnknownOrigin: found.unknownOrigin })
  for (const SOPInstanceUID of found.lost) yield* Effect.logError("lost: its file is not there", { SOPInstanceUID })
  return report
})

export class Recovery extends Context.Service<Recovery, { readonly report: RecoveryReport | undefined }>()(
  "gateway/recovery/Recovery",
) {
  /** Needs the ledger and the blobs that others are to find whole. */
  static readonly layer = (files: RestoredFiles) =>
    Layer.effect(
      Recovery,
      Effect.map(finish(files), (report) => Recovery.of({ report })),
    ).pipe(Layer.provide(Reading.layer))
}
