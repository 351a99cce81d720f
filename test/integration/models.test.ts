// Change of model while the gateway serves: filled beside it, fed, deleted from, compared, switched to, and back.
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schedule, Scope } from "effect"
import type { VerificationReport } from "../../src/api/Api.ts"
import { paint } from "../../src/demo/phantom-worker.ts"
import type { Alert } from "../../src/domain/alert.ts"
import type { ModelComparison, ModelSwitch } from "../../src/domain/model.ts"
import {
  getJson,
  postJson,
  settled,
  startGateway,
  stow,
  stowFiles,
  studyReady,
  temporaryFolder,
} from "../support/gateway.ts"
import { ctVolume, identity } from "../support/volumes.ts"
import { complete, models, other, post, search, tinyPreset } from "./models.fixture.ts"

const remove = (url: string, path: string) =>
  Effect.promise(() => fetch(`${url}${path}`, { method: "DELETE" }).then(({ status }) => status))

it.live(
  "another model is filled, fed, compared, switched to and rolled back, and nothing is lost or mixed on the way",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const preset = tinyPreset(dir)
      const [first, second] = [0, 1].map((index) => paint({ index, patients: 2, dir: join(dir, "phantoms") }))
      const small = identity("doomed")
      const late = identity("late")
      const { url } = yield* startGateway(join(dir, "data"))
      yield* stowFiles(url, [...first!.files.slice(0, 24), ...second!.files.slice(0, 24)])
      yield* stow(url, ctVolume(small))
      yield* settled(url)
      for (const { StudyInstanceUID } of [first!.identity, second!.identity, small])
        yield* studyReady(url, StudyInstanceUID)
      const rule = (of: { readonly StudyInstanceUID: string; readonly SeriesInstanceUID: string }) => ({
        StudyInstanceUID: of.StudyInstanceUID,
        SeriesInstanceUID: of.SeriesInstanceUID,
        label: "rule",
        threshold: -1,
      })
      for (const [id, of] of [
        ["stays", first!.identity],
        ["source-gone", small],
      ] as const) {
        yield* getJson(`${url}/api/standing-regions/${id}`, {
          method: "PUT",
          body: JSON.stringify(rule(of)),
          headers: { "content-type": "application/json" },
        })
      }
      const before = yield* search(url, first!.identity)
      assert.include(before.model, "mobilenet-v1-025")
      assert.isAtLeast(before.hits.length, 1)

      // Nothing to switch to, nothing to go back to, and what does not exist is said.
      assert.strictEqual((yield* post(url, "/api/models/switch", {})).status, 409)
      assert.strictEqual((yield* post(url, "/api/models/rollback", {})).status, 409)
      assert.strictEqual((yield* post(url, "/api/models/shadow", { preset: "no-such-preset" })).status, 400)
      assert.strictEqual((yield* post(url, "/api/models/drop", { preset: "mobilenet-v1-025" })).status, 409)

      // Filled while a study arrives and another one goes; its source goes with it.
      const [shadowed] = yield* Effect.all(
        [
          post(url, "/api/models/shadow", { preset }),
          stow(url, ctVolume(late)),
          remove(url, `/dicomweb/studies/${small.StudyInstanceUID}`),
        ],
        { concurrency: "unbounded" },
      )
      assert.strictEqual(shadowed.status, 200, JSON.stringify(shadowed.body))
      assert.strictEqual((yield* search(url, first!.identity)).model, before.model)
      const status = yield* settled(url)
      assert.strictEqual(status.slices.indexed, 54)
      const filled = yield* complete(url, 54)
      assert.strictEqual(filled?.role, "shadow")
      const present = yield* search(url, first!.identity)
      const metrics = yield* Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text()))
      assert.match(metrics, /gateway_model_slices\{model="tiny-[0-9a-f]{8}",role="shadow"\} 54/)

      const compared = yield* postJson<ModelComparison>(`${url}/api/models/compare`, { samples: 4, k: 5, seed: 7 })
      assert.strictEqual(compared.n, 4)
      assert.isAtLeast(compared.seriesRecall.mean, compared.seriesRecall.low)
      assert.deepStrictEqual(compared.slices, { held: 54, of: 54 })

      // Searches of the moment end with the model they began with, and each says which.
      const asked = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 20 }), () => search(url, first!.identity)),
        { startImmediately: true },
      )
      const switched = yield* postJson<ModelSwitch>(`${url}/api/models/switch`, {})
      const answers = yield* Fiber.join(asked)
      assert.strictEqual(switched.before, before.model)
      assert.deepStrictEqual(switched.standingRegionsWithout, ["source-gone"])
      const after = yield* search(url, first!.identity)
      assert.strictEqual(after.model, switched.serving)
      for (const answer of answers) assert.deepStrictEqual(answer, answer.model === before.model ? present : after)
      assert.isTrue((yield* postJson<typeof VerificationReport.Type>(`${url}/api/index/verify`, {})).consistent)
      const gone = yield* getJson<{ readonly notMatched?: string }>(`${url}/api/standing-regions/source-gone`)
      assert.include(gone.notMatched, switched.serving)
      assert.notProperty(yield* getJson(`${url}/api/standing-regions/stays`), "notMatched")

      // There and back: the answers are those of before, to the last digit.
      yield* postJson<ModelSwitch>(`${url}/api/models/rollback`, {})
      assert.deepStrictEqual(yield* search(url, first!.identity), present)
      yield* postJson<ModelSwitch>(`${url}/api/models/switch`, {})
      assert.deepStrictEqual(yield* search(url, first!.identity), after)

      // What arrives now is alerted on by the rule's new vectors, and reaches the model that does not serve as well.
      yield* stowFiles(url, second!.files.slice(24, 34))
      yield* settled(url)
      yield* studyReady(url, second!.identity.StudyInstanceUID)
      yield* getJson<ReadonlyArray<Alert>>(`${url}/api/alerts`).pipe(
        Effect.filterOrFail((alerts) => alerts.some(({ standingRegion }) => standingRegion === "stays")),
        Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 100 }),
      )
      assert.strictEqual(yield* remove(url, `/dicomweb/studies/${late.StudyInstanceUID}`), 204)
      yield* complete(url, 58)
      const back = yield* postJson<ModelSwitch>(`${url}/api/models/rollback`, {})
      assert.strictEqual(back.serving, before.model)
      assert.deepStrictEqual(back.standingRegionsWithout, [])
      const again = yield* search(url, first!.identity, { slices: { from: 4, to: 12 } })
      assert.strictEqual(again.model, before.model)
      assert.deepStrictEqual(
        again.hits.map(({ SeriesInstanceUID }) => SeriesInstanceUID),
        [second!.identity.SeriesInstanceUID],
      )
      assert.isTrue((yield* postJson<typeof VerificationReport.Type>(`${url}/api/index/verify`, {})).consistent)

      assert.strictEqual((yield* post(url, "/api/models/drop", { preset })).status, 200)
      assert.strictEqual(yield* other(url), undefined)
      assert.deepStrictEqual(readdirSync(join(dir, "data", "index")), [before.model])
    }).pipe(Effect.scoped),
  240_000,
)

