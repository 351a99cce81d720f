// How long the event loop was held at most, in the thread's own CPU time: what else runs on the machine does not count.
import { threadCpuUsage } from "node:process"
import * as Effect from "effect/Effect"

/** Milliseconds, beside the result. */
export const longestTurn = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
  let longest = 0
  let turns = 0
  const cpu = () => {
    const { user, system } = threadCpuUsage()
    return (user + system) / 1000
  }
  let last = cpu()
  const timer = setInterval(() => {
    const now = cpu()
    longest = Math.max(longest, now - last)
    last = now
    turns++
  }, 1)
  const result = yield* work.pipe(Effect.ensuring(Effect.sync(() => clearInterval(timer))))
  // The last turn may not have come to the timer.
  return { result, turns, longest: Math.max(longest, cpu() - last) }
})
