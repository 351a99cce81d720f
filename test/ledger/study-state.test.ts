// A study's life in the ledger: what makes it ready, what reopens it, and what does not.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { layer } from "../../src/ledger/sqlite-ledger.ts"
import { newInstance, receiptOf } from "../support/instances.ts"
import { accept, finish, fresh } from "./ledger.fixture.ts"

const [one, two, three] = [newInstance(1, 1, 1), newInstance(1, 1, 2), newInstance(1, 1, 3)]
const study = one.StudyInstanceUID

const settle = Effect.flatMap(Ledger, (ledger) => ledger.settle({ quietMillis: 5000, maxWaitMillis: 60_000 }))
const status = Effect.flatMap(Ledger, (ledger) =>
  Effect.map(ledger.studyStatus(study, { offset: 0, limit: 100 }), Option.getOrThrow),
)
const state = Effect.map(status, ({ state, version }) => `${state} ${version}`)
const events = Effect.flatMap(Ledger, (ledger) =>
  Effect.map(ledger.outbox(1000), (entries) =>
    entries
      .filter(({ subject }) => subject.startsWith("dicom.study.ready"))
      .map(({ payload }) => (JSON.parse(payload) as { version: number }).version),
  ),
)
/** Past the quiet time. */
const quiet = Effect.andThen(TestClock.adjust("6 seconds"), settle)
const expecting = (expected: number, ...instances: ReadonlyArray<typeof one>) =>
  Effect.flatMap(Ledger, (ledger) => ledger.accept(instances, expected))

describe("by quiet time", () => {
  fresh("open, quiet, ready, reopened, quiet, ready with the next version; one event each", () =>
    Effect.gen(function* () {
      yield* accept(one)
      assert.deepStrictEqual(yield* settle, [])
      assert.strictEqual(yield* state, "open 0")
      assert.deepStrictEqual(yield* quiet, [])
      assert.strictEqual(yield* state, "quiet 0")
      yield* finish(one)
      assert.deepStrictEqual(yield* settle, [study])
      assert.deepStrictEqual(yield* settle, [])
      assert.strictEqual(yield* state, "ready 1")
      yield* accept(two)
      assert.strictEqual(yield* state, "reopened 1")
      yield* quiet
      assert.strictEqual(yield* state, "quiet 1")
      yield* accept(three)
      assert.strictEqual(yield* state, "reopened 1")
      yield* finish(two)
      yield* finish(three)
      yield* quiet
      const { versions, evidence, waiting, stages } = yield* status
      assert.deepStrictEqual(
        versions.map(({ version, evidence: { kind, instances, quietSeconds } }) => [
          version,
          kind,
          instances,
          quietSeconds,
        ]),
        [
          [2, "quiet-time", 3, 6],
          [1, "quiet-time", 1, 6],
        ],
      )
      assert.deepStrictEqual(evidence, versions[0]?.evidence)
      assert.isUndefined(waiting)
      assert.strictEqual(stages.indexed, 3)
      assert.deepStrictEqual(yield* events, [1, 2])
      assert.deepStrictEqual((yield* (yield* Ledger).totals).studies, { open: 0, quiet: 0, ready: 1, reopened: 0 })
    }),
  )

  fresh("a sender that repeats itself is not done, and reopens nothing that is ready", () =>
    Effect.gen(function* () {
      yield* accept(one)
      yield* finish(one)
      yield* TestClock.adjust("4 seconds")
      yield* accept(one)
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(yield* settle, [])
      yield* quiet
      assert.strictEqual(yield* state, "ready 1")
      yield* accept(one)
      yield* quiet
      assert.strictEqual(yield* state, "ready 1")
      assert.deepStrictEqual(yield* events, [1])
    }),
  )

  fresh("what was set aside holds nothing up, and what is searchable after all is the next version", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const [acceptance] = yield* accept(one, two)
      yield* ledger.setAside({ ...one, receipt: receiptOf(acceptance) }, "decode", "corrupt")
      yield* finish(two)
      yield* quiet
      const { evidence } = yield* status
      assert.deepStrictEqual([evidence?.instances, evidence?.setAside], [2, 1])
      yield* ledger.requeueSetAside({ StudyInstanceUID: study }, 0, 10)
      yield* quiet
      assert.strictEqual(yield* state, "ready 1")
      yield* finish(one)
      assert.strictEqual(yield* state, "reopened 1")
      yield* quiet
      assert.strictEqual(yield* state, "ready 2")
      const receipt = receiptOf(acceptance)
      assert.deepStrictEqual(Array.from(yield* ledger.covered(study, 1, 2)), [receipt])
      // Embedded again, as for a new model: nothing of it is new.
      yield* ledger.requeue({ receipts: [receipt] })
      yield* finish(one)
      yield* quiet
      assert.strictEqual(yield* state, "ready 2")
    }),
  )
})

