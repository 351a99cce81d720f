// What was deleted leaves files that only grow for a while: the databases' logs, and the broker's stream of vectors.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Nats } from "../src/events/Nats.ts"
import { Ledger } from "../src/ledger/Ledger.ts"
import { Worklist } from "../src/worklist/Worklist.ts"

/** Milliseconds; or so many times as long as the last pass held everybody up. */
const every = 2000
const share = 20

/** Each does nothing when nothing is due. */
const pass = Effect.gen(function* () {
  const start = yield* Clock.currentTimeMillis
  yield* (yield* Ledger).scrub
  yield* (yield* Worklist).scrub
  return (yield* Clock.currentTimeMillis) - start
}).pipe(Effect.catch((error) => Effect.as(Effect.logWarning("deleted rows have not left the files yet", error), every)))

const broker = Effect.flatMap(Nats, (nats) => nats.trim("EMBEDDINGS", 0)).pipe(
  // It is told elsewhere that the broker is away.
  Effect.catch((error) => Effect.logDebug("the broker keeps vectors for now", error)),
)

export const scrub = Effect.all(
  [
    Effect.forever(Effect.flatMap(pass, (took) => Effect.sleep(Math.max(every, took * share)))),
    Effect.forever(Effect.andThen(broker, Effect.sleep(every))),
  ],
  { concurrency: "unbounded", discard: true },
)
