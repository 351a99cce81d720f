// What can go wrong in a benchmark run, for people.
import * as Schema from "effect/Schema"

export class BenchmarkError extends Schema.TaggedError<BenchmarkError>()("BenchmarkError", {
  message: Schema.String,
}) {}
