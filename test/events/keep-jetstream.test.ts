// A server that answers without JetStream is started anew; one that is away, or has just started, is not.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import * as TestClock from "effect/testing/TestClock"
import { keepJetStream } from "../../src/events/keep-jetstream.ts"
import { Nats } from "../../src/events/Nats.ts"
import { NatsServer } from "../../src/events/NatsServer.ts"

const watched = (answers: ReadonlyArray<boolean>, isUp: boolean) =>
  Effect.gen(function* () {
    let [restarts, looks] = [0, 0]
    const nats = Layer.mock(Nats, {
      hasJetStream: Effect.sync(() => answers[looks++] ?? true),
    })
    const server = Layer.mock(NatsServer, {
      url: "",
      token: Redacted.make(""),
      answers: Effect.succeed(isUp),
      restart: Effect.sync(() => void restarts++),
    })
    yield* Layer.build(keepJetStream.pipe(Layer.provide([nats, server])))
    yield* TestClock.adjust("60 seconds")
    assert.isAbove(looks, 10)
    return restarts
  }).pipe(Effect.scoped)

const [there, gone] = [Array.from({ length: 3 }, () => true), Array.from({ length: 4 }, () => false)]

describe("JetStream of our own server", () => {
  it.effect("is brought back once when the server has given it up", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* watched([...there, ...gone, ...there], true), 1)
    }),
  )

  it.effect("has its time to start", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* watched([...gone.slice(1), ...there], true), 0)
    }),
  )

  it.effect("is left alone while the server is away", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* watched([...gone, ...gone], false), 0)
    }),
  )
})
