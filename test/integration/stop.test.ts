// SIGTERM in the middle of ingest and region queries: the gateway ends in order and soon, and what was stored is searchable after.
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schedule, Scope } from "effect"
import type { VerificationReport } from "../../src/api/Api.ts"
import { paint } from "../../src/demo/phantom-worker.ts"
import type { SearchAnswer } from "../../src/domain/hit.ts"
import { postJson, settled, startGateway, stowFiles, studyReady, temporaryFolder } from "../support/gateway.ts"

const batch = 8

it.live(
  "stops in order on SIGTERM, and keeps what it stored",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const data = join(dir, "data")
      const [known, arriving] = [0, 1].map((index) => paint({ index, patients: 2, dir: join(dir, "phantoms") }))
      assert.isDefined(known)
      assert.isDefined(arriving)
      const { StudyInstanceUID, SeriesInstanceUID } = known.identity
      const box = known.organs.find(({ name }) => name === "liver")?.box
      const search = { StudyInstanceUID, SeriesInstanceUID, region: { box }, k: 5 }
      const scope = yield* Effect.scope

      const gateway = yield* Scope.provide(startGateway(data), scope)
      assert.strictEqual((yield* stowFiles(gateway.url, known.files)).stored.length, known.files.length)
      yield* settled(gateway.url)

      // Both go on until the gateway answers no more.
      const [stored, found] = [yield* Ref.make<ReadonlyArray<string>>([]), yield* Ref.make(0)]
      const batches = Array.from({ length: Math.ceil(arriving.files.length / batch) }, (_, n) =>
        arriving.files.slice(n * batch, (n + 1) * batch),
      )
      const sending = yield* Effect.forEach(
        batches,
        (paths) =>
          Effect.flatMap(stowFiles(gateway.url, paths), (answer) =>
            Ref.update(stored, (uids) => [...uids, ...answer.stored]),
          ),
        { concurrency: 2, discard: true },
      ).pipe(Effect.exit, Effect.forkScoped)
      const asking = yield* postJson<SearchAnswer>(`${gateway.url}/api/regions/search`, search).pipe(
        Effect.andThen(Ref.update(found, (count) => count + 1)),
        Effect.forever,
        Effect.exit,
        (loop) => Effect.all([loop, loop, loop], { concurrency: "unbounded", discard: true }),
        Effect.forkScoped,
      )
      yield* Effect.all([Ref.get(stored), Ref.get(found)]).pipe(
        Effect.repeat({
          until: ([{ length }, answers]) => length >= arriving.files.length / 3 && answers >= 5,
          schedule: Schedule.spaced("2 millis"),
        }),
        Effect.timeout("20 seconds"),
      )
      const broker = readFileSync(join(data, "nats", "nats.pid"), "utf8").trim()
      assert.isTrue(existsSync(`/proc/${broker}`))
      yield* Effect.sync(() => process.kill(gateway.pid, "SIGTERM"))
      assert.strictEqual(yield* Effect.timeout(gateway.ended, "15 seconds"), 0)
      assert.isFalse(existsSync(`/proc/${broker}`))
      yield* Fiber.join(sending)
      yield* Fiber.join(asking)
      const promised = yield* Ref.get(stored)
      assert.isBelow(promised.length, arriving.files.length)

      const { url } = yield* Scope.provide(startGateway(data), scope)
      const status = yield* settled(url)
      assert.isAtLeast(status.instances, known.files.length + promised.length)
      assert.deepStrictEqual(status.slices, { embeddable: status.instances, indexed: status.instances })
      const study = yield* studyReady(url, arriving.identity.StudyInstanceUID)
      const searchable = study.instances.filter(({ stage }) => stage === "indexed")
      assert.includeMembers(
        searchable.map(({ SOPInstanceUID }) => String(SOPInstanceUID)),
        [...promised],
      )
      const verify = postJson<typeof VerificationReport.Type>(`${url}/api/index/verify`, {})
      // What was on its way without an answer is removed by the pass at the start, at the latest.
      yield* verify.pipe(
        Effect.filterOrFail(({ consistent }) => consistent),
        Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 50 }),
      )
      yield* stowFiles(url, arriving.files)
      assert.strictEqual((yield* settled(url)).slices.indexed, known.files.length + arriving.files.length)
      const report = yield* verify
      assert.isTrue(report.consistent, JSON.stringify(report))
      const { hits } = yield* postJson<SearchAnswer>(`${url}/api/regions/search`, search)
      assert.include(
        hits.map((hit) => String(hit.SeriesInstanceUID)),
        arriving.identity.SeriesInstanceUID,
      )
    }).pipe(Effect.scoped),
  120_000,
)
