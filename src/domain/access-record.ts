// What one access has touched, for the audit log: the rooms note it as they go, the access middleware writes it down.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** An answer may name thousands of studies; the log says when it names no more. */
export const maxStudiesNoted = 1000

/** Studies of one request, in the order of their first mention. */
export interface AccessRecord {
  readonly studies: Set<string>
}

export const CurrentAccess = Context.Reference<AccessRecord | undefined>("gateway/domain/CurrentAccess", {
  defaultValue: () => undefined,
})

/** Outside a request, as in the gateway's own streams, nothing is noted. */
export const noteStudies = (studies: Iterable<string>): Effect.Effect<void> =>
  Effect.map(CurrentAccess, (record) => {
    if (record === undefined) return
    for (const study of studies) {
      if (record.studies.size >= maxStudiesNoted) return
      record.studies.add(study)
    }
  })
