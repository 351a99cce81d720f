// The short form of `npm run fuzz`: a few hundred damaged inputs of a fixed seed against a live gateway.
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import { underFire } from "./gateway.ts"
import { Wrong, type Live } from "./live.ts"
import { fuzz } from "./run.ts"
import { target } from "./target.ts"

const folder = mkdtempSync(join(tmpdir(), "fuzz-findings-"))
const options = { folder, seed: 20_261_124, say: () => {} }

describe("fuzz", () => {
  it.live("finds nothing in 300 inputs", () =>
    Effect.gen(function* () {
      const { live, targets } = yield* underFire({ millis: 10_000, residentBytes: 2 * 2 ** 30 })
      // Inflating hundreds of megabytes is for the long form.
      const chosen = targets.filter(({ name }) => name !== "bomb")
      const findings = yield* Effect.promise(() => fuzz(chosen, live, { ...options, runs: 300 }))
      assert.deepStrictEqual(findings, [])
    }),
  )

  it.live("would find something, and make it small", () =>
    Effect.gen(function* () {
      const calm = { healthy: () => Promise.resolve(), residentBytes: () => 0, statuses: () => new Map() }
      const broken = target("broken", 1, fc.array(fc.integer()), (numbers) =>
        numbers.some((number) => number > 9) ? Promise.reject(new Wrong("above nine")) : Promise.resolve(),
      )
      const findings = yield* Effect.promise(() => fuzz([broken], calm as unknown as Live, { ...options, runs: 200 }))
      assert.strictEqual(findings.length, 1)
      assert.strictEqual(findings[0]?.input, "[10]")
      assert.include(findings[0]?.reason, "above nine")
    }),
  )
})