it.live(
  "killed while a model is filled and while it is switched, exactly one serves and nothing is missing",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const data = join(dir, "data")
      const preset = tinyPreset(dir)
      const { identity: painted, ...phantom } = paint({ index: 0, patients: 1, dir: join(dir, "phantoms") })
      const files = phantom.files.slice(0, 64)
      const scope = yield* Effect.scope
      const start = Scope.provide(startGateway(data), scope)
      const gateway = yield* Ref.make(yield* start)
      const kill = Effect.gen(function* () {
        const { pid, ended } = yield* Ref.get(gateway)
        process.kill(pid, "SIGKILL")
        yield* ended
        yield* Ref.set(gateway, yield* start)
        return (yield* Ref.get(gateway)).url
      })
      let { url } = yield* Ref.get(gateway)
      yield* stowFiles(url, files)
      yield* settled(url)
      const known = (yield* models(url)).serving

      yield* post(url, "/api/models/shadow", { preset })
      yield* other(url).pipe(
        Effect.filterOrFail((found) => (found?.slices.held ?? 0) > 0),
        Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 5000 }),
      )
      url = yield* kill
      assert.strictEqual((yield* models(url)).serving, known)
      yield* complete(url, files.length)

      // Killed at some moment of the switch: before or after its commit, never between.
      for (const wait of [0, 10, 40]) {
        const { serving } = yield* models(url)
        yield* complete(url, files.length)
        const switching = yield* Effect.forkChild(
          Effect.ignore(Effect.tryPromise(() => fetch(`${url}/api/models/switch`, { method: "POST" }))),
          { startImmediately: true },
        )
        yield* Effect.sleep(wait)
        url = yield* kill
        yield* Fiber.join(switching)
        const now = yield* models(url)
        assert.lengthOf(now.models, 2)
        assert.deepStrictEqual(
          now.models.map(({ role }) => role === "serving"),
          [true, false],
        )
        assert.include([serving, now.models[1]!.id], now.serving)
        const found = yield* search(url, painted)
        assert.strictEqual(found.model, now.serving)
        const report = yield* postJson<typeof VerificationReport.Type>(`${url}/api/index/verify`, {})
        assert.isTrue(report.consistent, JSON.stringify(report))
      }
      assert.isTrue(existsSync(join(data, "index", known)))
    }).pipe(Effect.scoped),
  240_000,
)
