// Before anything is searched: the index hears of every deletion that it may not know. The event of one may have been lost,
// or the index folder is an older copy than the ledger.
import * as Effect from "effect/Effect"
import { Ledger } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"

/** Deletions told in one commit of the journal. */
const batch = 2000

export const buryDeleted = Effect.gen(function* () {
  const ledger = yield* Ledger
  const index = yield* VectorIndex
  let known = yield* index.buriedUpTo
  // A ledger that was put back from a copy gives numbers again.
  if (known > 0 && (yield* ledger.deletionsAfter(known - 1, 1))[0]?.sequence !== known) known = 0
  for (;;) {
    const next = yield* ledger.deletionsAfter(known, batch)
    const last = next.at(-1)
    if (last === undefined) return
    yield* index.remove(next)
    yield* index.buried(last.sequence)
    known = last.sequence
  }
})
