// A rebuild is the gateway's, not its caller's: it ends when they go, and two who ask get the same one.
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { folder, inLife, slice } from "./index.fixture.ts"

const count = 1200

it.live("a rebuild goes on without its caller, says how far it is, and is joined by who asks meanwhile", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        yield* index.add(Array.from({ length: count }, (_, n) => slice(n + 1)))
        const asked = yield* Effect.forkChild(index.rebuild, { startImmediately: true })
        yield* index.rebuilding.pipe(
          Effect.filterOrFail(({ slices }) => slices > 0),
          Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 2000 }),
        )
        yield* Fiber.interrupt(asked)
        const { running, slices, of } = yield* index.rebuilding
        assert.isTrue(running)
        assert.isBelow(slices, count)
        assert.strictEqual(of, count)
        const joined = yield* Effect.all([index.rebuild, index.rebuild], { concurrency: 2 })
        assert.deepStrictEqual(joined, [{ slices: count }, { slices: count }])
        assert.deepStrictEqual(yield* index.rebuilding, { running: false, slices: count, of: count })
        assert.deepStrictEqual(yield* index.verify, { missing: 0, orphaned: 0 })
      }),
    )
  }).pipe(Effect.scoped),
)
