// Seeded decisions of the fault suite: what is sent, deleted and broken, and when.
import { randomOf } from "../../src/phantom/random.ts"

export interface Dice {
  /** Uniform in [0, 1). */
  readonly roll: () => number
  /** A whole number from `low` to `high`, ends included. */
  readonly between: (low: number, high: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(from: ReadonlyArray<A>) => A
  /** Dice of their own, so that what one sender throws does not depend on the others' pace. */
  readonly of: (name: string) => Dice
}

const mixed = (seed: number, name: string) => {
  let hash = seed ^ 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

export const dice = (seed: number): Dice => {
  const roll = randomOf(seed)
  const between = (low: number, high: number) => low + Math.floor(roll() * (high - low + 1))
  return {
    roll,
    between,
    chance: (probability) => roll() < probability,
    pick: (from) => from[between(0, from.length - 1)]!,
    of: (name) => dice(mixed(seed, name)),
  }
}

export const wait = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))
