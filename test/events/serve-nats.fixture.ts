// A gateway's worth of a process: starts our nats-server, prints its pid, and waits to be killed.
import { Effect, Layer } from "effect"
import { NatsServer } from "../../src/events/NatsServer.ts"

const [, , dir = ""] = process.argv
const Print = Layer.effectDiscard(
  Effect.gen(function* () {
    process.stdout.write(`pid ${yield* (yield* NatsServer).pid}\n`)
  }),
)
void Effect.runPromise(Layer.launch(Print.pipe(Layer.provide(NatsServer.layer({ dir })))))
