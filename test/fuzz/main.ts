// `npm run fuzz [-- --runs N --seed S --only NAME --out FOLDER]`: exit code 1 when something was found.
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { underFire } from "./gateway.ts"
import { fuzz } from "./run.ts"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string" },
    only: { type: "string" },
    out: { type: "string", default: "fuzz-findings" },
  },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
const runs = Number(values.runs)
if (!Number.isInteger(seed) || !Number.isInteger(runs) || runs < 1) {
  process.stderr.write("--runs and --seed are whole numbers\n")
  process.exit(2)
}
const say = (line: string) => process.stdout.write(`${line}\n`)

const findings = await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const { live, targets } = yield* underFire({ millis: 10_000, residentBytes: 2 * 2 ** 30 })
      const chosen = targets.filter(({ name }) => values.only === undefined || values.only.split(",").includes(name))
      say(`${runs} inputs, seed ${seed}; targets: ${chosen.map(({ name }) => name).join(", ")}`)
      return yield* Effect.promise(() => fuzz(chosen, live, { runs, seed, folder: resolve(values.out), say }))
    }),
  ),
)
say(findings.length === 0 ? "nothing found" : `${findings.length} found; see ${values.out}`)
process.exit(findings.length === 0 ? 0 : 1)
