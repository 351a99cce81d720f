// A real nats-server in a temporary folder, and a connection to it.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, FileSystem, Layer } from "effect"
import { Nats } from "../../src/events/Nats.ts"
import { NatsServer } from "../../src/events/NatsServer.ts"

export const natsServer = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return NatsServer.layer({ dir: yield* fs.makeTempDirectoryScoped({ prefix: "nats-" }) })
  }),
).pipe(Layer.provide(NodeServices.layer))

export const nats = Layer.unwrap(
  Effect.gen(function* () {
    const { url, token } = yield* NatsServer
    return Nats.layer({ servers: [url], token, replicas: 1 })
  }),
).pipe(Layer.provideMerge(natsServer))
