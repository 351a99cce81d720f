// One writer, group commit: what is asked for while a commit runs shares the next one.
import type { DatabaseSync, StatementSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import { LedgerError } from "./Ledger.ts"

/** Jobs of one commit; more wait for the next, so that no caller waits long. */
const jobsPerCommit = 256

const sqliteFull = 13

export const ledgerError = (cause: unknown): LedgerError => {
  const code = typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) : 0
  const message = cause instanceof Error ? cause.message : String(cause)
  const reason = (code & 0xff) === sqliteFull ? "disk-full" : /not open/.test(message) ? "closed" : "io"
  return new LedgerError({ reason, cause })
}

interface Job {
  readonly durable: boolean
  readonly run: () => void
  readonly done: (error: LedgerError | undefined) => void
}

export interface Writer {
  /** Runs the job in the next transaction; succeeds when that is on disk. A job that throws fails alone. */
  readonly write: <A>(job: () => A) => Effect.Effect<A, LedgerError>
  /**
   * The same without waiting for the disk: a power cut may take it back, never out of order. For what is done again
   * when it is lost: a stage reached, an event published.
   */
  readonly note: <A>(job: () => A) => Effect.Effect<A, LedgerError>
  /** Reads, and answers once what a commit has just made visible is on disk: for what leaves the gateway. */
  readonly readDurable: <A>(query: () => A) => Effect.Effect<A, LedgerError>
}

/** `sync` makes durable all that was committed before the call; none for a database without a file. */
export const makeWriter = (db: DatabaseSync, sync?: () => Promise<void>): Writer => {
  const [begin, savepoint, rollbackTo, release, end] = [
    "BEGIN IMMEDIATE",
    "SAVEPOINT job",
    "ROLLBACK TO job",
    "RELEASE job",
    "COMMIT",
  ].map((sql) => db.prepare(sql)) as [StatementSync, StatementSync, StatementSync, StatementSync, StatementSync]
  let waiting: Array<Job> = []
  let scheduled = false
  /** After a failed sync nobody knows what the disk has of the log: nothing can be promised until the next start. */
  let broken: LedgerError | undefined
  let syncing: Promise<void> | undefined

  /** What became of each job; throws when none of them was committed. */
  const commit = (jobs: ReadonlyArray<Job>): ReadonlyArray<LedgerError | undefined> => {
    const failures: Array<LedgerError | undefined> = []
    begin.run()
    for (const job of jobs) {
      savepoint.run()
      try {
        job.run()
        failures.push(undefined)
      } catch (cause) {
        rollbackTo.run()
        failures.push(ledgerError(cause))
      }
      release.run()
    }
    end.run()
    return failures
  }

  const flush = () => {
    const jobs = waiting.slice(0, jobsPerCommit)
    waiting = waiting.slice(jobsPerCommit)
    let failures: ReadonlyArray<LedgerError | undefined>
    try {
      if (broken !== undefined) throw broken
      if (!db.isOpen) throw new Error("the database is not open")
      failures = commit(jobs)
    } catch (cause) {
      if (db.isOpen && db.isTransaction) db.exec("ROLLBACK")
      const error = cause instanceof LedgerError ? cause : ledgerError(cause)
      for (const job of jobs) job.done(error)
      return next()
    }
    const settle = (durable: boolean) => jobs.forEach((job, i) => job.durable === durable && job.done(failures[i]))
    settle(false)
    if (sync === undefined || !jobs.some(({ durable }) => durable)) {
      settle(true)
      return next()
    }
    syncing = sync()
      .catch((cause: unknown) => {
        broken = ledgerError(cause)
      })
      .then(() => {
        syncing = undefined
        if (broken === undefined) settle(true)
        else for (const job of jobs) if (job.durable) job.done(broken)
        next()
      })
  }
  const next = () => {
    scheduled = false
    if (waiting.length > 0) schedule()
  }
  // A turn of the event loop gathers what arrived together; what arrives during a sync shares the next commit.
  const schedule = () => {
    scheduled = true
    setImmediate(flush)
  }

  const enqueue =
    (durable: boolean) =>
    <A>(job: () => A) =>
      Effect.callback<A, LedgerError>((resume) => {
        let result: A | undefined
        waiting.push({
          durable,
          run: () => {
            result = job()
          },
          done: (error) => resume(error === undefined ? Effect.succeed(result as A) : Effect.fail(error)),
        })
        if (!scheduled) schedule()
      })
  const readDurable = <A>(query: () => A) =>
    Effect.try({ try: query, catch: ledgerError }).pipe(
      Effect.tap(() => Effect.promise(async () => syncing)),
      Effect.filterOrElse(
        () => broken === undefined,
        () => Effect.fail(broken ?? ledgerError("the log was not synced")),
      ),
    )
  return { write: enqueue(true), note: enqueue(false), readDurable }
}
