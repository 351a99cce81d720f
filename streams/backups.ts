// Ledger and worklist → checked copies in `<data>/backup`, from which a damaged database is made whole; and deleted rows out of the copies.
import { statSync } from "node:fs"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import type { BackupAnswer, purge } from "../src/ledger/backup-worker.ts"
import { type BackupJob, backupsOf } from "../src/ledger/backups.ts"
import { Blobs } from "../src/ledger/Blobs.ts"
import { ReceiptLog } from "../src/ledger/logged-ledger.ts"
import { readReceiptLog } from "../src/ledger/receipt-log.ts"
import type { DataPaths } from "../src/recovery/restore.ts"
import { makePool } from "../src/workers/pool.ts"

export interface BackupOptions {
  readonly paths: DataPaths
  /** Between two copies of a ledger that changes. */
  readonly every: Duration.Duration
  /** Free bytes that must remain. */
  readonly minFreeBytes: number
}

/** So many receipts make a copy due before its time: a recovery would read as many files. */
const manyReceipts = 50_000
/** Between two looks at what is due. */
const look = "2 seconds"
/** Between two copies because of rules and holds: so long, and so many times what a copy takes. */
const noted = { millis: 10_000, times: 60 } as const

const age = Metric.gauge("gateway_backup_age_seconds", { description: "Age of the newest copy of the ledger" })
const damaged = Metric.gauge("gateway_database_damaged", {
  description: "1: a database could not be read whole; the next start makes it whole",
})

const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
const changedAt = (path: string) =>
  Math.max(...["", "-wal"].map((suffix) => statSync(`${path}${suffix}`, { throwIfNoEntry: false })?.mtimeMs ?? 0))

export const backups = Effect.fnUntraced(function* ({ paths, every, minFreeBytes }: BackupOptions) {
  const log = yield* ReceiptLog
  const blobs = yield* Blobs
  const filename = new URL("../src/ledger/backup-worker.ts", import.meta.url)
  // Stopping it would leave half a copy, which counts for nothing.
  const pool = yield* makePool({ filename, threads: 1, startThreads: 0 })
  const dir = paths.backup

  /** False when the copy did not come about. */
  const told = (database: string, answer: BackupAnswer) =>
    answer.ok
      ? Effect.succeed(true)
      : Effect.as(
          answer.damaged
            ? Effect.andThen(
                Metric.update(Metric.withAttributes(damaged, { database }), 1),
                Effect.logError("a database is damaged: restart the gateway to have it made whole", {
                  database,
                  error: answer.message,
                }),
              )
            : Effect.logWarning("no copy of the database", { database, error: answer.message }),
          false,
        )

  const write = Effect.gen(function* () {
    const needed = size(paths.ledger) + size(`${paths.ledger}-wal`) + size(paths.worklist)
    if ((yield* blobs.free) < minFreeBytes + needed)
      return yield* Effect.logWarning("no copy of the ledger: the disk is too full", { needed })
    // What is accepted from here on stands in the new segment, whether the copy holds it or not.
    const segment = log.rotate()
    const jobs: ReadonlyArray<BackupJob> = [
      { source: paths.ledger, dir, name: "ledger", table: "meta", segment },
      { source: paths.worklist, dir, name: "worklist", table: "meta", segment },
    ]
    const done = yield* Effect.forEach(jobs, (job) =>
      Effect.flatMap(pool.run<BackupAnswer>("backup", job), (answer) => told(job.name, answer)),
    )
    if (!done.every(Boolean)) return
    const oldest = backupsOf(dir, "ledger").at(-1)?.segment
    if (oldest !== undefined) log.dropBefore(oldest)
    yield* Effect.logInfo("copied ledger and worklist", { dir })
  })

  /** What was deleted since the older copy began goes from both. */
  let purged = 0
  const purgeDeleted = Effect.gen(function* () {
    const oldest = backupsOf(dir, "ledger").at(-1)
    if (oldest === undefined || log.deletions() === purged) return
    const seen = log.deletions()
    const receipts: Array<number> = []
    const studies = new Set<string>()
    yield* Effect.promise(async () => {
      for await (const entry of readReceiptLog(dir, oldest.segment))
        if (entry._tag === "Deleted") {
          receipts.push(entry.receipt)
          studies.add(entry.StudyInstanceUID)
        }
    })
    const argument: Parameters<typeof purge>[0] = { dir, receipts, studies: [...studies] }
    if (yield* told("backup", yield* pool.run<BackupAnswer>("purge", argument))) purged = seen
  })

  let copied = { notes: 0, took: 0 }
  const pass = Effect.gen(function* () {
    yield* purgeDeleted
    const newest = backupsOf(dir, "ledger")[0]
    const now = yield* Clock.currentTimeMillis
    // Purging changes the copy's file, not its age.
    const written = newest === undefined ? 0 : (statSync(newest.path, { throwIfNoEntry: false })?.birthtimeMs ?? 0)
    const old = now - written
    const changed = Math.max(changedAt(paths.ledger), changedAt(paths.worklist)) > written
    if (newest !== undefined) yield* Metric.update(age, old / 1000)
    const noteworthy = log.notes() > copied.notes && old >= Math.max(noted.millis, noted.times * copied.took)
    if (changed && (noteworthy || old >= Duration.toMillis(every) || log.lines() >= manyReceipts)) {
      const notes = log.notes()
      const [took] = yield* Effect.timed(write)
      copied = { notes, took: Duration.toMillis(took) }
    }
  })
  yield* Effect.repeat(pass, Schedule.spaced(look))
}, Effect.scoped)
