// nats-server gives JetStream up when the disk is full, or hangs in it, and stays so: our own server is then started anew.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Nats } from "./Nats.ts"
import { NatsServer } from "./NatsServer.ts"

/** Looks at it so often; so many looks in a row say that it is gone, not that the server has just started. */
const every = "2 seconds"
const looks = 4

const gone = Effect.fnUntraced(function* () {
  const nats = yield* Nats
  const server = yield* NatsServer
  for (let look = 0; look < looks; look++) {
    yield* Effect.sleep(every)
    // A server that is away is the supervisor's business.
    if ((yield* nats.hasJetStream) || !(yield* server.answers)) return false
  }
  return true
})

/** Needs our own server, and a connection to it. */
export const keepJetStream = Layer.effectDiscard(
  Effect.gen(function* () {
    const server = yield* NatsServer
    yield* gone().pipe(
      Effect.filterOrFail((isGone) => !isGone),
      Effect.catch(() =>
        Effect.andThen(Effect.logError("JetStream does not answer, starting nats-server again"), server.restart),
      ),
      Effect.forever,
      Effect.forkScoped,
    )
  }),
)
