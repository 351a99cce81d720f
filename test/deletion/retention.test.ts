// The retention rule: by age or on a full disk, the oldest first, never what is open or held; bounded, and it stops when there is room.
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { CurrentCaller } from "../../src/domain/caller.ts"
import { StudyInstanceUID } from "../../src/domain/uid.ts"
import { doomed, retentionPass, type RetentionRule } from "../../src/deletion/retention.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { VectorIndex } from "../../src/vector-index/VectorIndex.ts"
import { newInstance, receiptOf } from "../support/instances.ts"

const study = (n: number) => StudyInstanceUID.make(`1.${n}`)
const off: RetentionRule = {
  maxAgeDays: 0,
  ageFrom: "arrival",
  belowFreeBytes: 0,
  untilFreeBytes: 0,
  studiesPerPass: 100,
}

/** A disk of so many free bytes: each blob that goes gives its thousand. */
const disk = (free: number) =>
  Layer.unwrap(
    Effect.map(Ref.make(free), (bytes) =>
      Layer.mock(Blobs, {
        path: (digest) => digest,
        free: Ref.get(bytes),
        remove: () =>
          Effect.as(
            Ref.update(bytes, (n) => n + 1000),
            true,
          ),
      }),
    ),
  )

const services = (free = 1_000_000) =>
  Layer.mergeAll(layerMemory, disk(free), Layer.mock(VectorIndex, { remove: () => Effect.void }))

/** One instance of a study of that date, finished. */
const arrived = Effect.fnUntraced(function* (n: number, StudyDate = "") {
  const ledger = yield* Ledger
  const instance = newInstance(n, 1, 1, { "00080020": { vr: "DA", Value: [StudyDate] } })
  const [acceptance] = yield* ledger.accept([instance])
  yield* ledger.progress([
    { SOPInstanceUID: instance.SOPInstanceUID, receipt: receiptOf(acceptance), stage: "stored-only", reason: "test" },
  ])
})
const settle = Effect.flatMap(Ledger, (ledger) => ledger.settle({ quietMillis: 0, maxWaitMillis: 60_000 }))
const names = (studies: ReadonlyArray<{ readonly StudyInstanceUID: string }>) =>
  studies.map(({ StudyInstanceUID }) => StudyInstanceUID as string)

it.effect("by age of arrival: the old ones that are ready and not held go, the oldest first, so many a pass", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    for (const n of [1, 2, 3, 4]) {
      yield* arrived(n)
      yield* settle
      yield* TestClock.adjust("1 day")
    }
    yield* arrived(5)
    yield* ledger.putHold(study(2), "asked for")
    assert.deepStrictEqual((yield* doomed(off)).studies, [])
    const rule = { ...off, maxAgeDays: 1.5 }
    const plan = (yield* doomed(rule)).studies
    assert.deepStrictEqual(names(plan), ["1.1", "1.3"])
    assert.deepInclude(plan[0], { why: "age", since: 0, instances: 1, bytes: 1000 })
    assert.deepStrictEqual(names((yield* doomed({ ...rule, studiesPerPass: 1 })).studies), ["1.1"])
    // The plan deletes nothing; a pass does, and says by whom.
    assert.strictEqual((yield* ledger.totals).instances, 5)
    assert.deepStrictEqual(names(yield* retentionPass(rule)), ["1.1", "1.3"])
    assert.deepStrictEqual(
      (yield* ledger.deletedUnder("1.1"))?.instances.map(({ cause }) => cause),
      ["retention"],
    )
    assert.deepStrictEqual(yield* retentionPass(rule), [])
    // Whatever its age, a study that is open stays: here one that got another instance.
    yield* TestClock.adjust("3 days")
    yield* ledger.accept([newInstance(4, 1, 2)])
    assert.deepStrictEqual(names(yield* retentionPass(rule)), [])
    yield* ledger.removeHold(study(2))
    assert.deepStrictEqual(names(yield* retentionPass(rule)), ["1.2"])
  }).pipe(Effect.provide(services())),
)

it.effect(
  "by study date: a study of long ago stays for a day after it came, one without a date goes by its arrival",
  () =>
    // Before the ledger is opened: its steady time would tick through all the years.
    Effect.andThen(
      TestClock.setTime(Date.UTC(2024, 5, 1)),
      Effect.gen(function* () {
        yield* arrived(1, "20200101")
        yield* arrived(2, "20240530")
        yield* arrived(3)
        yield* arrived(4, "2019")
        yield* settle
        const rule = { ...off, maxAgeDays: 4, ageFrom: "study-date" as const }
        assert.deepStrictEqual(names((yield* doomed(rule)).studies), [])
        yield* TestClock.adjust("25 hours")
        assert.deepStrictEqual(names((yield* doomed(rule)).studies), ["1.1"])
        yield* TestClock.adjust("2 days")
        assert.deepStrictEqual(names((yield* doomed(rule)).studies), ["1.1", "1.2"])
        yield* TestClock.adjust("2 days")
        assert.sameMembers([...names((yield* doomed(rule)).studies)], ["1.1", "1.2", "1.3", "1.4"])
      }).pipe(Effect.provide(services())),
    ),
)

it.effect("on a full disk the oldest go until there is room, none before the lower mark", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    for (const n of [1, 2, 3, 4, 5]) {
      yield* arrived(n)
      yield* settle
      yield* TestClock.adjust("1 hour")
    }
    yield* ledger.putHold(study(1), "asked for")
    assert.deepStrictEqual((yield* doomed({ ...off, belowFreeBytes: 5000, untilFreeBytes: 9000 })).studies, [])
    const rule = { ...off, belowFreeBytes: 5001, untilFreeBytes: 6500 }
    const plan = yield* doomed(rule)
    assert.deepStrictEqual([plan.freeBytes, names(plan.studies)], [5000, ["1.2", "1.3"]])
    assert.strictEqual(plan.studies[0]?.why, "disk")
    assert.deepStrictEqual(names(yield* retentionPass(rule)), ["1.2", "1.3"])
    assert.deepStrictEqual(yield* retentionPass(rule), [])
    assert.strictEqual((yield* ledger.totals).instances, 3)
  }).pipe(Effect.provide(services(5000))),
)

it.effect("a study held or opened again between plan and pass stays, and so does what a caller may not see", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    yield* arrived(1)
    yield* settle
    yield* ledger.accept([newInstance(1, 1, 2)])
    assert.deepStrictEqual(yield* ledger.delete({ StudyInstanceUID: study(1) }, "retention"), { instances: [] })
    assert.strictEqual((yield* ledger.totals).instances, 2)
    assert.strictEqual((yield* CurrentCaller).name, "gateway")
  }).pipe(Effect.provide(services())),
)
