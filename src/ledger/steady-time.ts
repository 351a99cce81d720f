// Time that only passes while the gateway runs, in milliseconds: no jump of the machine's clock makes a study ready too
// soon or never, and while nobody could send, nothing was quiet.
import type { DatabaseSync } from "node:sqlite"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface SteadyTime {
  readonly now: () => number
  /** Writes it down; a crash takes back what passed since. */
  readonly keep: () => void
}

export const makeSteadyTime = Effect.fnUntraced(function* (db: DatabaseSync) {
  const clock = yield* Clock.Clock
  const kept = db.prepare("SELECT value FROM meta WHERE key = 'steady_time'").get()?.["value"]
  const keep = db.prepare("INSERT OR REPLACE INTO meta VALUES ('steady_time', ?)")
  // Moments of ledgers without it are the machine's.
  const base = kept === undefined ? clock.currentTimeMillisUnsafe() : Number(kept)
  const start = clock.monotonicTimeNanosUnsafe()
  const now = () => base + Number((clock.monotonicTimeNanosUnsafe() - start) / 1_000_000n)
  const steady: SteadyTime = { now, keep: () => void keep.run(now()) }
  return steady
})
