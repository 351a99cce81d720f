// Power loss: what was answered is on the disk, and what was deleted stays away, wherever the power is cut.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { linesOf, powerLoss } from "./power-loss/power-loss.ts"
import { cannotTrace } from "./power-loss/traced-gateway.ts"

const why = cannotTrace()
if (why !== undefined) process.stderr.write(`\nNOT TESTED: power loss, for nothing can be traced here: ${why}\n\n`)

describe.runIf(why === undefined)("a power cut", () => {
  it.live(
    "takes nothing that was promised, and would be noticed if a sync were missing",
    () =>
      Effect.gen(function* () {
        const result = yield* powerLoss({ seed: 20261124, many: 8, luckyCuts: 25, draws: 2 })
        assert.deepStrictEqual(result.losses, [], linesOf(result).join("\n"))
        // The recording is not an empty one.
        assert.isAbove(result.promises, 80)
        assert.isAbove(result.cuts, 500)
        for (const [name, losses] of Object.entries(result.mutated)) assert.isNotEmpty(losses, name)
      }),
    180_000,
  )
})