describe("by expectation", () => {
  fresh("ready at once when all is there and finished, not when it is only quiet", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* expecting(2, one)
      yield* finish(one)
      yield* quiet
      assert.strictEqual(yield* state, "quiet 0")
      assert.deepStrictEqual((yield* status).expected, { instances: 2, from: "sender" })
      const [acceptance] = yield* accept(two)
      assert.deepStrictEqual(yield* settle, [])
      yield* ledger.setAside({ ...two, receipt: receiptOf(acceptance) }, "decode", "corrupt")
      assert.deepStrictEqual(yield* settle, [study])
      const { evidence, expected } = yield* status
      assert.deepStrictEqual(
        [evidence?.kind, evidence?.instances, evidence?.expected],
        ["expected-count", 2, { instances: 2, from: "sender" }],
      )
      // Used up: a late instance waits for the quiet time like any other.
      assert.isUndefined(expected)
      yield* accept(three)
      yield* finish(three)
      assert.deepStrictEqual(yield* settle, [])
      assert.deepStrictEqual(yield* quiet, [study])
    }),
  )

  fresh(
    "the greatest of senders' numbers counts, the archive's before all, and taken back it is as if never said",
    () =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        yield* expecting(3, one)
        yield* expecting(2, two)
        assert.strictEqual((yield* status).expected?.instances, 3)
        yield* ledger.expect(study, { instances: 2, from: "upstream" })
        yield* ledger.expect(study, { instances: 5, from: "sender" })
        assert.deepStrictEqual((yield* status).expected, { instances: 2, from: "upstream" })
        yield* ledger.expect(study, { from: "sender" })
        assert.deepStrictEqual((yield* status).expected, { instances: 2, from: "upstream" })
        yield* ledger.expect(study, { from: "upstream" })
        assert.isUndefined((yield* status).expected)
        assert.isFalse(yield* ledger.expect(newInstance(9, 1, 1).StudyInstanceUID, { instances: 1, from: "upstream" }))
      }),
  )

  fresh("a deleted instance is not waited for, nor does deleting wake what is ready", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* expecting(3, one, two)
      yield* finish(one)
      yield* ledger.delete({ SOPInstanceUID: two.SOPInstanceUID })
      assert.deepStrictEqual(yield* settle, [])
      yield* accept(three)
      yield* finish(three)
      assert.deepStrictEqual(yield* settle, [study])
      yield* ledger.delete({ SOPInstanceUID: three.SOPInstanceUID })
      yield* quiet
      assert.strictEqual(yield* state, "ready 1")
      assert.deepStrictEqual(yield* events, [1])
    }),
  )

  fresh("said of a study that is ready, it counts when the rest comes", () =>
    Effect.gen(function* () {
      yield* accept(one)
      yield* finish(one)
      yield* quiet
      yield* expecting(1, one)
      assert.isUndefined((yield* status).expected)
      yield* expecting(3, one)
      assert.strictEqual(yield* state, "ready 1")
      yield* accept(two)
      yield* finish(two)
      yield* quiet
      assert.strictEqual(yield* state, "quiet 1")
      yield* accept(three)
      yield* finish(three)
      assert.deepStrictEqual(yield* settle, [study])
    }),
  )
})

