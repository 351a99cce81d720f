// Drives a search turn by turn, so that what shares its thread goes on, and ends one that takes too long.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { SearchTooBroad } from "./Ledger.ts"
import { ledgerError } from "./writer.ts"

/** Milliseconds. */
const longest = 10_000

export const inTurns = Effect.fnUntraced(function* <A>(searching: Generator<undefined, A>) {
  const start = yield* Clock.currentTimeMillis
  while (true) {
    const step = yield* Effect.try({ try: () => searching.next(), catch: ledgerError })
    if (step.done === true) return step.value
    if ((yield* Clock.currentTimeMillis) - start > longest) return yield* new SearchTooBroad({ reason: "time" })
    yield* Effect.yieldNow
  }
})
