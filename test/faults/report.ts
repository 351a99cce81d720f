// The report of a long run: JSON for machines, Markdown for people; written by the run itself.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { machine } from "../../src/benchmark/machine.ts"
import type { Outcome } from "./fault.ts"
import { boxTolerance, scoreTolerance } from "./searches.ts"

export interface MutationOutcome {
  readonly name: string
  readonly broken: string
  readonly fault: string
  /** What the suite said of it; none when it did not notice. */
  readonly found: ReadonlyArray<string>
  /** All that the run said. */
  readonly said: string
}

export interface Told {
  readonly seed: number
  readonly command: string
  readonly minutes: number
  readonly outcomes: ReadonlyArray<Outcome>
  readonly mutations: ReadonlyArray<MutationOutcome>
}

const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)
const quantile = (sorted: ReadonlyArray<number>, q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
const spread = (millis: ReadonlyArray<number>) => {
  const sorted = millis.toSorted((a, b) => a - b).map((value) => Math.round(value / 100) / 10)
  return { count: sorted.length, p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), max: sorted.at(-1) ?? 0 }
}
type Spread = ReturnType<typeof spread>

const zeroes = ["lost", "altered", "doubled", "resurrected", "refused", "stuck", "inconsistent", "different"] as const
const violationsOf = (outcomes: ReadonlyArray<Outcome>) =>
  Object.fromEntries(
    zeroes.map((kind) => [
      kind,
      sum(outcomes.map(({ violations }) => violations.filter((v) => v.kind === kind).length)),
    ]),
  )

const totalled = (outcomes: ReadonlyArray<Outcome>) => {
  const broken: Record<string, number> = {}
  for (const outcome of outcomes)
    for (const [what, count] of Object.entries(outcome.broken)) broken[what] = (broken[what] ?? 0) + count
  const count = (of: keyof Outcome["counts"]) => sum(outcomes.map(({ counts }) => counts[of]))
  return {
    rounds: sum(outcomes.map(({ rounds }) => rounds)),
    broken,
    answered: count("answered"),
    resent: count("resent"),
    deleted: count("deleted"),
    unanswered: count("unanswered"),
    violations: violationsOf(outcomes),
    startSeconds: spread(outcomes.flatMap(({ startMillis }) => startMillis)),
    searchableSeconds: spread(outcomes.flatMap(({ searchableMillis }) => searchableMillis)),
  }
}

const said = ({ p50, p95, max }: Spread) => `${p50} / ${p95} / ${max}`
const listed = (broken: Readonly<Record<string, number>>) =>
  Object.entries(broken)
    .map(([what, count]) => `${what} ${count}`)
    .join(", ")

const markdown = (told: Told, machine: string, date: string) => {
  const all = totalled(told.outcomes)
  const v = all.violations
  const rows = told.outcomes.map((outcome) => {
    const { counts, startSeconds, searchableSeconds, ...of } = { counts: outcome.counts, ...totalled([outcome]) }
    const bad = sum(Object.values(of.violations))
    return `| ${outcome.name} | ${of.rounds} | ${listed(outcome.broken)} | ${counts.answered} | ${counts.resent} | ${counts.deleted} | ${said(startSeconds)} | ${said(searchableSeconds)} | ${bad} |`
  })
  const notes = told.outcomes.flatMap(({ name, notes }) => notes.map((note) => `- ${name}: ${note}`))
  const wrong = told.outcomes.flatMap(({ name, violations }) =>
    violations.map(({ kind, detail }) => `- ${name}: **${kind}**: ${detail}`),
  )
  const mutations = told.mutations.map(
    ({ name, broken, fault, found }) =>
      `| ${name} | ${broken} | ${fault} | ${found.length === 0 ? "**NOT NOTICED**" : found.slice(0, 2).join("; ")} |`,
  )
  return [
    "# Fault run",
    "",
    `Written by \`${told.command}\`, never by hand. Seed ${told.seed}; ${date}; ${machine}; ${told.minutes} minutes.`,
    "",
    `Lost ${v["lost"]}, altered ${v["altered"]}, doubled ${v["doubled"]}, resurrected ${v["resurrected"]}, search results different ${v["different"]}, stuck ${v["stuck"]}, refused ${v["refused"]}, inconsistent ${v["inconsistent"]}.`,
    "",
    `Instances answered as stored ${all.answered}, of these sent again after a delete ${all.resent}; deleted ${all.deleted}; requests without an answer, sent again ${all.unanswered}. Broken: ${listed(all.broken)}.`,
    "",
    `Seconds from start to ready (p50 / p95 / max): ${said(all.startSeconds)}; from the last fault of a round to all of it searchable and verified: ${said(all.searchableSeconds)}.`,
    "",
    "| fault | rounds | broken | answered | sent again | deleted | ready, s | searchable, s | violations |",
    "|---|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    `After each round: every instance answered as stored is retrieved byte for byte, nothing else is in QIDO, each frame is in the journal once (its rows counted on disk), \`verify\` is consistent, 15 region searches give the hits of an undisturbed run (scores within ${scoreTolerance}, edges within ${boxTolerance.toFixed(1)} mm), every study that matches the standing region has its alert, none twice for a version.`,
    ...(notes.length > 0 ? ["", ...notes] : []),
    ...(wrong.length > 0 ? ["", "## What was broken", "", ...wrong] : []),
    ...(mutations.length > 0
      ? [
          "",
          "## The same suite on a gateway broken on purpose",
          "",
          "| mutation | what it takes away | fault | what the suite said |",
          "|---|---|---|---|",
          ...mutations,
        ]
      : []),
    "",
  ].join("\n")
}

/** Only the file names are fixed; what is in them is what happened. */
export const writeReport = (folder: string, name: string, told: Told): void => {
  const date = new Date().toISOString().slice(0, 16).replace("T", " ")
  const json = {
    seed: told.seed,
    command: told.command,
    date,
    machine: machine(),
    minutes: told.minutes,
    total: totalled(told.outcomes),
    faults: told.outcomes.map((outcome) => ({ name: outcome.name, ...totalled([outcome]), notes: outcome.notes })),
    violations: told.outcomes.flatMap(({ name, violations }) =>
      violations.map((violation) => ({ name, ...violation })),
    ),
    mutations: told.mutations.map(({ name, broken, fault, found }) => ({ name, broken, fault, found })),
  }
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(json, undefined, 2)}\n`)
  writeFileSync(join(folder, `${name}.md`), markdown(told, machine(), date))
}
