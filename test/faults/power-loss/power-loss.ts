// The whole test: a recording, cuts everywhere, and the same judge on recordings whose syncs were taken away.
import { Effect } from "effect"
import { mutations } from "./mutations.ts"
import { record } from "./recording.ts"
import { type Findings, replay } from "./replay.ts"

export interface PowerLossOptions {
  readonly seed: number
  /** Instances sent one by one in the gateway's second life. */
  readonly many: number
  /** Cuts at which luck decides about what is not synced: each of the extremes, and so many draws. */
  readonly luckyCuts: number
  readonly draws: number
}

export interface PowerLossResult extends Findings {
  readonly steps: number
  /** What each mutation lost; none is a judge that sees nothing. */
  readonly mutated: Readonly<Record<string, ReadonlyArray<string>>>
}

export const powerLoss = ({ seed, many, luckyCuts, draws }: PowerLossOptions) =>
  Effect.gen(function* () {
    const recording = yield* record(many)
    const every = Math.max(1, Math.floor(recording.steps.length / luckyCuts))
    const findings = yield* replay(recording, { every, draws, seed })
    const mutated = yield* Effect.forEach(Object.entries(mutations), ([name, mutate]) =>
      Effect.map(replay(mutate(recording), { stopAfter: 1 }), ({ losses }) => [name, losses] as const),
    )
    return {
      ...findings,
      steps: recording.steps.length,
      mutated: Object.fromEntries(mutated),
    } satisfies PowerLossResult
  })

/** For a report. */
export const linesOf = ({ steps, cuts, drawn, checked, promises, losses, mutated }: PowerLossResult) => [
  `${steps} steps recorded, ${promises} promises given; ${cuts} power cuts, in ${drawn} of them luck decided; ${checked} promises checked; ${losses.length} losses`,
  ...losses,
  ...Object.entries(mutated).map(([name, found]) => `${name}: ${found[0] ?? "NOT NOTICED"}`),
]
