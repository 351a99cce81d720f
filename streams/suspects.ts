// Studies of which an item hung or killed its decode thread. What else there is of them goes through a lane of its own,
// one at a time, so that a study full of poison costs others one thread at the most.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { StudyInstanceUID } from "../src/domain/uid.ts"

/** The longest suspected is forgotten first. */
const most = 1000

/** Without another bad item for so long, a study is like any other. */
const forgivenMillis = 10 * 60_000

export const makeSuspects = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const since = new Map<StudyInstanceUID, number>()
  const watching = new Map<() => void, StudyInstanceUID>()
  const has = (study: StudyInstanceUID): boolean => {
    const at = since.get(study)
    if (at === undefined) return false
    if (clock.currentTimeMillisUnsafe() - at < forgivenMillis) return true
    since.delete(study)
    return false
  }
  return {
    has,
    add: (study: StudyInstanceUID): void => {
      since.delete(study)
      since.set(study, clock.currentTimeMillisUnsafe())
      for (const oldest of since.keys()) {
        if (since.size <= most) break
        since.delete(oldest)
      }
      for (const [tell, watched] of watching) if (watched === study) tell()
    },
    /** Ends when the study is suspected. */
    becomes: (study: StudyInstanceUID): Effect.Effect<void> =>
      Effect.callback((resume) => {
        if (has(study)) return resume(Effect.void)
        const tell = () => resume(Effect.void)
        watching.set(tell, study)
        return Effect.sync(() => watching.delete(tell))
      }),
  }
})
