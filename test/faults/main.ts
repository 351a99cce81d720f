// `npm run test:faults [-- --kills 200 --seed N --only NAME,NAME --lanes N]`: exit code 1 when a promise was broken.
import { parseArgs } from "node:util"
import { campaign } from "./campaign.ts"
import { clockJumps } from "./clock.ts"
import { copiedFolder } from "./copied-folder.ts"
import { diskFull } from "./disk-full.ts"
import type { Fault } from "./fault.ts"
import { kills, someKills } from "./kills.ts"
import { partition } from "./partition.ts"
import { powerLoss } from "./power-loss/fault.ts"
import { writeReport } from "./report.ts"
import { truncation } from "./truncation.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    lanes: { type: "string", default: "4" },
    seed: { type: "string" },
    only: { type: "string" },
  },
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
const [count, lanes] = [Number(values.kills), Number(values.lanes)]
if (![seed, count, lanes].every(Number.isInteger) || count < 1 || lanes < 1) {
  process.stderr.write("--kills, --lanes and --seed are whole numbers\n")
  process.exit(2)
}
const long: ReadonlyArray<Fault> = [kills, diskFull, partition, clockJumps, truncation, copiedFolder, powerLoss]
const faults = [...long, someKills]
const names = values.only?.split(",") ?? long.map(({ name }) => name)
const unknown = names.filter((name) => !faults.some((fault) => fault.name === name))
if (unknown.length > 0) {
  process.stderr.write(`no fault ${unknown.join(", ")}; there are ${faults.map(({ name }) => name).join(", ")}\n`)
  process.exit(2)
}
const started = performance.now()
const outcomes = await campaign(
  faults.filter(({ name }) => names.includes(name)),
  { seed, kills: count, lanes, say: (line) => void process.stdout.write(`${line}\n`) },
)
if (values.only === undefined) {
  writeReport(import.meta.dirname, {
    seed,
    command: `npm run test:faults -- --kills ${count} --lanes ${lanes} --seed ${seed}`,
    minutes: Math.round((performance.now() - started) / 6000) / 10,
    outcomes,
    mutations: [],
  })
}
process.exit(outcomes.every(({ violations }) => violations.length === 0) ? 0 : 1)
