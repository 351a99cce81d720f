// A gateway to be shot at, with one series in it.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { stow } from "../support/gateway.ts"
import { ctVolume, identity } from "../support/volumes.ts"
import { bodyTargets } from "./bodies.target.ts"
import { fileTargets } from "./files.target.ts"
import { live, type Limits } from "./live.ts"
import { requestTargets } from "./requests.target.ts"

/** Its folder stays when something was found: the log is there. */
export const underFire = Effect.fnUntraced(function* (limits: Limits) {
  const data = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-fuzz-"))),
    (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })),
  )
  const { url, pid } = yield* childGateway(data)
  const of = identity("fuzz")
  const { stored } = yield* stow(url, ctVolume(of, 3))
  const series = { study: of.StudyInstanceUID, series: of.SeriesInstanceUID, instance: stored[0]! }
  return {
    live: live(url, pid, limits),
    targets: [...fileTargets, ...requestTargets(series), ...bodyTargets(series)],
  }
})
