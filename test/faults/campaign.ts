// Runs faults one after the other against what an undisturbed run says.
import type { Fault, Outcome } from "./fault.ts"
import { undisturbed } from "./undisturbed.ts"

export interface CampaignOptions {
  readonly seed: number
  readonly kills: number
  readonly lanes: number
  readonly say: (line: string) => void
}

export const campaign = async (
  faults: ReadonlyArray<Fault>,
  { say, ...options }: CampaignOptions,
): Promise<ReadonlyArray<Outcome>> => {
  say(`seed ${options.seed}; faults: ${faults.map(({ name }) => name).join(", ")}`)
  const reference = await undisturbed(options.seed)
  const outcomes: Array<Outcome> = []
  const tell = (found: ReadonlyArray<Outcome>) => {
    for (const { name, rounds, violations, notes } of found) {
      const verdict = violations.length === 0 ? "nothing lost, doubled or resurrected" : "BROKEN"
      say(`${name}: ${rounds} rounds, ${verdict}`)
      for (const note of notes) say(`  ${note}`)
      for (const { kind, detail } of violations.slice(0, 20)) say(`  ${kind}: ${detail}`)
    }
    outcomes.push(...found)
  }
  tell([reference.outcome])
  if (reference.outcome.violations.length > 0) return outcomes
  for (const fault of faults) tell(await fault.run({ ...options, say, undisturbed: reference }))
  return outcomes
}