fresh("said to be complete, it is ready without waiting; deleting the last unfinished instance lets it", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    yield* expecting(9, one, two)
    yield* finish(one)
    assert.isTrue(yield* ledger.complete(study))
    assert.deepStrictEqual(yield* settle, [])
    assert.strictEqual(yield* state, "quiet 0")
    yield* ledger.delete({ SOPInstanceUID: two.SOPInstanceUID })
    assert.deepStrictEqual(yield* settle, [study])
    const { evidence } = yield* status
    assert.deepStrictEqual([evidence?.kind, evidence?.instances], ["explicit", 1])
    // Again, of a study that is ready: it says nothing of the next version.
    assert.isTrue(yield* ledger.complete(study))
    yield* accept(three)
    yield* finish(three)
    assert.deepStrictEqual(yield* settle, [])
    assert.isFalse(yield* ledger.complete(newInstance(9, 1, 1).StudyInstanceUID))
  }),
)

describe("after the maximum wait", () => {
  fresh("a study that never falls quiet is ready with what came until then", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      for (let n = 0; n < 20; n++) {
        yield* accept(newInstance(1, 1, n))
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(yield* settle, [])
        if (n < 19) yield* finish(newInstance(1, 1, n))
      }
      // The sixtieth second is over; what comes now is of the next version and not waited for.
      yield* accept(newInstance(1, 1, 99))
      yield* finish(newInstance(1, 1, 19))
      assert.deepStrictEqual(yield* settle, [study])
      const { evidence } = yield* status
      assert.deepStrictEqual([evidence?.kind, evidence?.instances, evidence?.waitedSeconds], ["maximum-wait", 20, 60])
      assert.lengthOf(yield* ledger.covered(study, 0, 1), 20)
      yield* finish(newInstance(1, 1, 99))
      assert.strictEqual(yield* state, "reopened 1")
      assert.deepStrictEqual(yield* quiet, [study])
      assert.lengthOf(yield* ledger.covered(study, 1, 2), 1)
    }),
  )

  fresh("one whose expected instances never come is ready, and says so", () =>
    Effect.gen(function* () {
      yield* expecting(10, one)
      yield* finish(one)
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* settle, [])
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(yield* settle, [study])
      const { evidence } = yield* status
      assert.deepStrictEqual(
        [evidence?.kind, evidence?.instances, evidence?.expected?.instances],
        ["maximum-wait", 1, 10],
      )
    }),
  )
})

