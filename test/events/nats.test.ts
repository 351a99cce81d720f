// Against a real nats-server: nothing acknowledged is lost, whatever dies.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schedule, Schema, Stream } from "effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Nats } from "../../src/events/Nats.ts"
import { NatsServer } from "../../src/events/NatsServer.ts"
import { nats } from "../support/nats.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (payload: Uint8Array) => new TextDecoder().decode(payload)
const consumption = {
  stream: "DICOM",
  durable: "test",
  filter: "dicom.test.>",
  maxAckPending: 32,
} as const
const alive = (pid: number) => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ")
  } catch {
    return false
  }
}
const everyMoment = Schedule.spaced("25 millis")

describe("Nats", () => {
  it.live("stores a msgID once, hands back, and ends an unreadable event", () =>
    Effect.gen(function* () {
      const nats = yield* Nats
      yield* nats.publish("dicom.test.a", bytes(`{"n":1}`), "1")
      yield* nats.publish("dicom.test.a", bytes(`{"n":1}`), "1")
      yield* nats.publish("dicom.test.a", bytes("garbage"), "2")
      yield* nats.publish("dicom.test.a", bytes(`{"n":3}`), "3")
      const seen = yield* nats.consume({ ...consumption, schema: Schema.Struct({ n: Schema.Int }) }).pipe(
        Stream.mapEffect((delivery) =>
          (delivery.attempts === 1 ? delivery.nak("10 millis") : delivery.ack).pipe(
            Effect.as(`${delivery.value.n}/${delivery.attempts}`),
          ),
        ),
        Stream.take(4),
        Stream.runCollect,
      )
      assert.deepStrictEqual([...seen].sort(), ["1/1", "1/2", "3/1", "3/2"])
    }).pipe(Effect.scoped, Effect.provide(nats)),
  )

  it.live("trims a stream of what all its consumers have acknowledged, and of nothing else", () =>
    Effect.gen(function* () {
      const nats = yield* Nats
      const send = (n: number) => nats.publish("dicom.test.a", new Uint8Array(10_000).fill(n), `t${n}`)
      const take = (durable: string, count: number) =>
        nats.consumeBytes({ ...consumption, durable }).pipe(
          Stream.take(count),
          Stream.mapEffect((delivery) => Effect.as(delivery.ack, delivery.value[0])),
          Stream.runCollect,
        )
      // One that is never told of anything here holds nothing back.
      yield* Effect.forkChild(
        Stream.runDrain(nats.consumeBytes({ ...consumption, durable: "idle", filter: "dicom.other.>" })),
      )
      yield* nats.backlog("DICOM", "idle").pipe(Effect.retry({ schedule: everyMoment, times: 200 }))
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, n) => n),
        send,
        { discard: true },
      )
      assert.lengthOf(yield* take("quick", 12), 12)
      yield* nats.backlog("DICOM", "quick").pipe(
        Effect.filterOrFail(({ pending, ackPending }) => pending + ackPending === 8),
        Effect.retry({ schedule: everyMoment, times: 600 }),
      )
      yield* nats.trim("DICOM", 10_000_000)
      assert.strictEqual((yield* take("first", 1))[0], 0)
      yield* nats.backlog("DICOM", "first").pipe(
        Effect.filterOrFail(({ pending, ackPending }) => pending + ackPending === 19),
        Effect.retry({ schedule: everyMoment, times: 600 }),
      )
      yield* nats.trim("DICOM", 100_000)
      // The slowest has acknowledged one.
      assert.strictEqual((yield* take("second", 1))[0], 1)
    }).pipe(Effect.scoped, Effect.provide(nats)),
  )

  it.live("loses nothing acknowledged when the server is killed, and comes back on its own", () =>
    Effect.gen(function* () {
      const nats = yield* Nats
      const server = yield* NatsServer
      const before = yield* server.pid
      let killed = false
      const sent = Effect.forEach(
        Array.from({ length: 300 }, (_, n) => n),
        (n) =>
          Effect.suspend(() => {
            if (n === 100 && !killed) {
              killed = true
              process.kill(before, "SIGKILL")
            }
            return nats.publish("dicom.test.a", bytes(String(n)), `k${n}`)
          }).pipe(Effect.retry({ schedule: everyMoment, times: 400 })),
        { concurrency: 8, discard: true },
      )
      const received = nats.consumeBytes(consumption).pipe(
        Stream.tap((delivery) => delivery.ack),
        Stream.scan(
          () => new Set<string>(),
          (seen, delivery) => seen.add(text(delivery.value)),
        ),
        Stream.takeUntil((seen) => seen.size === 300),
        Stream.runLast,
      )
      yield* Effect.all([sent, received], { concurrency: 2 }).pipe(Effect.timeout("50 seconds"))
      assert.notStrictEqual(yield* server.pid, before)
    }).pipe(Effect.scoped, Effect.provide(nats)),
  )

  it.live("streams answers to a request, and says what failed", () =>
    Effect.gen(function* () {
      const nats = yield* Nats
      yield* Effect.forkScoped(
        nats.respond("gateway.test", ({ payload }) =>
          text(payload) === "fail"
            ? Stream.concat(Stream.make(bytes("first")), Stream.fail({ message: "broke" }))
            : Stream.make(bytes("a"), bytes("b")),
        ),
      )
      const ask = (what: string) =>
        nats.requestMany("gateway.test", bytes(what), "5 seconds").pipe(Stream.map(text), Stream.runCollect)
      const answer = yield* ask("x").pipe(Effect.retry({ schedule: everyMoment, times: 100 }))
      assert.deepStrictEqual([...answer], ["a", "b"])
      const error = yield* Effect.flip(ask("fail"))
      assert.include(String(error.cause), "broke")
      const nobody = yield* Effect.flip(
        nats.requestMany("gateway.nobody", bytes(""), "2 seconds").pipe(Stream.runCollect),
      )
      assert.strictEqual(nobody._tag, "NatsError")
    }).pipe(Effect.scoped, Effect.provide(nats)),
  )
})

describe("NatsServer", () => {
  it.live("is gone when its gateway is killed", () =>
    Effect.gen(function* () {
      const dir = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
      const child = spawn(process.execPath, [new URL("./serve-nats.fixture.ts", import.meta.url).pathname, dir], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      const line = yield* Effect.callback<string>((resume) => {
        let said = ""
        child.stdout.on("data", (chunk: Buffer) => {
          said += String(chunk)
          const pid = /^pid ([0-9]+)$/m.exec(said)?.[1]
          if (pid !== undefined) resume(Effect.succeed(pid))
        })
      })
      const pid = Number(line)
      assert.isTrue(alive(pid))
      child.kill("SIGKILL")
      yield* Effect.suspend(() => (alive(pid) ? Effect.fail("alive") : Effect.void)).pipe(
        Effect.retry({ schedule: everyMoment, times: 400 }),
      )
      assert.isFalse(alive(pid))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )
})
