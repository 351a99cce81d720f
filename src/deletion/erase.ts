// Deletion to its end: rows first, so that nothing shows it any more, then vectors, then files.
import * as Effect from "effect/Effect"
import type { InstanceRef } from "../domain/instance.ts"
import { Blobs } from "../ledger/Blobs.ts"
import type { DeletionCause } from "../ledger/deletions.ts"
import { Ledger, type Scope } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"

/** What follows the rows; done twice it changes nothing. */
export const eraseTraces = Effect.fnUntraced(function* (
  instances: ReadonlyArray<Pick<InstanceRef, "SOPInstanceUID" | "receipt" | "digest">>,
) {
  const ledger = yield* Ledger
  const blobs = yield* Blobs
  yield* (yield* VectorIndex).remove(instances)
  yield* Effect.forEach(
    new Set(instances.map(({ digest }) => digest)),
    (digest) => blobs.remove(digest, ledger.isNamed(digest)),
    { discard: true },
  )
})

/** Once begun it is finished, also when the caller goes away; what a crash cuts short the event finishes. */
export const erase = (scope: Scope, cause?: DeletionCause) =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const deletion = yield* (yield* Ledger).delete(scope, cause)
      if (deletion.instances.length > 0) yield* eraseTraces(deletion.instances)
      return deletion
    }),
  )
