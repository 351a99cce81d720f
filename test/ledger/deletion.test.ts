// Deletion in the ledger: what is recorded, what is held, what follows a correction, and what is left in the file.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { type Caller, CurrentCaller, internal } from "../../src/domain/caller.ts"
import type { DicomJson } from "../../src/domain/instance.ts"
import { SeriesInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { layer, layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { newInstance, receiptOf } from "../support/instances.ts"

const patient = (id: string, name: string): DicomJson => ({
  "00100010": { vr: "PN", Value: [{ Alphabetic: name }] },
  "00100020": { vr: "LO", Value: [id] },
})
const study = (n: number) => StudyInstanceUID.make(`1.${n}`)
const series = (n: number, m: number) => SeriesInstanceUID.make(`1.${n}.${m}`)
const as = (origins: ReadonlyArray<string>): Caller => ({
  ...internal,
  name: origins.join(),
  origins: new Set(origins),
  origin: origins[0] ?? "",
})
const north = Effect.provideService(CurrentCaller, as(["north"]))
const south = Effect.provideService(CurrentCaller, as(["south"]))

it.effect("a deletion is remembered with its origin and its moment, also after the instance was sent again", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    const items = [newInstance(1, 1, 1), newInstance(1, 1, 2), newInstance(1, 2, 1)]
    const [first] = yield* north(ledger.accept(items))
    yield* TestClock.adjust("10 seconds")
    yield* north(ledger.delete({ StudyInstanceUID: study(1) }))
    const deleted = yield* ledger.deletedUnder("1.1")
    assert.strictEqual(deleted?.level, "study")
    assert.deepStrictEqual(
      deleted?.instances.map(({ deletedAt, cause }) => [deletedAt, cause]),
      items.map(() => [10_000, "request"]),
    )
    assert.strictEqual((yield* ledger.deletedUnder("1.1.2"))?.level, "series")
    assert.strictEqual((yield* ledger.deletedUnder("1.1.1.2"))?.level, "instance")
    assert.isUndefined(yield* ledger.deletedUnder("1.2"))
    // Others' deletions are nobody's business, whoever has the study now.
    assert.isUndefined(yield* south(ledger.deletedUnder("1.1")))
    const [again] = yield* south(ledger.accept([newInstance(1, 1, 1)]))
    assert.isAbove(receiptOf(again), receiptOf(first))
    assert.isUndefined(yield* south(ledger.deletedUnder("1.1")))
    assert.deepStrictEqual(yield* south(ledger.deletedStudies(10, 0)), [])
    const whole = { StudyInstanceUID: study(1), instances: 3, firstAt: 10_000, lastAt: 10_000 }
    assert.deepStrictEqual(yield* north(ledger.deletedStudies(10, 0)), [{ ...whole, storedAgain: 0 }])
    assert.deepStrictEqual(yield* ledger.deletedStudies(10, 0), [{ ...whole, storedAgain: 1 }])
    assert.deepStrictEqual(yield* ledger.deletedStudies(10, 1), [])
    const remains = yield* ledger.remains(deleted!)
    assert.deepInclude(remains, { rows: 0, outbox: 3, alerts: 0, standingRegions: [] })
    assert.deepStrictEqual(
      remains.stored.map(({ receipt }) => receipt),
      [receiptOf(again)],
    )
    assert.deepStrictEqual((yield* north(ledger.remains(deleted!))).stored, [])
    assert.deepStrictEqual(
      (yield* ledger.deletionsAfter(1, 10)).map(({ sequence, receipt }) => [sequence, receipt]),
      deleted!.instances.slice(1).map(({ receipt }, i) => [i + 2, receipt]),
    )
  }).pipe(Effect.provide(layerMemory)),
)

