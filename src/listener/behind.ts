// Whether the gateway is behind with what it has taken in already: then new store requests come later. What waits in the
// ledger for the stages does not count: the ledger is the queue, and a night's migration may fill it.
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Ledger } from "../ledger/Ledger.ts"

/** Senders wait a minute for their answers: well before that nothing new is begun. */
const longest = { commitSeconds: 10, turnSeconds: 2 }
const lookEvery = "1 second"

/** For the life of the scope. */
export const makeBehind = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  /** When each commit that runs was asked for; the first is the oldest. */
  const commits = new Set<{ readonly since: number }>()
  let turnSeconds = 0
  const delay = monitorEventLoopDelay({ resolution: 20 })
  yield* Effect.acquireRelease(
    Effect.sync(() => delay.enable()),
    () => Effect.sync(() => delay.disable()),
  )
  yield* Effect.sync(() => {
    turnSeconds = Number.isFinite(delay.mean) ? delay.mean / 1e9 : 0
    delay.reset()
  }).pipe(Effect.andThen(Effect.sleep(lookEvery)), Effect.forever, Effect.forkScoped)

  return {
    /** The same ledger, whose commits are watched. */
    watched: (ledger: Ledger["Service"]): Ledger["Service"] => ({
      ...ledger,
      accept: (instances, expected) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            const commit = { since: now() }
            commits.add(commit)
            return commit
          }),
          () => ledger.accept(instances, expected),
          (commit) => Effect.sync(() => void commits.delete(commit)),
        ),
    }),
    /** Seconds that things take, where that is too long. */
    seconds: (): number | undefined => {
      const [oldest] = commits
      const commitSeconds = oldest === undefined ? 0 : (now() - oldest.since) / 1000
      if (commitSeconds >= longest.commitSeconds) return commitSeconds
      return turnSeconds >= longest.turnSeconds ? turnSeconds : undefined
    },
  }
})
