// `npm run test:faults [-- --kills 200 --seed N --only NAME,NAME --lanes N --mutations]`: exit code 1 when a promise was broken.
import { parseArgs } from "node:util"
import { campaign } from "./campaign.ts"
import { clockJumps } from "./clock.ts"
import { copiedFolder } from "./copied-folder.ts"
import { diskFull } from "./disk-full.ts"
import type { Fault } from "./fault.ts"
import { kills, someKills } from "./kills.ts"
import { mutate } from "./mutate.ts"
import { mutations } from "./mutations.ts"
import { partition } from "./partition.ts"
import { becomeImpatient } from "./patience.ts"
import { powerLoss } from "./power-loss/fault.ts"
import { type MutationOutcome, writeReport } from "./report.ts"
import { truncation } from "./truncation.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    lanes: { type: "string", default: "4" },
    seed: { type: "string" },
    only: { type: "string" },
    // Some faults, and a page of their own: one run of them all takes most of an hour.
    report: { type: "string" },
    mutations: { type: "boolean", default: false },
    impatient: { type: "boolean", default: false },
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
if (values.impatient) becomeImpatient()
const say = (line: string) => void process.stdout.write(`${line}\n`)
const started = performance.now()
const outcomes = values.mutations
  ? []
  : await campaign(
      faults.filter(({ name }) => names.includes(name)),
      { seed, kills: count, lanes, say },
    )
// The whole run breaks the gateway on purpose as well: a suite that notices nothing proves nothing.
const broken: Array<MutationOutcome> = []
if (values.mutations || values.only === undefined) {
  for (const mutation of mutations) {
    say(`mutation: ${mutation.broken}`)
    const outcome = await mutate(mutation, seed)
    broken.push(outcome)
    say(
      outcome.found.length === 0
        ? "  NOT NOTICED"
        : `  noticed: ${outcome.found[0]} (and ${outcome.found.length - 1} more)`,
    )
    if (outcome.found.length === 0) say(outcome.said)
  }
}
const page = values.report ?? (values.only === undefined && !values.mutations ? "report" : undefined)
if (page !== undefined) {
  const minutes = Math.round((performance.now() - started) / 6000) / 10
  const chosen = values.only === undefined ? "" : ` --only ${values.only}`
  const command = `npm run test:faults -- --kills ${count} --lanes ${lanes} --seed ${seed}${chosen}${values.mutations ? " --mutations" : ""}`
  writeReport(import.meta.dirname, page, { seed, command, minutes, outcomes, mutations: broken })
}
const kept = outcomes.every(({ violations }) => violations.length === 0)
process.exit(kept && broken.every(({ found }) => found.length > 0) ? 0 : 1)
