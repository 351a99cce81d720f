// Drives searches turn by turn, so that what shares their thread goes on, and ends one that takes too long.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { CurrentSender } from "../domain/caller.ts"
import { makeFairTurns } from "../workers/fair-turns.ts"
import { SearchTooBroad } from "./Ledger.ts"
import { ledgerError } from "./writer.ts"

/** Milliseconds, waiting included. */
const longest = 10_000
/** Milliseconds after which a search takes its turns only while no other long one does. */
const short = 100

export const makeTurns = () => {
  // Long ones take turns by sender.
  const long = makeFairTurns(1)
  /** The result, or undefined when the time is over first. */
  const until = Effect.fnUntraced(function* <A>(searching: Generator<undefined, A>, end: number) {
    while (true) {
      const step = yield* Effect.try({ try: () => searching.next(), catch: ledgerError })
      if (step.done === true) return { value: step.value }
      if ((yield* Clock.currentTimeMillis) >= end) return undefined
      yield* Effect.yieldNow
    }
  })
  return Effect.fnUntraced(function* <A>(searching: Generator<undefined, A>) {
    const start = yield* Clock.currentTimeMillis
    const found =
      (yield* until(searching, start + short)) ??
      (yield* long.turn(yield* CurrentSender, 1)(until(searching, start + longest)))
    return found === undefined ? yield* new SearchTooBroad({ reason: "time" }) : found.value
  })
}
