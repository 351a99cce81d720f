// What the ledger promises: one row per instance, events in order, stages that never go back.
import { assert, describe } from "@effect/vitest"
import { Clock, Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { newInstance, receiptOf } from "../support/instances.ts"
import { accept, finish, fresh } from "./ledger.fixture.ts"

describe("accept", () => {
  fresh("stores once, knows a duplicate, keeps the first of two contents", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const one = newInstance(1, 1, 1)
      const answers = yield* accept(one, one, newInstance(1, 1, 1, {}, "other"), newInstance(1, 1, 2))
      assert.deepStrictEqual(
        answers.map(({ _tag }) => _tag),
        ["Stored", "Duplicate", "Conflict", "Stored"],
      )
      assert.strictEqual(Option.getOrThrow(yield* ledger.instance(one.SOPInstanceUID)).digest, one.digest)
      assert.strictEqual((yield* ledger.outbox(10)).length, 2)
      assert.strictEqual((yield* ledger.totals).instances, 2)
    }),
  )

  fresh("refuses a series that belongs to another study", () =>
    Effect.gen(function* () {
      const stray = { ...newInstance(2, 1, 1), SeriesInstanceUID: newInstance(1, 1, 1).SeriesInstanceUID }
      const answers = yield* accept(newInstance(1, 1, 1), stray)
      assert.strictEqual(answers[1]?._tag, "Conflict")
    }),
  )

  fresh("answers each of many concurrent callers for its own instances", () =>
    Effect.gen(function* () {
      const answers = yield* Effect.forEach(
        Array.from({ length: 600 }, (_, n) => n),
        (n) => accept(newInstance(n % 7, 1, n), newInstance(n % 7, 2, n)),
        { concurrency: "unbounded" },
      )
      const receipts = answers.flat().map(receiptOf)
      assert.strictEqual(new Set(receipts).size, 1200)
      const events = yield* (yield* Ledger).outbox(2000)
      assert.deepStrictEqual(
        events.map(({ msgID }) => Number(msgID.split(":")[1])),
        receipts.toSorted((a, b) => a - b),
      )
    }),
  )
})

describe("stages", () => {
  fresh("count frames, wait for the last one, and never go back", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const instance = newInstance(1, 1, 1)
      yield* accept(instance)
      const stage = Effect.map(ledger.instance(instance.SOPInstanceUID), (found) => Option.getOrThrow(found).stage)
      yield* finish(instance, { embeddableFrames: 3, indexedFrames: 2 })
      assert.strictEqual(yield* stage, "embedded")
      yield* finish(instance, { embeddableFrames: 3, indexedFrames: 3 })
      assert.strictEqual(yield* stage, "indexed")
      yield* finish(instance, { stage: "decoded", embeddableFrames: 3, indexedFrames: 3 })
      assert.strictEqual(yield* stage, "indexed")
      assert.deepStrictEqual((yield* ledger.totals).slices, { embeddable: 3, indexed: 3 })
      const [facts] = yield* ledger.seriesFacts
      assert.strictEqual(facts?.indexedFrames, 3)
    }),
  )

  fresh("set aside is listed with its reason, told to the broker, and comes back by requeue", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const instance = newInstance(1, 1, 1)
      const [acceptance] = yield* accept(instance)
      yield* ledger.setAside({ ...instance, receipt: receiptOf(acceptance) }, "decode", "corrupt: no pixels")
      const [listed] = yield* ledger.setAsideList({}, 0, 10)
      assert.deepStrictEqual([listed?.stage, listed?.reason, listed?.attempts], ["decode", "corrupt: no pixels", 1])
      assert.strictEqual((yield* ledger.seriesFacts)[0]?.notSearchable, "decode: corrupt: no pixels")
      assert.strictEqual((yield* ledger.totals).setAside, 1)
      assert.lengthOf(yield* ledger.requeueSetAside({ stage: "embed" }, 0, 10), 0)
      assert.lengthOf(yield* ledger.requeueSetAside({}, 0, 10), 1)
      assert.strictEqual((yield* ledger.totals).setAside, 0)
      const msgIDs = (yield* ledger.outbox(10)).map(({ msgID }) => msgID)
      assert.strictEqual(new Set(msgIDs).size, 3)
    }),
  )

  fresh("sweeps up what got stuck, but not what still waits in the outbox", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* accept(newInstance(1, 1, 1), newInstance(1, 1, 2))
      const [first] = yield* ledger.outbox(1)
      yield* ledger.published([first!.sequence])
      yield* TestClock.adjust("10 minutes")
      const now = yield* Clock.currentTimeMillis
      assert.strictEqual(yield* ledger.requeue({ unfinishedSince: now - 60_000 }), 1)
      assert.strictEqual(yield* ledger.requeue({ unfinishedSince: now - 60_000 }), 0)
      // The machine's clock was turned back by a day: what waits since tomorrow is not left alone until then.
      const [again] = (yield* ledger.outbox(9)).filter(({ msgID }) => msgID.endsWith(":1"))
      yield* ledger.published([again!.sequence])
      yield* TestClock.setTime(now - 24 * 3_600_000)
      assert.strictEqual(yield* ledger.requeue({ unfinishedSince: now - 25 * 3_600_000 }), 1)
    }),
  )
})

describe("study", () => {
  fresh("leaves no trace when deleted, and a re-sent instance gets a higher receipt", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const [one, two] = [newInstance(1, 1, 1), newInstance(1, 2, 1)]
      const [before] = yield* accept(one, two)
      yield* finish(one)
      const { instances } = yield* ledger.delete({ SeriesInstanceUID: one.SeriesInstanceUID })
      assert.deepStrictEqual(
        instances.map(({ SOPInstanceUID }) => SOPInstanceUID),
        [one.SOPInstanceUID],
      )
      assert.deepStrictEqual((yield* ledger.totals).slices, { embeddable: 0, indexed: 0 })
      assert.strictEqual((yield* ledger.seriesFacts).length, 1)
      assert.isFalse(yield* ledger.isCurrent({ ...one, receipt: receiptOf(before) }))
      const [after] = yield* accept(one)
      assert.isAbove(receiptOf(after), receiptOf(before))
      yield* ledger.delete({ StudyInstanceUID: one.StudyInstanceUID })
      assert.isTrue(Option.isNone(yield* ledger.studyStatus(one.StudyInstanceUID, { offset: 0, limit: 10 })))
      const { matches } = yield* ledger.search({ level: "study", match: [], limit: 10, offset: 0 })
      assert.deepStrictEqual(matches, [])
      const subjects = (yield* ledger.outbox(20)).map(({ subject }) => subject.split(".").slice(0, 3).join("."))
      assert.deepStrictEqual([...new Set(subjects)], ["dicom.instance.deleted"])
    }),
  )
})
