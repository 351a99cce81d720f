// Searches take turns with what shares their thread, and end when they take too long.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { makeTurns } from "../../src/ledger/search-turns.ts"

const endless = function* (): Generator<undefined, never> {
  while (true) yield
}
const brief = function* (): Generator<undefined, number> {
  yield
  return 7
}

describe("turns", () => {
  it.effect("give the result", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* makeTurns()(brief()), 7)
    }),
  )

  it.effect("end what takes too long, and let a short one pass meanwhile", () =>
    Effect.gen(function* () {
      const inTurns = makeTurns()
      const long = yield* Effect.forkChild(Effect.flip(inTurns(endless())))
      yield* Effect.yieldNow
      yield* TestClock.adjust("1 second")
      // A second long one waits for its turns, and its time counts from its beginning.
      const waiting = yield* Effect.forkChild(Effect.flip(inTurns(endless())))
      yield* Effect.yieldNow
      assert.strictEqual(yield* inTurns(brief()), 7)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual((yield* Fiber.join(long))._tag, "SearchTooBroad")
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(waiting))._tag, "SearchTooBroad")
    }),
  )

  it.effect("tell a fault from a long search", () =>
    Effect.gen(function* () {
      const inTurns = makeTurns()
      // oxlint-disable-next-line require-yield
      const failing = function* (): Generator<undefined, never> {
        throw new Error("database is not open")
      }
      const error = yield* Effect.flip(inTurns(failing()))
      assert.strictEqual(error._tag, "LedgerError")
    }),
  )
})