describe("over a restart and clocks that jump", () => {
  it.effect("waits for as long as the gateway ran, whatever the machine's clock says", () =>
    Effect.gen(function* () {
      const dir = mkdtempSync(join(tmpdir(), "ledger-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(dir, { recursive: true })))
      const running = <A, E>(body: Effect.Effect<A, E, Ledger>) => body.pipe(Effect.provide(layer({ dir })))
      yield* TestClock.setTime(1_000_000_000_000)
      yield* running(
        Effect.gen(function* () {
          yield* accept(one)
          yield* finish(one)
          yield* expecting(2, newInstance(2, 1, 1))
          yield* finish(newInstance(2, 1, 1))
          yield* TestClock.adjust("4 seconds")
          yield* settle
        }),
      )
      // Two days in which nobody could send.
      yield* TestClock.setTime(1_000_172_800_000)
      yield* running(
        Effect.gen(function* () {
          assert.strictEqual(yield* state, "open 0")
          assert.deepStrictEqual(yield* settle, [])
          yield* TestClock.adjust("3 seconds")
          yield* TestClock.setTime(999_000_000_000)
          assert.deepStrictEqual(yield* settle, [])
          yield* TestClock.adjust("3 seconds")
          assert.deepStrictEqual(yield* settle, [study])
        }),
      )
      yield* running(
        Effect.gen(function* () {
          assert.strictEqual(yield* state, "ready 1")
          assert.deepStrictEqual(yield* events, [1])
          const other = newInstance(2, 1, 1).StudyInstanceUID
          yield* TestClock.adjust("61 seconds")
          assert.deepStrictEqual(yield* settle, [other])
        }),
      )
    }).pipe(Effect.scoped),
  )
})

fresh("a study of thousands is listed page by page, and by stage", () =>
  Effect.gen(function* () {
    const ledger = yield* Ledger
    for (let n = 0; n < 24; n++) {
      const answers = yield* accept(...Array.from({ length: 100 }, (_, i) => newInstance(1, n, i)))
      yield* ledger.setAside({ ...newInstance(1, n, 0), receipt: receiptOf(answers[0]) }, "decode", `corrupt ${n}`)
    }
    yield* finish(newInstance(1, 3, 7), { embeddableFrames: 12, indexedFrames: 5 })
    const page = (offset: number, limit: number, stage?: "set-aside" | "embedded") =>
      Effect.map(
        ledger.studyStatus(study, { offset, limit, ...(stage === undefined ? {} : { stage }) }),
        Option.getOrThrow,
      )
    const pages = yield* Effect.forEach([0, 1000, 2000], (offset) => page(offset, 1000))
    assert.deepStrictEqual(
      pages.map(({ instances, remaining }) => [instances.length, remaining]),
      [
        [1000, 1400],
        [1000, 400],
        [400, 0],
      ],
    )
    const uids = pages.flatMap(({ instances }) => instances.map(({ SOPInstanceUID }) => SOPInstanceUID))
    assert.strictEqual(new Set(uids).size, 2400)
    assert.deepStrictEqual(pages[0]?.stages, {
      accepted: 2375,
      decoded: 0,
      embedded: 1,
      indexed: 0,
      "stored-only": 0,
      "set-aside": 24,
    })
    const given = yield* page(20, 10, "set-aside")
    assert.deepStrictEqual([given.instances.length, given.remaining], [4, 0])
    assert.strictEqual(given.instances[0]?.reason, "decode: corrupt 20")
    const [partly] = (yield* page(0, 10, "embedded")).instances
    assert.deepStrictEqual(partly?.frames, { embeddable: 12, indexed: 5 })
    const listed = yield* ledger.setAsideList({ StudyInstanceUID: study, stage: "decode" }, 0, 20)
    const rest = yield* ledger.setAsideList({ StudyInstanceUID: study, stage: "decode" }, listed.at(-1)!.receipt, 20)
    assert.deepStrictEqual([listed.length, rest.length], [20, 4])
    assert.lengthOf(yield* ledger.setAsideList({ stage: "embed" }, 0, 20), 0)
    assert.lengthOf(yield* ledger.setAsideList({ StudyInstanceUID: newInstance(2, 1, 1).StudyInstanceUID }, 0, 20), 0)
  }),
)

describe("an event of a version that the broker lost", () => {
  fresh("is announced again until it was matched, and not while one is still to be sent", () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      yield* accept(one)
      yield* finish(one)
      yield* quiet
      assert.deepStrictEqual(yield* events, [1])
      assert.strictEqual(yield* ledger.announceAgain(10), 0)
      yield* ledger.published((yield* ledger.outbox(1000)).map(({ sequence }) => sequence))
      // Sent, and lost there: the next one has another message id.
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* ledger.announceAgain(10), 1)
      assert.deepStrictEqual(yield* events, [1])
      yield* ledger.published((yield* ledger.outbox(1000)).map(({ sequence }) => sequence))
      yield* ledger.matched(study, 1, 0)
      assert.strictEqual(yield* ledger.announceAgain(10), 0)
    }),
  )
})
