// Runs targets; what is found is made small by fast-check and kept as a file.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as fc from "fast-check"
import type { Live } from "./live.ts"
import type { Target } from "./target.ts"

export interface Finding {
  readonly target: string
  readonly seed: number
  readonly path: string
  readonly reason: string
  readonly input: string
}

export interface FuzzOptions {
  readonly runs: number
  readonly seed: number
  /** Where failing inputs go. */
  readonly folder: string
  readonly say: (line: string) => void
}

/** Inputs between two looks at health and memory. */
const lookEvery = 20
/** Longest search for a smaller failing input. */
const shrinkMillis = 30_000

const reasonOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error))

const keep = (folder: string, target: Target, finding: Finding, input: unknown) => {
  mkdirSync(folder, { recursive: true })
  const name = `${target.name}-${finding.seed}-${finding.path.replaceAll(":", "_")}`
  writeFileSync(join(folder, `${name}.txt`), `${finding.reason}\n\n${finding.input}\n`)
  if (target.bytes !== undefined) writeFileSync(join(folder, `${name}.bin`), target.bytes(input as never))
}

const runTarget = async (target: Target, live: Live, numRuns: number, options: FuzzOptions) => {
  let count = 0
  let failedAt: number | undefined
  const property = fc.asyncProperty(target.inputs, async (input) => {
    // A failure that waits for a time-out each time must not take for ever to become smaller.
    if (failedAt !== undefined && performance.now() - failedAt > shrinkMillis) return
    try {
      await target.attempt(input as never, live)
      if (++count % lookEvery === 0) await live.healthy()
    } catch (error) {
      failedAt ??= performance.now()
      throw error
    }
  })
  const result = await fc.check(property, { numRuns, seed: options.seed })
  const after = await live.healthy().then(
    () => undefined,
    (error: unknown) => reasonOf(error),
  )
  if (!result.failed) {
    return after === undefined
      ? []
      : [{ target: target.name, seed: options.seed, path: "", reason: `afterwards ${after}`, input: "all of them" }]
  }
  const [input] = result.counterexample ?? []
  const finding: Finding = {
    target: target.name,
    seed: result.seed,
    path: result.counterexamplePath ?? "",
    reason: reasonOf(result.errorInstance),
    input: fc.stringify(input),
  }
  keep(options.folder, target, finding, input)
  return [finding]
}

export const fuzz = async (
  targets: ReadonlyArray<Target>,
  live: Live,
  options: FuzzOptions,
): Promise<ReadonlyArray<Finding>> => {
  const shares = targets.reduce((sum, { share }) => sum + share, 0)
  const findings: Array<Finding> = []
  for (const target of targets) {
    const began = performance.now()
    const numRuns = Math.max(1, Math.round((options.runs * target.share) / shares))
    const found = await runTarget(target, live, numRuns, options)
    findings.push(...found)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    const resident = Math.round(live.residentBytes() / 2 ** 20)
    const statuses = [...live.statuses()].toSorted(([a], [b]) => a - b).map(([status, times]) => `${status}×${times}`)
    const verdict = found.length === 0 ? "nothing found" : "FOUND SOMETHING"
    options.say(
      [`${target.name}: ${numRuns} inputs, ${seconds} s, ${resident} MiB, ${verdict}`, ...statuses].join("  "),
    )
    for (const { seed, path, reason } of found) options.say(`  seed ${seed}, path ${path}: ${reason.slice(0, 600)}`)
  }
  return findings
}
