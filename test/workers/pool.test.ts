// The pool survives what its threads do.
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
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
