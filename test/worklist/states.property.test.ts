// Any order of requests: the worklist does what the standard's table says, and two final states are never left.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import * as fc from "fast-check"
import { layerMemory as ledgerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { isFinal, type ProcedureStepState } from "../../src/worklist/states.ts"
import { layerMemory } from "../../src/worklist/sqlite-worklist.ts"
import { tags, textOf } from "../../src/worklist/tags.ts"
import { Worklist } from "../../src/worklist/Worklist.ts"
import { performed, scheduled } from "./worklist-server.fixture.ts"

type Command =
  | { readonly do: "create" }
  | { readonly do: "cancel-request" }
  | { readonly do: "change"; readonly to: ProcedureStepState; readonly lock: string }
  | { readonly do: "perform"; readonly lock: string }

const lock = fc.constantFrom("", "1.9.1", "1.9.2")
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant("create" as const) }),
  fc.record({ do: fc.constant("cancel-request" as const) }),
  fc.record({
    do: fc.constant("change" as const),
    to: fc.constantFrom("SCHEDULED" as const, "IN PROGRESS" as const, "COMPLETED" as const, "CANCELED" as const),
    lock,
  }),
  fc.record({ do: fc.constant("perform" as const), lock }),
)

interface Model {
  state: ProcedureStepState | undefined
  lock: string | undefined
  performed: boolean
}

/** PS3.4 table CC.1.1-2, written down a second time: what is answered, and the model's next state. */
const expected = (model: Model, asked: Command): string => {
  const { state } = model
  if (asked.do === "create") {
    if (state !== undefined) return "0111"
    model.state = "SCHEDULED"
    return "0000"
  }
  if (state === undefined) return "C307"
  if (asked.do === "cancel-request") {
    if (state === "COMPLETED") return "C311"
    if (state === "CANCELED") return "B304"
    if (state === "SCHEDULED") model.state = "CANCELED"
    return "0000"
  }
  if (asked.do === "perform") {
    if (isFinal(state)) return "C300"
    if (state === "SCHEDULED") {
      if (asked.lock !== "") return "C310"
    } else if (asked.lock !== model.lock) return "C301"
    model.performed = true
    return "0000"
  }
  if (asked.to === "SCHEDULED") return "C303"
  if (asked.to === "IN PROGRESS") {
    if (asked.lock === "") return "C301"
    if (state === "IN PROGRESS") return "C302"
    if (isFinal(state)) return "C300"
    model.state = "IN PROGRESS"
    model.lock = asked.lock
    return "0000"
  }
  if (state === "SCHEDULED") return asked.lock === "" ? "C301" : "C310"
  if (model.lock !== undefined && asked.lock !== model.lock) return "C301"
  if (state === asked.to) return state === "COMPLETED" ? "B306" : "B304"
  if (isFinal(state)) return "C300"
  if (asked.to === "COMPLETED" && !model.performed) return "C304"
  model.state = asked.to
  return "0000"
}

const run = (worklist: Worklist["Service"], uid: string, asked: Command) => {
  const request =
    asked.do === "create"
      ? Effect.as(worklist.create(uid, scheduled()), "0000")
      : asked.do === "cancel-request"
        ? worklist.requestCancel(uid, "RIS", {})
        : asked.do === "perform"
          ? Effect.as(worklist.update(uid, asked.lock, performed), "0000")
          : worklist.changeState(uid, asked.to, asked.lock)
  return Effect.map(Effect.result(request), (result) =>
    Result.isSuccess(result) ? result.success : "code" in result.failure ? result.failure.code : result.failure.reason,
  )
}

let last = 0

/** On a new item. */
const follow = (commands: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    const worklist = yield* Worklist
    const uid = `1.2.${++last}`
    const model: Model = { state: undefined, lock: undefined, performed: false }
    for (const asked of commands) {
      assert.strictEqual(yield* run(worklist, uid, asked), expected(model, asked), JSON.stringify({ asked, model }))
      if (model.state === undefined) continue
      assert.strictEqual(textOf(yield* worklist.retrieve(uid), tags.ProcedureStepState), model.state)
    }
  })

describe("the state of a work item", () => {
  it.live("follows the table, whatever is asked in whatever order", () =>
    Effect.gen(function* () {
      const runPromise = Effect.runPromiseWith(yield* Effect.context<Worklist>())
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(command, { maxLength: 12 }), (commands) =>
            runPromise(follow([{ do: "create" }, ...commands])),
          ),
          { numRuns: 150 },
        ),
      )
    }).pipe(Effect.provide(layerMemory.pipe(Layer.provide(ledgerMemory)))),
  )

  it.live("is of no item before one is created", () =>
    follow([
      { do: "cancel-request" },
      { do: "perform", lock: "" },
      { do: "change", to: "IN PROGRESS", lock: "1.9.1" },
      { do: "create" },
    ]).pipe(Effect.provide(layerMemory.pipe(Layer.provide(ledgerMemory)))),
  )
})
