// Files that no instance names: what a crash between file and row leaves, or a ledger that was put back.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Digest } from "../domain/instance.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"

/** Kept while they are looked at again; more are found by the next verification. */
const most = 10_000
/** A store request's bytes are named a moment after they are there; a delete's go a moment after their row. */
const underWay = ["500 millis", "2 seconds"] as const

const isOrphan = Effect.fnUntraced(function* (digest: Digest) {
  const blobs = yield* Blobs
  if ((yield* blobs.isPinned(digest)) || (yield* (yield* Ledger).isNamed(digest))) return false
  return (yield* blobs.size(digest)) !== undefined
})

export const orphanedBlobs = Effect.gen(function* () {
  let found: ReadonlyArray<Digest> = yield* (yield* Blobs).list.pipe(
    Stream.filterEffect(isOrphan),
    Stream.take(most),
    Stream.runCollect,
  )
  for (const pause of underWay) {
    if (found.length === 0) return found
    yield* Effect.sleep(pause)
    found = yield* Effect.filter(found, isOrphan)
  }
  return found
})
