// What can go wrong with the broker: it is away, or says no. Always worth another try.
import * as Schema from "effect/Schema"

export class NatsError extends Schema.TaggedError<NatsError>()("NatsError", {
  operation: Schema.Literals(["connect", "streams", "publish", "subscribe", "info", "request"]),
  cause: Schema.Defect(),
}) {}
