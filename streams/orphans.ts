// Blobs that no instance names → gone. A crash between blob and ledger leaves them: patient data that nobody was promised.
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Blobs } from "../src/ledger/Blobs.ts"
import { Ledger } from "../src/ledger/Ledger.ts"

const pass = Effect.gen(function* () {
  const blobs = yield* Blobs
  const ledger = yield* Ledger
  let removed = 0
  yield* Stream.runForEach(blobs.list, (digest) =>
    // The ledger answers without the disk; only what it does not know costs the removal's lock.
    Effect.flatMap(ledger.isNamed(digest), (named) =>
      named
        ? Effect.void
        : Effect.map(blobs.remove(digest, ledger.isNamed(digest)), (gone) => {
            if (gone) removed++
          }),
    ),
  )
  if (removed > 0) yield* Effect.logInfo(`removed ${removed} blobs that no instance names`)
})

/** At start and once a day. */
export const orphans = Effect.repeat(pass, Schedule.spaced("24 hours"))
