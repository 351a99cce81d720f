// What becomes of the gateway's own work items when their study is deleted, however often that is said.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { allActions, type Caller, CurrentCaller } from "../../src/domain/caller.ts"
import { StudyInstanceUID } from "../../src/domain/uid.ts"
import { layerMemory as ledgerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { layerMemory } from "../../src/worklist/sqlite-worklist.ts"
import { tags, textOf } from "../../src/worklist/tags.ts"
import { Worklist } from "../../src/worklist/Worklist.ts"
import { performed, scheduled } from "./worklist-server.fixture.ts"

const study = StudyInstanceUID.make("1.7")
const owner = { origin: "", StudyInstanceUID: study, studyOrigin: "" }
const attributes = scheduled({ [tags.PatientID]: { vr: "LO", Value: ["P1"] } })

describe("a deleted study", () => {
  it.live("takes finished work along, and cancels what is not finished once and without the patient", () =>
    Effect.gen(function* () {
      const worklist = yield* Worklist
      assert.isTrue(yield* worklist.putOwn({ subject: "a", uid: "1.1", attributes, owner }, true))
      assert.isTrue(yield* worklist.putOwn({ subject: "b", uid: "1.2", attributes, owner }, false))
      assert.isFalse(yield* worklist.putOwn({ subject: "b", uid: "1.3", attributes, owner }, false))
      yield* worklist.completeOwn("1.1", performed)
      const refused = yield* Effect.flip(worklist.requestCancel("1.1", "RIS", {}))
      assert.strictEqual("code" in refused ? refused.code : "", "C311")
      yield* worklist.studyDeleted(study)
      yield* worklist.studyDeleted(study)
      const gone = yield* Effect.flip(worklist.retrieve("1.1"))
      assert.strictEqual("code" in gone ? gone.code : "", "gone")
      const left = yield* worklist.retrieve("1.2")
      assert.strictEqual(textOf(left, tags.ProcedureStepState), "CANCELED")
      assert.strictEqual(textOf(left, tags.PatientID), "")
      // The study sent again is new work.
      assert.isTrue(yield* worklist.putOwn({ subject: "b", uid: "1.4", attributes, owner }, true))
      assert.deepStrictEqual(
        (yield* worklist.running).map(({ uid }) => uid),
        ["1.4"],
      )
      const going = yield* Effect.flip(worklist.requestCancel("1.4", "RIS", {}))
      assert.strictEqual("code" in going ? going.code : "", "C313")
    }).pipe(Effect.provide(layerMemory.pipe(Layer.provide(ledgerMemory)))),
  )

  it.live(
    "of one origin leaves nothing to another that sends the study again; what a client made of it is theirs",
    () =>
      Effect.gen(function* () {
        const worklist = yield* Worklist
        const of = (origin: string): Caller => ({
          name: origin,
          actions: allActions,
          origins: new Set([origin]),
          origin,
        })
        const norths = { origin: "north", StudyInstanceUID: study, studyOrigin: "north" }
        assert.isTrue(yield* worklist.putOwn({ subject: "a", uid: "1.1", attributes, owner: norths }, true))
        yield* worklist.create("1.2", scheduled({ [tags.StudyInstanceUID]: { vr: "UI", Value: [study] } }))
        assert.deepStrictEqual(yield* worklist.ownState("a"), { state: "IN PROGRESS", origin: "north" })
        yield* worklist.studyDeleted(study)
        yield* worklist.studyArrived(study, "south")
        const sees = (origin: string, uid: string) =>
          Effect.isSuccess(worklist.retrieve(uid).pipe(Effect.provideService(CurrentCaller, of(origin))))
        assert.deepStrictEqual([yield* sees("north", "1.1"), yield* sees("south", "1.1")], [true, false])
        assert.deepStrictEqual([yield* sees("north", "1.2"), yield* sees("south", "1.2")], [false, true])
      }).pipe(Effect.provide(layerMemory.pipe(Layer.provide(ledgerMemory)))),
  )
})
