// What each stage holds in memory beside what it may hold: the stages say, the metrics ask.
import * as Context from "effect/Context"

export interface Holding {
  /** Most bytes that the stage can come to hold, by its own bounds. */
  readonly budget: number
  readonly held: () => number
}

/** By stage; a stage that starts again takes its place anew. */
export const HeldBytes = Context.Reference<Map<string, Holding>>("gateway/workers/HeldBytes", {
  defaultValue: () => new Map(),
})