it.effect("a held study, its series and its instances cannot be deleted until the hold is lifted", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    assert.isUndefined(yield* ledger.putHold(study(1), "court order 7"))
    yield* north(ledger.accept([newInstance(1, 1, 1), newInstance(1, 2, 1)]))
    yield* north(ledger.accept([newInstance(2, 1, 1)]))
    assert.isUndefined(yield* south(ledger.putHold(study(1), "not theirs")))
    const hold = yield* north(ledger.putHold(study(1), "court order 7"))
    assert.deepInclude(hold, { StudyInstanceUID: study(1), reason: "court order 7", heldBy: "north" })
    assert.isUndefined(yield* south(ledger.hold(study(1))))
    assert.deepStrictEqual(yield* south(ledger.holds(10, 0)), [])
    assert.lengthOf(yield* north(ledger.holds(10, 0)), 1)
    for (const scope of [
      { StudyInstanceUID: study(1) },
      { StudyInstanceUID: study(1), SeriesInstanceUID: series(1, 1) },
      { StudyInstanceUID: study(1), SOPInstanceUID: newInstance(1, 1, 1).SOPInstanceUID },
    ]) {
      assert.deepStrictEqual(yield* north(ledger.delete(scope)), { instances: [], held: true })
    }
    // Whether it is held is not told to those who do not see it.
    assert.deepStrictEqual(yield* south(ledger.delete({ StudyInstanceUID: study(1) })), { instances: [] })
    assert.lengthOf(yield* ledger.held({ StudyInstanceUID: study(1) }), 2)
    assert.lengthOf((yield* ledger.delete({ StudyInstanceUID: study(2) })).instances, 1)
    assert.isFalse(yield* south(ledger.removeHold(study(1))))
    assert.isTrue(yield* north(ledger.removeHold(study(1))))
    assert.isFalse(yield* north(ledger.removeHold(study(1))))
    assert.lengthOf((yield* north(ledger.delete({ StudyInstanceUID: study(1) }))).instances, 2)
  }).pipe(Effect.provide(layerMemory)),
)

it.effect(
  "study and series follow what is stored now: a series sent again for another patient, then the old one deleted",
  () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* ledger.accept([
        newInstance(1, 1, 1, patient("WRONG", "Wrong^Name")),
        newInstance(1, 1, 2, patient("WRONG", "Wrong^Name")),
      ])
      yield* ledger.accept([
        newInstance(1, 2, 1, { ...patient("RIGHT", "Right^Name"), "00080060": { vr: "CS", Value: ["MR"] } }),
      ])
      const factsOf = Effect.map(ledger.seriesFacts, (facts) => facts.map(({ patient }) => patient.split("\0")[0]))
      assert.deepStrictEqual(yield* factsOf, ["WRONG", "WRONG"])
      yield* ledger.delete({ StudyInstanceUID: study(1), SeriesInstanceUID: series(1, 1) })
      assert.deepStrictEqual(yield* factsOf, ["RIGHT"])
      const { matches } = yield* ledger.search({ level: "study", match: [], limit: 10, offset: 0 })
      assert.deepStrictEqual(matches[0]?.["00100020"]?.Value, ["RIGHT"])
      assert.deepStrictEqual(matches[0]?.["00080061"]?.Value, ["MR"])

      // Within a series: the oldest instance left says what the series is.
      yield* ledger.accept([newInstance(2, 1, 1, { "0008103E": { vr: "LO", Value: ["before"] } })])
      yield* ledger.accept([newInstance(2, 1, 2, { "0008103E": { vr: "LO", Value: ["after"] } })])
      yield* ledger.delete({ StudyInstanceUID: study(2), SOPInstanceUID: newInstance(2, 1, 1).SOPInstanceUID })
      const found = yield* ledger.search({
        level: "series",
        match: [],
        limit: 10,
        offset: 0,
        StudyInstanceUID: study(2),
      })
      assert.deepStrictEqual(found.matches[0]?.["0008103E"]?.Value, ["after"])
    }).pipe(Effect.provide(layerMemory)),
)

it.live("attributes of what was deleted leave the ledger's files", () =>
  Effect.gen(function* () {
    const dir = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "ledger-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true })),
    )
    const ledger = Context.get(yield* Layer.build(layer({ dir })), Ledger)
    // Names in no order split the pages of their index, and some rows grow after they were written.
    const name = (n: number) => `Name${(n * 7919) % 9973}^Secret${n}`
    const numbers = Array.from({ length: 600 }, (_, n) => n)
    for (let at = 0; at < numbers.length; at += 40) {
      const added = yield* ledger.accept(
        numbers.slice(at, at + 40).map((n) => newInstance(n, 1, 1, patient(`ID-${n}-END`, name(n)))),
      )
      yield* ledger.progress(
        added.map((acceptance, i) => ({
          SOPInstanceUID: newInstance(at + i, 1, 1).SOPInstanceUID,
          receipt: receiptOf(acceptance),
          stage: "stored-only" as const,
          reason: "r".repeat(i),
        })),
      )
    }
    const gone = numbers.filter((n) => n % 9 === 4)
    for (const n of gone) yield* ledger.delete({ StudyInstanceUID: study(n) })
    const holding = () =>
      readdirSync(dir).flatMap((file) => {
        const bytes = readFileSync(join(dir, file))
        return gone.filter((n) => bytes.includes(`ID-${n}-END`) || bytes.includes(`^Secret${n}"`))
      })
    assert.isAbove(holding().length, 0)
    assert.isTrue(yield* ledger.scrub)
    assert.deepStrictEqual(holding(), [])
    assert.strictEqual((yield* ledger.totals).instances, numbers.length - gone.length)
  }).pipe(Effect.scoped),
)
