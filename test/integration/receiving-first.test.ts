// Streams stand back while senders send, and not for longer than they may.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { ReceivingFirst } from "../../streams/receiving-first.ts"

const isOver = (fiber: Fiber.Fiber<void>) => fiber.pollUnsafe() !== undefined

describe("receiving first", () => {
  it.effect("a turn comes at once when nobody sends, else after the last request's answer", () =>
    Effect.gen(function* () {
      const { receive, turn } = yield* ReceivingFirst
      yield* turn
      const request = yield* Effect.forkChild(receive(Effect.sleep("300 millis")), { startImmediately: true })
      const waiting = yield* Effect.forkChild(turn, { startImmediately: true })
      yield* TestClock.adjust("300 millis")
      yield* Fiber.join(request)
      assert.isFalse(isOver(waiting))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(waiting)
    }).pipe(Effect.provide(ReceivingFirst.layer)),
  )

  it.effect("a request that lasts for minutes does not keep the streams waiting for them", () =>
    Effect.gen(function* () {
      const { receive, turn } = yield* ReceivingFirst
      yield* Effect.forkChild(receive(Effect.sleep("10 minutes")), { startImmediately: true })
      const waiting = yield* Effect.forkChild(turn, { startImmediately: true })
      yield* TestClock.adjust("1900 millis")
      assert.isFalse(isOver(waiting))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(waiting)
      yield* turn
    }).pipe(Effect.provide(ReceivingFirst.layer)),
  )
})
