// The request header Expect-Instances: how many distinct instances the study will have in all.
import * as Effect from "effect/Effect"
import { Ledger } from "../ledger/Ledger.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"

export const expectHeader = "expect-instances"

const most = 1_000_000

/** Undefined: not said. NaN: no such number; the same number said twice in one request is one. */
export const expectedInstances = (value: string | undefined): number | undefined => {
  if (value === undefined) return undefined
  const numbers = new Set(value.split(",").map((text) => text.trim()))
  const [text = ""] = numbers
  return numbers.size === 1 && /^[1-9][0-9]{0,6}$/.test(text) && Number(text) <= most ? Number(text) : Number.NaN
}

export const expectRefusal = { status: 400, error: `Expect-Instances is a number of instances, 1 to ${most}` } as const

/**
 * Which number to give the ledger along with a request's next instances. A request with instances of several studies
 * says nothing of any of them: what the first was given is taken back.
 */
export const makeExpecting = (expected: number | undefined) => {
  let first: StudyInstanceUID | undefined
  let several = false
  return Effect.fnUntraced(function* (studies: Iterable<StudyInstanceUID>) {
    if (expected === undefined || several) return undefined
    const before = first
    for (const study of studies) several ||= study !== (first ??= study)
    if (!several) return expected
    if (before !== undefined) yield* (yield* Ledger).expect(before, { from: "sender" })
    return undefined
  })
}
