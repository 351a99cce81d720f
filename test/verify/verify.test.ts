// Verification: every kind of difference is found and mended, what is lost comes back when it is sent again, and what is
// under way is no difference.
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Digest, type Receipt } from "../../src/domain/instance.ts"
import type { SOPInstanceUID } from "../../src/domain/uid.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { storage } from "../../src/recovery/storage.ts"
import { VectorIndex } from "../../src/vector-index/VectorIndex.ts"
import { Verifier, type VerifyOptions } from "../../src/verify/Verifier.ts"
import { object, remove, store } from "../recovery/archive.fixture.ts"

/** A journal that is as slow as the real one, and the stages that fill it. */
const fakeIndex = () => {
  const rows = new Map<string, { readonly SOPInstanceUID: SOPInstanceUID; readonly receipt: Receipt; frames: number }>()
  const buried = new Map<string, number>()
  const layer = Layer.mock(VectorIndex, {
    instancesAfter: (uid, limit) =>
      Effect.sync(() =>
        [...rows.values()]
          .filter(({ SOPInstanceUID }) => SOPInstanceUID > uid)
          .sort((a, b) => (a.SOPInstanceUID < b.SOPInstanceUID ? -1 : 1))
          .slice(0, limit),
      ),
    remove: (instances) =>
      Effect.sync(() =>
        instances.forEach(({ SOPInstanceUID, receipt }) => {
          buried.set(SOPInstanceUID, receipt)
          if ((rows.get(SOPInstanceUID)?.receipt ?? 0) <= receipt) rows.delete(SOPInstanceUID)
        }),
      ).pipe(Effect.delay("5 millis")),
    verify: Effect.succeed({ missing: 0, orphaned: 0 }),
  })
  /** One frame of each accepted instance, into the journal and then told to the ledger. */
  const index = Effect.gen(function* () {
    const ledger = yield* Ledger
    for (const { SOPInstanceUID, receipt, stage } of yield* ledger.instances({})) {
      if (stage !== "accepted" || (buried.get(SOPInstanceUID) ?? 0) >= receipt) continue
      rows.set(SOPInstanceUID, { SOPInstanceUID, receipt, frames: 1 })
      yield* Effect.yieldNow
      yield* ledger.progress([{ SOPInstanceUID, receipt, stage: "indexed", embeddableFrames: 1, indexedFrames: 1 }])
    }
  })
  return { layer, rows, index }
}

const verify = Effect.fnUntraced(function* (options: Partial<VerifyOptions> = {}) {
  const verifier = yield* Verifier
  yield* verifier.start({ digests: false, repair: false, ...options })
  const report = yield* verifier.report.pipe(
    Effect.repeat({ while: (found) => found?.running !== false, schedule: Schedule.spaced("20 millis") }),
  )
  return report ?? assert.fail("no report")
})

const archive = (index: ReturnType<typeof fakeIndex>) => {
  const dir = mkdtempSync(join(tmpdir(), "verify-"))
  return Verifier.layer.pipe(
    Layer.provideMerge(Layer.merge(storage(dir), index.layer)),
    Layer.merge(Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => rmSync(dir, { recursive: true }))))),
  )
}

const fileOf = Effect.fnUntraced(function* (uid: string) {
  const found = yield* (yield* Ledger).instance(uid as SOPInstanceUID)
  if (found._tag === "None") return assert.fail(`${uid} is not stored`)
  return { ...found.value, path: (yield* Blobs).path(found.value.digest) }
})

