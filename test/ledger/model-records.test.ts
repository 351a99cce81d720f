// What a model beside the serving one lacks is told in the commit that makes it searchable, and exactly one model serves.
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { ModelRecords } from "../../src/ledger/model-records.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { newInstance, receiptOf } from "../support/instances.ts"

const model = (id: string) => ({ id, preset: id, dimension: 8, inputSize: 16, gridSize: 2 })

const accepted = Effect.fnUntraced(function* (n: number) {
  const instance = newInstance(1, 1, n)
  const [acceptance] = yield* (yield* Ledger).accept([instance])
  return { SOPInstanceUID: instance.SOPInstanceUID, receipt: receiptOf(acceptance) }
})

const searchable = (of: Effect.Success<ReturnType<typeof accepted>>) =>
  Effect.flatMap(Ledger, (ledger) =>
    ledger.progress([{ ...of, stage: "indexed", embeddableFrames: 1, indexedFrames: 1 }]),
  )

it.effect("a model beside the serving one is told of what was there, what comes, and what goes", () =>
  Effect.gen(function* () {
    const [ledger, records] = [yield* Ledger, yield* ModelRecords]
    yield* records.add(model("old"), 1)
    const there = yield* Effect.forEach([1, 2, 3], accepted)
    yield* Effect.forEach(there.slice(0, 2), searchable)
    yield* records.add(model("new"), 2)
    assert.deepStrictEqual(yield* records.backlog("new"), { waiting: 0, failed: 0, walked: false })
    // The third was there before, but becomes searchable only after the walk has passed it.
    const walked = yield* records.unembedded("new", 10)
    assert.deepStrictEqual(
      walked.map(({ instance, frames }) => [instance.receipt, frames]),
      there.slice(0, 2).map(({ receipt }) => [receipt, 1]),
    )
    yield* records.embedded(
      "new",
      walked.map(({ instance }) => instance.receipt),
    )
    assert.deepStrictEqual(yield* records.backlog("new"), { waiting: 0, failed: 0, walked: true })
    yield* searchable(there[2]!)
    const late = yield* accepted(4)
    yield* searchable(late)
    assert.strictEqual((yield* records.backlog("new")).waiting, 2)
    assert.deepStrictEqual(yield* records.unembedded("old", 10), [])
    yield* ledger.delete({ SOPInstanceUID: late.SOPInstanceUID })
    assert.deepStrictEqual(
      (yield* records.unembedded("new", 10)).map(({ instance }) => instance.receipt),
      [there[2]!.receipt],
    )
  }).pipe(Effect.provide(layerMemory)),
)

it.effect("what fails again and again waits for nobody, says why, and is tried again when asked", () =>
  Effect.gen(function* () {
    const records = yield* ModelRecords
    yield* records.add(model("old"), 1)
    yield* records.add(model("new"), 2)
    const one = yield* accepted(1)
    yield* searchable(one)
    yield* Effect.forEach([1, 2, 3], () => records.failed("new", one.receipt, "decode: damaged"))
    assert.deepStrictEqual(yield* records.backlog("new"), { waiting: 0, failed: 1, walked: true })
    assert.deepStrictEqual(yield* records.unembedded("new", 10), [])
    assert.deepStrictEqual(
      (yield* records.failures("new", 10)).map(({ receipt, reason }) => [receipt, reason]),
      [[one.receipt, "decode: damaged"]],
    )
    yield* records.again("new", false)
    assert.strictEqual((yield* records.backlog("new")).waiting, 1)
    // Everything is looked at once more, in pages that end where the ledger did.
    yield* records.embedded("new", [one.receipt])
    yield* records.again("new", true)
    assert.lengthOf(yield* records.unembedded("new", 1), 1)
  }).pipe(Effect.provide(layerMemory)),
)

it.effect("one serves: the one before stays beside it, is fed, and only then can be dropped", () =>
  Effect.gen(function* () {
    const records = yield* ModelRecords
    yield* records.add(model("old"), 1)
    yield* records.add(model("new"), 2)
    yield* records.dropping("old", 3)
    const roles = Effect.map(records.list, (list) => list.map(({ id, role, served }) => [id, role, served]))
    assert.deepStrictEqual(yield* roles, [
      ["old", "serving", true],
      ["new", "other", false],
    ])
    assert.strictEqual((yield* Effect.flip(records.serve("nobody", 4))).reason, "io")
    assert.deepStrictEqual((yield* roles)[0], ["old", "serving", true])
    yield* records.serve("new", 5)
    assert.deepStrictEqual(yield* roles, [
      ["new", "serving", true],
      ["old", "other", true],
    ])
    yield* searchable(yield* accepted(1))
    assert.strictEqual((yield* records.backlog("old")).waiting, 1)
    yield* records.dropping("old", 6)
    yield* records.forget("old")
    assert.deepStrictEqual(yield* roles, [["new", "serving", true]])
  }).pipe(Effect.provide(layerMemory)),
)
