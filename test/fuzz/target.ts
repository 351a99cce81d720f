// A target: inputs of some kind, and what must hold of each.
import type * as fc from "fast-check"
import type { Live } from "./live.ts"

export interface Target {
  readonly name: string
  /** Its part of the runs, relative to the others'. */
  readonly share: number
  readonly inputs: fc.Arbitrary<unknown>
  /** Rejects where something is wrong. */
  readonly attempt: (input: never, live: Live) => Promise<void>
  /** The input as a file to look at or to send again. */
  readonly bytes?: (input: never) => Uint8Array
}

/** Ties inputs and attempt together where they are known. */
export const target = <A>(
  name: string,
  share: number,
  inputs: fc.Arbitrary<A>,
  attempt: (input: A, live: Live) => Promise<void>,
  bytes?: (input: A) => Uint8Array,
): Target => ({ name, share, inputs, attempt, ...(bytes === undefined ? {} : { bytes }) })
