// The writer beside a disk that is slow to sync, or fails to.
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makeWriter } from "../../src/ledger/writer.ts"

/** A table of numbers on a disk whose syncs end when the test says so. */
const start = Effect.gen(function* () {
  const db = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(":memory:")),
    (db) => Effect.sync(() => db.close()),
  )
  db.exec("CREATE TABLE t (x INTEGER)")
  const syncs: Array<PromiseWithResolvers<void>> = []
  const begun: Array<PromiseWithResolvers<void>> = [Promise.withResolvers()]
  const writer = makeWriter(db, () => {
    const sync = Promise.withResolvers<void>()
    syncs.push(sync)
    begun.at(-1)?.resolve()
    begun.push(Promise.withResolvers())
    return sync.promise
  })
  const insert = db.prepare("INSERT INTO t VALUES (?)")
  const select = db.prepare("SELECT x FROM t ORDER BY x")
  return {
    ...writer,
    insert: (x: number) => () => Number(insert.run(x).changes),
    rows: () => select.all().map((row) => row["x"]),
    begun: (n: number) => Effect.promise(async () => begun[n]?.promise),
    end: (n: number) => Effect.sync(() => syncs[n]?.resolve()),
    fail: (n: number) => Effect.sync(() => syncs[n]?.reject(new Error("fault injected"))),
  }
})

const done = (fiber: Fiber.Fiber<unknown, unknown>) => fiber.pollUnsafe() !== undefined

describe("the writer", () => {
  it.live("answers a write once its sync has ended; what came meanwhile shares the next one; notes do not wait", () =>
    Effect.gen(function* () {
      const { write, note, insert, rows, begun, end } = yield* start
      const first = yield* Effect.forkChild(write(insert(1)))
      yield* begun(0)
      const others = yield* Effect.forkChild(Effect.all([write(insert(2)), write(insert(3))], { concurrency: 2 }))
      yield* Effect.sleep(20)
      assert.deepStrictEqual([done(first), rows()], [false, [1]])
      yield* end(0)
      assert.strictEqual(yield* Fiber.join(first), 1)
      yield* begun(1)
      assert.deepStrictEqual([done(others), rows()], [false, [1, 2, 3]])
      yield* end(1)
      assert.deepStrictEqual(yield* Fiber.join(others), [1, 1])
      // No sync is asked for: this ends by itself.
      assert.strictEqual(yield* note(insert(4)), 1)
      assert.deepStrictEqual(rows(), [1, 2, 3, 4])
    }),
  )

  it.live("hands out only what is on the disk", () =>
    Effect.gen(function* () {
      const { write, readDurable, insert, rows, begun, end } = yield* start
      yield* Effect.forkChild(write(insert(1)))
      yield* begun(0)
      const read = yield* Effect.forkChild(readDurable(rows))
      yield* Effect.sleep(20)
      assert.isFalse(done(read))
      yield* end(0)
      assert.deepStrictEqual(yield* Fiber.join(read), [1])
    }),
  )

  it.live("promises nothing more after a sync that failed", () =>
    Effect.gen(function* () {
      const { write, note, readDurable, insert, rows, begun, fail } = yield* start
      const first = yield* Effect.forkChild(Effect.flip(write(insert(1))))
      yield* begun(0)
      yield* fail(0)
      assert.strictEqual((yield* Fiber.join(first)).reason, "io")
      assert.strictEqual((yield* Effect.flip(write(insert(2)))).reason, "io")
      assert.strictEqual((yield* Effect.flip(note(insert(3)))).reason, "io")
      assert.strictEqual((yield* Effect.flip(readDurable(rows))).reason, "io")
      assert.deepStrictEqual(rows(), [1])
    }),
  )

  it.live("a job that throws fails alone", () =>
    Effect.gen(function* () {
      const { write, insert, rows, begun, end } = yield* start
      const throws = write(() => {
        insert(8)()
        throw new Error("no")
      })
      const both = yield* Effect.forkChild(Effect.all([Effect.flip(throws), write(insert(2))], { concurrency: 2 }))
      yield* begun(0)
      yield* end(0)
      const [error, changes] = yield* Fiber.join(both)
      assert.deepStrictEqual([error.reason, changes, rows()], ["io", 1, [2]])
    }),
  )
})
