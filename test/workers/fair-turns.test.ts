// Turns shared by caller: equal parts of what is scarce, whoever asks for how much.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"
import { makeFairTurns } from "../../src/workers/fair-turns.ts"

/** Everybody's tasks are asked for while the only place is taken; the order in which they then run. */
const orderOf = (asked: ReadonlyArray<{ readonly caller: string; readonly cost: number }>) =>
  Effect.gen(function* () {
    const turns = makeFairTurns(1)
    const order: Array<{ readonly caller: string; readonly cost: number }> = []
    let open = () => {}
    const gate = Effect.callback<void>((resume) => {
      open = () => resume(Effect.void)
    })
    const first = yield* Effect.forkChild(turns.turn("first", 0)(gate), { startImmediately: true })
    const tasks = yield* Effect.forEach(asked, (task) =>
      Effect.forkChild(turns.turn(task.caller, task.cost)(Effect.sync(() => void order.push(task))), {
        startImmediately: true,
      }),
    )
    assert.strictEqual(turns.waiting(), asked.length)
    open()
    yield* Effect.forEach([first, ...tasks], Fiber.join)
    assert.strictEqual(turns.waiting(), 0)
    return order
  })

describe("fair turns", () => {
  it.effect("one with a hundred tasks and one with three go by turns until the three are done", () =>
    Effect.gen(function* () {
      const greedy = Array.from({ length: 100 }, () => ({ caller: "greedy", cost: 1 }))
      const order = yield* orderOf([...greedy, ...Array.from({ length: 3 }, () => ({ caller: "modest", cost: 1 }))])
      const places = order.flatMap(({ caller }, at) => (caller === "modest" ? [at] : []))
      assert.isBelow(places[2]!, 7)
    }),
  )

  it.effect("what is larger counts for more", () =>
    Effect.gen(function* () {
      const large = Array.from({ length: 10 }, () => ({ caller: "large", cost: 10 }))
      const small = Array.from({ length: 30 }, () => ({ caller: "small", cost: 1 }))
      const order = (yield* orderOf([...large, ...small])).slice(0, 33)
      const share = order.filter(({ caller }) => caller === "large").length
      assert.include([3, 4], share)
    }),
  )

  it.effect("whatever is asked for runs once, and none of two who wait is ahead by more than one task", () =>
    Effect.gen(function* () {
      const task = fc.record({ caller: fc.constantFrom("a", "b"), cost: fc.integer({ min: 1, max: 20 }) })
      for (const asked of fc.sample(fc.array(task, { maxLength: 40 }), { numRuns: 100, seed: 7 })) {
        const order = yield* orderOf(asked)
        assert.sameMembers([...order], [...asked])
        const left = new Map(["a", "b"].map((name) => [name, asked.filter(({ caller }) => caller === name).length]))
        const had = new Map([
          ["a", 0],
          ["b", 0],
        ])
        for (const { caller, cost } of order) {
          had.set(caller, had.get(caller)! + cost)
          left.set(caller, left.get(caller)! - 1)
          if (left.get("a")! > 0 && left.get("b")! > 0) assert.isAtMost(Math.abs(had.get("a")! - had.get("b")!), 20)
        }
      }
    }),
  )

  it.effect("who goes away while waiting or working leaves the place to the next", () =>
    Effect.gen(function* () {
      const turns = makeFairTurns(1)
      const start = { startImmediately: true } as const
      const working = yield* Effect.forkChild(turns.turn("a", 1)(Effect.never), start)
      const waiting = yield* Effect.forkChild(turns.turn("b", 1)(Effect.void), start)
      const last = yield* Effect.forkChild(turns.turn("c", 1)(Effect.succeed("done")), start)
      yield* Fiber.interrupt(waiting)
      assert.strictEqual(turns.waiting(), 1)
      yield* Fiber.interrupt(working)
      assert.strictEqual(yield* Fiber.join(last), "done")
      assert.strictEqual(yield* turns.turn("a", 1)(Effect.succeed("again")), "again")
    }),
  )
})
