// One writer, group commit: what is asked for while a commit runs shares the next one.
import type { DatabaseSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import { LedgerError } from "./Ledger.ts"

/** Jobs of one commit; more wait for the next, so that no caller waits long. */
const jobsPerCommit = 256

/** Milliseconds. */
const longestWait = 20

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
}

export const makeWriter = (db: DatabaseSync): Writer => {
  let waiting: Array<Job> = []
  let scheduled = false
  /** How long the last commit held the thread. */
  let held = 0

  const commit = () => {
    const jobs = waiting.slice(0, jobsPerCommit)
    waiting = waiting.slice(jobsPerCommit)
    const failures: Array<LedgerError | undefined> = []
    try {
      // In WAL mode a commit with FULL syncs the log with all that NORMAL ones left in it before.
      db.exec(`PRAGMA synchronous = ${jobs.some(({ durable }) => durable) ? "FULL" : "NORMAL"}`)
      db.exec("BEGIN IMMEDIATE")
      for (const job of jobs) {
        db.exec("SAVEPOINT job")
        try {
          job.run()
          failures.push(undefined)
        } catch (cause) {
          db.exec("ROLLBACK TO job")
          failures.push(ledgerError(cause))
        }
        db.exec("RELEASE job")
      }
      db.exec("COMMIT")
    } catch (cause) {
      if (db.isOpen && db.isTransaction) db.exec("ROLLBACK")
      const error = ledgerError(cause)
      for (const job of jobs) job.done(error)
      return
    }
    jobs.forEach((job, i) => job.done(failures[i]))
  }

  const flush = () => {
    scheduled = false
    const start = performance.now()
    commit()
    held = performance.now() - start
    if (waiting.length > 0 && !scheduled) schedule()
  }
  // A slow disk makes commits wait as long as the last one took: the thread has at least half its time for others, and
  // the next commit takes more along. On a fast one, a turn of the event loop gathers what arrived together.
  const schedule = () => {
    scheduled = true
    if (held < 1) setImmediate(flush)
    else setTimeout(flush, Math.min(held, longestWait))
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
  return { write: enqueue(true), note: enqueue(false) }
}
