// Before any test: a nats-server is there, or is installed once, or the run ends saying what to install.
import { Effect } from "effect"
import { natsBinary } from "../../src/events/nats-binary.ts"

export const setup = () => Effect.runPromise(Effect.asVoid(natsBinary))
