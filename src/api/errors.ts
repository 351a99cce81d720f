// What the API answers when it cannot do what was asked. Messages are for people and carry no patient attribute.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const fields = { error: Schema.String }

export class BadRequest extends Schema.TaggedError<BadRequest>()("BadRequest", fields, { httpApiStatus: 400 }) {}
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", fields, { httpApiStatus: 404 }) {}
/** Well-formed, but not in the state that things are in. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", fields, { httpApiStatus: 409 }) {}
/** Well-formed, but there is no such region: outside the volume, an empty segment, a study not yet searchable. */
export class Unprocessable extends Schema.TaggedError<Unprocessable>()("Unprocessable", fields, {
  httpApiStatus: 422,
}) {}
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", fields, { httpApiStatus: 408 }) {}
export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", fields, { httpApiStatus: 413 }) {}
export class Unsupported extends Schema.TaggedError<Unsupported>()("Unsupported", fields, { httpApiStatus: 415 }) {}
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", fields, { httpApiStatus: 503 }) {}

/** A stage that fails for reasons of its own (disk, worker) is a 503 for the caller; the cause goes to the log only. */
export const unavailable = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Unavailable, R> =>
  effect.pipe(
    Effect.tapError((error) => Effect.logError("request failed", error)),
    Effect.mapError(() => new Unavailable({ error: "the gateway cannot answer now; try again" })),
  )
