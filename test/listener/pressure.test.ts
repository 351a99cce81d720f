// What the listener does when places, disk or time are short: who is refused, with what, and that it takes in again by itself.
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/testing/TestClock"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { makeBehind } from "../../src/listener/behind.ts"
import { fakeLedger } from "../support/fake-ledger.ts"
import { post, related, send, startStow, volume } from "./stow-server.fixture.ts"

const MiB = 2 ** 20
const body = related(volume.slice(0, 2))
const begun = body.subarray(0, body.length - 50)

const eventually = (check: () => boolean) =>
  Effect.suspend(() => (check() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 500 }),
    Effect.orDie,
  )

const as = (name: string) => ({ headers: { "x-sender": name } })

describe("under pressure the listener", () => {
  it.live("keeps places for others than the one who takes all that are to be had", () =>
    Effect.gen(function* () {
      const stow = yield* startStow({ maxConcurrentRequests: 8 })
      const greedy = Array.from({ length: 8 }, () => send(stow, [begun], { end: false, ...as("greedy") }))
      // Of eight places six may be his, so two of these are told to come again.
      const refused = yield* Effect.promise(() =>
        Promise.any(greedy.map(async ({ reply }, n) => ({ ...(await reply), n }))),
      )
      assert.deepStrictEqual([refused.status, refused.headers["retry-after"]], [503, "1"])
      const other = yield* post(stow, body, as("other"))
      assert.deepStrictEqual([other.status, other.stored.length], [200, 2])
      for (const { outgoing } of greedy) if (!outgoing.destroyed) outgoing.end(body.subarray(begun.length))
      const replies = yield* Effect.promise(() => Promise.all(greedy.map(({ reply }) => reply)))
      assert.deepStrictEqual(replies.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 200, 503, 503])
      assert.strictEqual((yield* post(stow, body, as("greedy"))).status, 200)
    }),
  )

  it.live("ends a body that stalls when others find no place, with what was stored before", () =>
    Effect.gen(function* () {
      const stow = yield* startStow({ maxConcurrentRequests: 3, idleSeconds: 60 })
      const greedy = ["a", "a", "b"].map((name) => send(stow, [begun], { end: false, ...as(name) }))
      yield* eventually(() => stow.drafts().length >= 3)
      // All places are taken by bodies that bring nothing: the newcomer comes again until one has been cut.
      const served = yield* post(stow, body, as("newcomer")).pipe(
        Effect.filterOrFail(({ status }) => status === 200),
        Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 80 }),
      )
      assert.strictEqual(served.stored.length, 2)
      const cut = yield* Effect.promise(() => Promise.any(greedy.map(({ reply }) => reply)))
      assert.deepStrictEqual([cut.status, cut.stored.length], [408, 1])
      for (const { outgoing } of greedy) outgoing.destroy()
    }),
  )

  it.live("refuses with 507 below the watermark and begins again a little above it", () =>
    Effect.gen(function* () {
      let free = 1000 * MiB
      const stow = yield* startStow(
        { minFreeBytes: 100 * MiB },
        { blobs: (real) => ({ ...real, free: Effect.sync(() => free) }) },
      )
      const status = Effect.map(post(stow, body), (reply) => reply.status)
      assert.strictEqual(yield* status, 200)
      free = 99 * MiB
      assert.strictEqual(yield* status, 507)
      // Above the mark, and not yet by a tenth.
      free = 105 * MiB
      assert.strictEqual(yield* status, 507)
      free = 111 * MiB
      assert.strictEqual(yield* status, 200)
      // In use, it opens again only below the mark.
      free = 105 * MiB
      assert.strictEqual(yield* status, 200)
    }),
  )

  it.live("keeps room for what running requests have announced, and lets go of it", () =>
    Effect.gen(function* () {
      const stow = yield* startStow(
        { minFreeBytes: 0 },
        { blobs: (real) => ({ ...real, free: Effect.succeed(1.5 * body.length) }) },
      )
      const announced = { "content-length": String(body.length) }
      const first = send(stow, [begun], { end: false, headers: announced })
      yield* eventually(() => stow.drafts().length > 0)
      const longer = { "content-length": String(4 * body.length) }
      const second = send(stow, [begun], { end: false, headers: longer })
      assert.strictEqual((yield* Effect.promise(() => second.reply)).status, 507)
      second.outgoing.destroy()
      first.outgoing.end(body.subarray(begun.length))
      assert.strictEqual((yield* Effect.promise(() => first.reply)).status, 200)
      assert.strictEqual((yield* post(stow, body, { headers: announced })).status, 200)
    }),
  )

  it.effect("is behind while a commit takes too long, and no longer than that", () =>
    Effect.gen(function* () {
      const behind = yield* makeBehind
      const { layer } = fakeLedger()
      const ledger = Context.get(yield* Layer.build(layer), Ledger)
      const stuck = behind.watched({ ...ledger, accept: () => Effect.never })
      const commit = yield* Effect.forkChild(stuck.accept([]), { startImmediately: true })
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(behind.seconds())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(behind.seconds(), 11)
      yield* Fiber.interrupt(commit)
      assert.isUndefined(behind.seconds())
    }),
  )
})
