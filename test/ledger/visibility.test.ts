// What a caller with origins may see and change: nothing of other origins' studies, not even that they are there.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { StandingRegionId } from "../../src/domain/alert.ts"
import { allActions, type Caller, CurrentCaller } from "../../src/domain/caller.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { newInstance } from "../support/instances.ts"

const caller = (origin: string): Caller => ({
  name: origin,
  actions: allActions,
  origins: new Set([origin]),
  origin,
})
const as = (origin: string) => Effect.provideService(CurrentCaller, caller(origin))

const one = newInstance(1, 1, 1)
const two = newInstance(2, 1, 1)

/** One study of each origin. */
const stored = Effect.gen(function* () {
  const ledger = yield* Ledger
  yield* ledger.accept([one]).pipe(as("north"))
  yield* ledger.accept([two]).pipe(as("south"))
  return ledger
})

describe("a caller with origins", () => {
  it.effect("reads only their studies", () =>
    Effect.gen(function* () {
      const ledger = yield* stored
      const seen = yield* Effect.all({
        instances: ledger.instances({}),
        studies: ledger.search({ level: "study", match: [], limit: 10, offset: 0 }),
        series: ledger.search({ level: "series", match: [], limit: 10, offset: 0 }),
        objects: ledger.search({ level: "instance", match: [], limit: 10, offset: 0 }),
        facts: ledger.seriesFacts,
        foreign: ledger.instance(two.SOPInstanceUID),
        status: ledger.studyStatus(two.StudyInstanceUID, { offset: 0, limit: 10 }),
      }).pipe(as("north"))
      assert.deepStrictEqual(
        seen.instances.map(({ SOPInstanceUID }) => SOPInstanceUID),
        [one.SOPInstanceUID],
      )
      assert.lengthOf(seen.studies.matches, 1)
      assert.lengthOf(seen.series.matches, 1)
      assert.lengthOf(seen.objects.matches, 1)
      assert.lengthOf(seen.facts, 1)
      assert.isTrue(Option.isNone(seen.foreign))
      assert.isTrue(Option.isNone(seen.status))
      assert.lengthOf(yield* ledger.instances({}), 2)
    }).pipe(Effect.provide(layerMemory)),
  )

  it.effect("can neither delete, complete nor add to others' studies", () =>
    Effect.gen(function* () {
      const ledger = yield* stored
      const { instances } = yield* ledger.delete({ StudyInstanceUID: two.StudyInstanceUID }).pipe(as("north"))
      assert.lengthOf(instances, 0)
      assert.isFalse(yield* ledger.complete(two.StudyInstanceUID).pipe(as("north")))
      const expected = { instances: 9, from: "sender" } as const
      assert.isFalse(yield* ledger.expect(two.StudyInstanceUID, expected).pipe(as("north")))
      // A new instance of the study, the same instance again, and the instance's UID under another study.
      const stray = { ...newInstance(3, 1, 1), SOPInstanceUID: two.SOPInstanceUID }
      const answers = yield* ledger.accept([newInstance(2, 1, 2), two, stray]).pipe(as("north"))
      assert.deepStrictEqual(
        answers.map(({ _tag }) => _tag),
        ["NotAuthorized", "NotAuthorized", "NotAuthorized"],
      )
      assert.strictEqual((yield* ledger.totals).instances, 2)
    }).pipe(Effect.provide(layerMemory)),
  )

  it.effect("keeps their standing regions and alerts when the study they were drawn on is deleted", () =>
    Effect.gen(function* () {
      const ledger = yield* stored
      const id = StandingRegionId.make("liver")
      const region = { StudyInstanceUID: one.StudyInstanceUID, SeriesInstanceUID: one.SeriesInstanceUID }
      const rule = { ...region, label: "liver", threshold: 0.5 }
      assert.isTrue(
        yield* ledger.putStandingRegion(id, rule, { model: "m", bytes: new Uint8Array() }).pipe(as("north")),
      )
      yield* ledger.delete({ StudyInstanceUID: one.StudyInstanceUID }).pipe(as("north"))
      assert.lengthOf(yield* ledger.standingRegions.pipe(as("north")), 1)
      assert.lengthOf(yield* ledger.standingRegions.pipe(as("south")), 0)
      // Another origin can neither take the name over nor remove it.
      const theirs = { ...rule, StudyInstanceUID: two.StudyInstanceUID, SeriesInstanceUID: two.SeriesInstanceUID }
      assert.isFalse(
        yield* ledger.putStandingRegion(id, theirs, { model: "m", bytes: new Uint8Array() }).pipe(as("south")),
      )
      assert.isFalse(yield* ledger.deleteStandingRegion(id).pipe(as("south")))
      assert.isTrue(yield* ledger.deleteStandingRegion(id).pipe(as("north")))
    }).pipe(Effect.provide(layerMemory)),
  )
})
