// Why a body could not be read to its end.
import * as Schema from "effect/Schema"

export class MultipartError extends Schema.TaggedError<MultipartError>()("MultipartError", {
  reason: Schema.Literals(["unsupported", "malformed", "too-many-parts", "too-large", "idle", "aborted"]),
  /** For people; nothing of what was sent. */
  detail: Schema.String,
}) {}
