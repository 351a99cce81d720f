// What the ledger promises: one row per instance, events in order, stages that never go back.
import { assert, describe, it, layer } from "@effect/vitest"
import { Clock, Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { StandingRegionId } from "../../src/domain/alert.ts"
import type { Hit } from "../../src/domain/hit.ts"
import { Ledger, type Progress } from "../../src/ledger/Ledger.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { newInstance, receiptOf } from "../support/instances.ts"

const fresh = <A, E>(name: string, body: () => Effect.Effect<A, E, Ledger>) =>
  it.effect(name, () => body().pipe(Effect.provide(layerMemory)))

const accept = Effect.fnUntraced(function* (...instances: ReadonlyArray<ReturnType<typeof newInstance>>) {
  return yield* (yield* Ledger).accept(instances)
})

const finish = Effect.fnUntraced(function* (instance: ReturnType<typeof newInstance>, change: Partial<Progress> = {}) {
  const ledger = yield* Ledger
  const { receipt } = Option.getOrThrow(yield* ledger.instance(instance.SOPInstanceUID))
  yield* ledger.progress([
    {
      SOPInstanceUID: instance.SOPInstanceUID,
      receipt,
      stage: "indexed",
      embeddableFrames: 1,
      indexedFrames: 1,
      ...change,
    },
  ])
})

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
      const [listed] = yield* ledger.setAsideList
      assert.strictEqual(listed?.reason, "decode: corrupt: no pixels")
      assert.strictEqual((yield* ledger.seriesFacts)[0]?.notSearchable, "decode: corrupt: no pixels")
      assert.strictEqual((yield* ledger.totals).setAside, 1)
      assert.strictEqual(yield* ledger.requeue("set-aside"), 1)
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
    }),
  )
})

describe("study", () => {
  fresh("is ready when quiet and finished, and opens again for a late instance", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const [one, late] = [newInstance(1, 1, 1), newInstance(1, 1, 2)]
      const settle = Effect.flatMap(Clock.currentTimeMillis, (now) => ledger.settle(now, 5000))
      const status = Effect.map(ledger.studyStatus(one.StudyInstanceUID), Option.getOrThrow)
      yield* accept(one)
      assert.deepStrictEqual(yield* settle, [])
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(yield* settle, [])
      assert.strictEqual((yield* status).state, "quiet")
      yield* finish(one)
      assert.deepStrictEqual(yield* settle, [one.StudyInstanceUID])
      assert.deepStrictEqual(yield* settle, [])
      assert.deepStrictEqual((yield* status).evidence, { kind: "quiet-time", instances: 1, quietSeconds: 6 })
      yield* accept(late)
      assert.strictEqual((yield* status).state, "open")
      yield* finish(late)
      yield* ledger.complete(one.StudyInstanceUID, { kind: "explicit", instances: 2 })
      assert.deepStrictEqual(yield* settle, [one.StudyInstanceUID])
      assert.strictEqual((yield* status).version, 2)
      assert.strictEqual((yield* status).evidence?.kind, "explicit")
      const ready = (yield* ledger.outbox(10)).filter(({ subject }) => subject.startsWith("dicom.study.ready"))
      assert.strictEqual(ready.length, 2)
    }),
  )

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
      assert.isTrue(Option.isNone(yield* ledger.studyStatus(one.StudyInstanceUID)))
      const { matches } = yield* ledger.search({ level: "study", match: [], limit: 10, offset: 0 })
      assert.deepStrictEqual(matches, [])
      const subjects = (yield* ledger.outbox(20)).map(({ subject }) => subject.split(".").slice(0, 3).join("."))
      assert.deepStrictEqual([...new Set(subjects)], ["dicom.instance.deleted"])
    }),
  )
})

describe("alerts", () => {
  layer(layerMemory)("in one ledger", (it) => {
    it.effect("are raised once per standing region and study, and go with the study", () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const instance = newInstance(1, 1, 1)
        yield* accept(instance)
        const alert = {
          standingRegion: StandingRegionId.make("liver"),
          label: "liver",
          StudyInstanceUID: instance.StudyInstanceUID,
          studyVersion: 1,
          hit: hit(instance),
        }
        assert.isTrue(Option.isSome(yield* ledger.raiseAlert(alert)))
        assert.isTrue(Option.isNone(yield* ledger.raiseAlert({ ...alert, studyVersion: 2 })))
        const listed = yield* ledger.alerts(0, 10)
        assert.deepStrictEqual(
          listed.map(({ studyVersion, hit }) => [studyVersion, hit.score]),
          [[1, 0.9]],
        )
        assert.strictEqual(yield* ledger.lastAlert, listed[0]!.id)
        yield* ledger.delete({ StudyInstanceUID: instance.StudyInstanceUID })
        assert.deepStrictEqual(yield* ledger.alerts(0, 10), [])
      }),
    )
  })
})

const hit = ({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID }: ReturnType<typeof newInstance>): Hit => ({
  StudyInstanceUID,
  SeriesInstanceUID,
  score: 0.9,
  rank: 1,
  slices: {
    from: { SOPInstanceUID, FrameNumber: 1, index: 0 },
    to: { SOPInstanceUID, FrameNumber: 1, index: 0 },
    count: 1,
  },
  box: { min: [0, 0, 0], max: [1, 1, 1] },
  boxPixels: { columns: [0, 1], rows: [0, 1] },
  alignment: [[0, 0, 0.9]],
  links: { frames: [], rendered: [] },
})
