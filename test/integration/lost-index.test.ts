// The index folder is gone, or another model asks for its own: the stored bytes fill it again.
import { rmSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Schedule, Scope } from "effect"
import type { VerificationReport } from "../../src/api/Api.ts"
import { paint } from "../../src/demo/phantom-worker.ts"
import type { GatewayStatus } from "../../src/domain/study.ts"
import { getJson, postJson, settled, startGateway, stowFiles, temporaryFolder } from "../support/gateway.ts"

it.live(
  "a lost index is made anew from the stored files at the next start",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const data = join(dir, "data")
      const files = paint({ index: 0, patients: 1, dir: join(dir, "phantoms") }).files.slice(0, 40)
      yield* Effect.gen(function* () {
        const { url } = yield* startGateway(data)
        yield* stowFiles(url, files)
        assert.strictEqual((yield* settled(url)).slices.indexed, files.length)
      }).pipe(Effect.scoped)

      rmSync(join(data, "index"), { recursive: true })
      const { url } = yield* Scope.provide(startGateway(data), yield* Effect.scope)
      // The pass at start may not have begun when the first status is asked for: the journal's growth is the sign.
      yield* getJson<GatewayStatus>(`${url}/api/status`).pipe(
        Effect.filterOrFail(({ indexSequence, slices }) => indexSequence > 0 && slices.indexed === files.length),
        Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 400 }),
      )
      yield* settled(url)
      const report = yield* postJson<typeof VerificationReport.Type>(`${url}/api/index/verify`, {})
      assert.isTrue(report.consistent, JSON.stringify(report))
    }).pipe(Effect.scoped),
  240_000,
)
