// Studies of which a store request that is still being read has brought something: they are not quiet, however slowly it comes.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { StudyInstanceUID } from "../domain/uid.ts"

/** How many requests bring something of a study now. A restart ends the requests too, so nothing of it is kept. */
export const StudiesUnderWay = Context.Reference<Map<StudyInstanceUID, number>>("gateway/ledger/StudiesUnderWay", {
  defaultValue: () => new Map(),
})

/** Holds the studies it is told of, once each, until the scope ends. */
export const holdUnderWay = Effect.gen(function* () {
  const underWay = yield* StudiesUnderWay
  const held = new Set<StudyInstanceUID>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const study of held) {
        const others = (underWay.get(study) ?? 1) - 1
        if (others === 0) underWay.delete(study)
        else underWay.set(study, others)
      }
    }),
  )
  return (study: StudyInstanceUID): void => {
    if (held.has(study)) return
    held.add(study)
    underWay.set(study, (underWay.get(study) ?? 0) + 1)
  }
})