it.live("finds and mends every kind of difference; what is lost comes back when it is sent again", () => {
  const fake = fakeIndex()
  return Effect.gen(function* () {
    for (let n = 1; n <= 6; n++) yield* store(object(1, n))
    yield* fake.index
    assert.isTrue((yield* verify({ digests: true })).consistent)

    // Missing, cut, one byte other, a file of nobody, no vectors, other vectors, vectors of nobody.
    rmSync((yield* fileOf("1.1.1.1")).path)
    truncateSync((yield* fileOf("1.1.1.2")).path, 10)
    const rotten = object(1, 3)
    rotten[rotten.length - 1]! ^= 1
    writeFileSync((yield* fileOf("1.1.1.3")).path, rotten)
    const orphan = Digest.make("ab".padEnd(64, "0"))
    const { path } = yield* Blobs
    mkdirSync(dirname(path(orphan)), { recursive: true })
    writeFileSync(path(orphan), "nobody's")
    fake.rows.delete("1.1.1.4")
    fake.rows.get("1.1.1.5")!.frames = 2
    fake.rows.set("1.9", { SOPInstanceUID: "1.9" as SOPInstanceUID, receipt: 1 as Receipt, frames: 1 })

    const before = yield* verify({ digests: true })
    assert.deepInclude(before, { consistent: false, repaired: 0, instances: 6, blobsOrphaned: 1 })
    assert.deepStrictEqual<ReadonlyArray<string>>(before.blobsMissing, ["1.1.1.1"])
    assert.deepStrictEqual<ReadonlyArray<string>>(before.blobsDamaged, ["1.1.1.2", "1.1.1.3"])
    assert.deepStrictEqual<ReadonlyArray<string>>(before.framesDiffering, ["1.1.1.4", "1.1.1.5", "1.9"])
    assert.deepStrictEqual<ReadonlyArray<string>>((yield* verify()).blobsDamaged, ["1.1.1.2"])

    yield* verify({ digests: true, repair: true })
    assert.isFalse(fake.rows.has("1.9"))
    yield* fake.index
    fake.rows.get("1.1.1.5")!.frames = 1
    const mended = yield* verify({ digests: true, repair: true })
    assert.deepInclude(mended, { consistent: false, repaired: 0, blobsOrphaned: 0, framesDiffering: [] })
    assert.deepStrictEqual<ReadonlyArray<string>>(mended.blobsMissing, ["1.1.1.1", "1.1.1.2", "1.1.1.3"])
    assert.match((yield* fileOf("1.1.1.2")).reason ?? "", /^blob: its file is damaged/)
    assert.strictEqual((yield* (yield* Verifier).drift)["blob-missing"], 3)

    for (let n = 1; n <= 3; n++) assert.strictEqual(yield* store(object(1, n)), "Duplicate")
    assert.strictEqual((yield* fileOf("1.1.1.1")).stage, "accepted")
    yield* fake.index
    assert.deepInclude(yield* verify({ digests: true }), { consistent: true, instances: 6 })
  }).pipe(Effect.provide(archive(fake)))
})

it.live(
  "calls nothing a difference that is under way, and repairs nothing of it",
  () => {
    const fake = fakeIndex()
    return Effect.gen(function* () {
      const ledger = yield* Ledger
      const index = yield* VectorIndex
      const work = Effect.forEach(
        [1, 2, 3, 4],
        (study) =>
          Effect.gen(function* () {
            for (let n = 1; n <= 60; n++) {
              yield* store(object(study, n))
              if (n % 3 > 0) continue
              const found = yield* ledger.instance(`1.${study}.1.${n - 1}` as SOPInstanceUID)
              yield* remove(`1.${study}.1.${n - 1}`)
              if (found._tag === "Some") yield* index.remove([found.value])
              if (n % 2 === 0) yield* store(object(study, n - 1))
            }
          }),
        { concurrency: "unbounded", discard: true },
      )
      const indexing = yield* Effect.forkChild(Effect.forever(Effect.delay(fake.index, "2 millis")))
      const working = yield* Effect.forkChild(work)
      let passes = 0
      while (working.pollUnsafe() === undefined) {
        const report = yield* verify({ digests: true, repair: passes % 2 === 0 })
        assert.isTrue(report.consistent, JSON.stringify(report))
        assert.strictEqual(report.repaired, 0, JSON.stringify(report))
        passes++
      }
      yield* Fiber.join(working)
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(indexing)
      yield* fake.index
      assert.isAbove(passes, 1)
      const report = yield* verify({ digests: true })
      assert.deepInclude(report, { consistent: true, instances: 4 * (60 - 10) })
    }).pipe(Effect.provide(archive(fake)))
  },
  60_000,
)
