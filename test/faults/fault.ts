// What a fault of the suite is, and what is told of it.
import { type Counts, makePromises, type Violation } from "./promises.ts"
import type { Scene } from "./scene.ts"
import type { Undisturbed } from "./undisturbed.ts"

export interface Campaign {
  readonly seed: number
  readonly undisturbed: Undisturbed
  /** Random kills of the kill campaign. */
  readonly kills: number
  /** Archives attacked at the same time. */
  readonly lanes: number
  readonly say: (line: string) => void
}

export interface Outcome {
  readonly name: string
  readonly rounds: number
  /** How often what was broken. */
  readonly broken: Readonly<Record<string, number>>
  readonly counts: Counts
  readonly startMillis: ReadonlyArray<number>
  readonly searchableMillis: ReadonlyArray<number>
  readonly violations: ReadonlyArray<Violation>
  /** What else there is to say; a fault that this machine does not allow says so here. */
  readonly notes: ReadonlyArray<string>
}

export interface Fault {
  readonly name: string
  readonly run: (campaign: Campaign) => Promise<ReadonlyArray<Outcome>>
}

export const outcomeOf = (
  name: string,
  { promises, times, folder }: Pick<Scene, "promises" | "times" | "folder">,
  told: Partial<Pick<Outcome, "rounds" | "broken" | "notes">>,
): Outcome => ({
  name,
  rounds: told.rounds ?? 1,
  broken: told.broken ?? {},
  counts: promises.counts,
  startMillis: times.start,
  searchableMillis: times.searchable,
  violations: promises.violations,
  notes: [
    ...(told.notes ?? []),
    ...(promises.violations.length > 0 && folder !== "" ? [`the folder is kept: ${folder}`] : []),
  ],
})

/** This machine does not let us: told, loudly, and never taken for a success. */
export const notPossible = (name: string, why: string): Outcome =>
  outcomeOf(
    name,
    { promises: makePromises(), times: { start: [], searchable: [] }, folder: "" },
    { rounds: 0, notes: [`NOT RUN: ${why}`] },
  )
