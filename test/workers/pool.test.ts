// The pool survives what its threads do, and stops no thread that must not be stopped.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { makePool } from "../../src/workers/pool.ts"

const pool = makePool({ filename: new URL("./tasks.fixture.ts", import.meta.url), threads: 1, data: { name: "x" } })
type Echo = { value: unknown; calls: number; threadId: number; data: unknown }

it.live("keeps module state in a single thread and hands buffers over", () =>
  Effect.gen(function* () {
    const { run } = yield* pool
    const first = yield* run<Echo>("echo", 1)
    const second = yield* run<Echo>("echo", 2)
    assert.deepStrictEqual([first.calls, second.calls], [1, 2])
    assert.deepStrictEqual(second.data, { name: "x" })
    const bytes = new Uint8Array([1, 2])
    const doubled = yield* run<Uint8Array>("double", bytes, { transfer: [bytes.buffer] })
    assert.deepStrictEqual([...doubled], [2, 4])
    assert.strictEqual(bytes.length, 0)
  }).pipe(Effect.scoped),
)

it.live.each(["throws", "dies", "hangs"] as const)("goes on after a task that %s", (task) =>
  Effect.gen(function* () {
    const { run } = yield* pool
    yield* run("echo", 0)
    const error = yield* Effect.flip(run(task, undefined, { timeout: "300 millis" }))
    assert.strictEqual(error.reason, { throws: "threw", dies: "died", hangs: "timeout" }[task])
    const after = yield* run<Echo>("echo", "still here")
    assert.strictEqual(after.value, "still here")
  }).pipe(Effect.scoped),
)

describe("of threads that are not to be stopped", () => {
  const unstoppable = makePool({
    filename: new URL("./tasks.fixture.ts", import.meta.url),
    threads: 1,
    stoppable: false,
  })
  const busy = () => new Int32Array(new SharedArrayBuffer(8))

  it.live("lets the running task end, whoever gives up, and starts none that nobody waits for", () =>
    Effect.gen(function* () {
      const { run } = yield* unstoppable
      const { threadId } = yield* run<Echo>("echo", 0)
      const [first, second] = [busy(), busy()]
      const running = yield* Effect.forkChild(run("waits", first), { startImmediately: true })
      const waiting = yield* Effect.forkChild(run("waits", second), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(running)
      const late = yield* Effect.flip(run("echo", 1, { timeout: "20 millis" }))
      assert.strictEqual(late.reason, "timeout")
      Atomics.store(first, 0, 1)
      Atomics.notify(first, 0)
      const after = yield* run<Echo>("echo", 2)
      // The same thread, and the only echo between is this one.
      assert.deepStrictEqual([after.threadId, after.calls], [threadId, 2])
      assert.deepStrictEqual([first[1], second[1]], [1, 0])
    }).pipe(Effect.scoped),
  )

  it.live("waits at its end for what runs, and fails what waits or comes later", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { run } = yield* Scope.provide(unstoppable, scope)
      yield* run("echo", 0)
      const task = busy()
      const running = yield* Effect.forkChild(run("waits", task), { startImmediately: true })
      const waiting = yield* Effect.forkChild(Effect.flip(run("echo", 1)), { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* Effect.sleep("20 millis")
      assert.isUndefined(closing.pollUnsafe())
      Atomics.store(task, 0, 1)
      Atomics.notify(task, 0)
      yield* Fiber.join(closing)
      assert.strictEqual(yield* Fiber.join(running), "ended")
      assert.strictEqual((yield* Fiber.join(waiting)).reason, "died")
      assert.strictEqual((yield* Effect.flip(run("echo", 2))).reason, "died")
    }),
  )

  it.live.each(["throws", "dies"] as const)("replaces one that %s", (task) =>
    Effect.gen(function* () {
      const { run } = yield* unstoppable
      const error = yield* Effect.flip(run(task, undefined))
      assert.strictEqual(error.reason, { throws: "threw", dies: "died" }[task])
      assert.strictEqual((yield* run<Echo>("echo", "still here")).value, "still here")
    }).pipe(Effect.scoped),
  )
})
