// Room on the disks: what must stay free, what running requests have announced, and when receiving may begin again.
import * as Effect from "effect/Effect"
import { Blobs, type BlobError } from "../ledger/Blobs.ts"
import { diskFull, type Halt } from "./receive.ts"

/** Once short of room, a tenth more than must stay free is waited for: or the door would open and close with each file. */
const margin = 0.1

type Look = Effect.Effect<void, Halt | BlobError, Blobs>

/** What one request has announced and not written yet. */
export interface Kept {
  readonly wrote: (bytes: number) => void
  /** Fails when the disks have less left than they must. */
  readonly look: Look
}

/** One for all requests. `minFreeBytes`: of whatever disk has least. */
export const makeRoom = (minFreeBytes: number) => {
  let short = false
  /** Of all requests under way. */
  let expected = 0
  const look = (bytes: number): Look =>
    Effect.flatMap(
      Effect.flatMap(Blobs, (blobs) => blobs.free),
      (free) => {
        // What one request is too large for is room enough for another.
        if (free < minFreeBytes) short = true
        else if (free >= minFreeBytes * (1 + margin)) short = false
        return short || free - bytes < minFreeBytes ? Effect.fail(diskFull) : Effect.void
      },
    )
  return {
    isShort: () => short,
    /** Fails at once when there is no room for what the request announces. */
    within: <A, E, R>(announced: number, request: (kept: Kept) => Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        let left = announced
        const wrote = (bytes: number) => {
          const less = Math.min(left, bytes)
          left -= less
          expected -= less
        }
        return Effect.acquireUseRelease(
          Effect.andThen(
            Effect.suspend(() => look(expected + announced)),
            Effect.sync(() => void (expected += announced)),
          ),
          () => request({ wrote, look: look(0) }),
          () => Effect.sync(() => wrote(left)),
        )
      }),
  }
}
