// Committed content that the ledger may not know yet stays: removal and pinning exclude each other, so that the delete of
// one copy cannot take the file from under the same bytes sent again.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Digest } from "../domain/instance.ts"

export const makePins = Effect.gen(function* () {
  const removal = yield* Semaphore.make(1)
  const pins = new Map<Digest, number>()
  /** Placements whose digest is not known yet, and what was removed while there were any, by the removal's number. */
  let placing = 0
  let removals = 0
  const removed = new Map<Digest, number>()

  /** For the life of the scope. */
  const pin = (digest: Digest): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(
      removal.withPermit(Effect.sync(() => void pins.set(digest, (pins.get(digest) ?? 0) + 1))),
      () =>
        Effect.sync(() => {
          const left = (pins.get(digest) ?? 1) - 1
          if (left === 0) pins.delete(digest)
          else pins.set(digest, left)
        }),
    )

  /** Places content that names itself, and pins it: placed again if the same bytes were removed in between. */
  const placed = <E>(place: Effect.Effect<Digest, E>): Effect.Effect<Digest, E, Scope.Scope> =>
    Effect.suspend(() => {
      const before = removals
      placing++
      return place.pipe(
        Effect.tap(pin),
        Effect.flatMap((digest) => ((removed.get(digest) ?? 0) > before ? place : Effect.succeed(digest))),
        Effect.ensuring(Effect.sync(() => --placing === 0 && removed.clear())),
      )
    })

  /** Runs `gone` unless the digest is pinned or named; answers whether it did. */
  const remove = <E, F>(digest: Digest, isNamed: Effect.Effect<boolean, E>, gone: Effect.Effect<void, F>) =>
    removal.withPermit(
      Effect.gen(function* () {
        if (pins.has(digest) || (yield* isNamed)) return false
        removals++
        if (placing > 0) removed.set(digest, removals)
        yield* gone
        return true
      }),
    )
  const isPinned = (digest: Digest): boolean => pins.has(digest)
  /** Runs alone among removals, and not while the digest is pinned. */
  const unlessPinned = <E>(digest: Digest, work: Effect.Effect<boolean, E>) =>
    removal.withPermit(Effect.suspend(() => (pins.has(digest) ? Effect.succeed(false) : work)))
  return { pin, placed, remove, isPinned, unlessPinned }
})

export type Pins = Effect.Success<typeof makePins>
