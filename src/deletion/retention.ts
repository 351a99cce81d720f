// The retention rule: which studies go next and why, and one pass that deletes them.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RetentionSettings } from "../config/retention-settings.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { type OldStudy, youngestArrival } from "../ledger/retention.ts"
import { erase } from "./erase.ts"

export type RetentionRule = Pick<
  RetentionSettings,
  "maxAgeDays" | "ageFrom" | "belowFreeBytes" | "untilFreeBytes" | "studiesPerPass"
>

export interface Doomed extends OldStudy {
  readonly why: "age" | "disk"
}

const day = 86_400_000

export const isEnabled = ({ maxAgeDays, belowFreeBytes }: RetentionRule): boolean =>
  maxAgeDays > 0 || belowFreeBytes > 0

/** The oldest first, no more than a pass deletes. By age those that are old enough; on a full disk as many as make room. */
export const doomed = Effect.fnUntraced(function* (rule: RetentionRule) {
  const { maxAgeDays, ageFrom, belowFreeBytes, untilFreeBytes, studiesPerPass } = rule
  const ledger = yield* Ledger
  const freeBytes = yield* (yield* Blobs).free
  const short = belowFreeBytes > 0 && freeBytes < belowFreeBytes
  if (!short && maxAgeDays === 0) return { freeBytes, studies: [] }
  const maxAge = maxAgeDays * day
  // By date, a study of long ago that came just now was wanted by somebody. A full disk knows no such mercy.
  const sinceArrival = ageFrom === "study-date" && !short ? youngestArrival : 0
  const oldest = yield* ledger.oldest(ageFrom, { age: short ? 0 : maxAge, sinceArrival }, studiesPerPass)
  const now = yield* Clock.currentTimeMillis
  let free = freeBytes
  const studies: Array<Doomed> = []
  for (const study of oldest) {
    const aged = maxAgeDays > 0 && study.since <= now - maxAge
    if (!aged && !(short && free < untilFreeBytes)) break
    studies.push({ ...study, why: aged ? "age" : "disk" })
    free += study.bytes
  }
  return { freeBytes, studies }
})

/** Deletes what is doomed; a study that was opened again or held meanwhile stays. Answers those that went. */
export const retentionPass = Effect.fn("retention.pass")(function* (rule: RetentionRule) {
  const { studies } = yield* doomed(rule)
  const gone = yield* Effect.forEach(studies, (study) =>
    Effect.map(erase({ StudyInstanceUID: study.StudyInstanceUID }, "retention"), ({ instances }) =>
      instances.length === 0 ? [] : [study],
    ),
  )
  return gone.flat()
})
