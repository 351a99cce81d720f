// The shape of the configuration; gateway-config/gateway.yaml documents each key and holds its default.
import * as Schema from "effect/Schema"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const positive = Schema.Finite.check(Schema.isGreaterThan(0))

/** As browsers send it: scheme, host and port, nothing behind. */
const Origin = Schema.String.check(Schema.isPattern(/^(?:\*|https?:\/\/[^\s/?#@]+)$/))

export const Settings = Schema.Struct({
  data: Schema.NonEmptyString,
  listener: Schema.Struct({
    host: Schema.NonEmptyString,
    port: count(0, 65_535),
    allowUnauthenticated: Schema.Boolean,
    publicUrl: Schema.String,
    corsOrigins: Schema.Array(Origin),
    maxPartBytes: count(1, Number.MAX_SAFE_INTEGER),
    maxConcurrentStores: count(1, 10_000),
    minFreeBytes: count(0, Number.MAX_SAFE_INTEGER),
  }),
  nats: Schema.Struct({
    servers: Schema.Array(Schema.NonEmptyString),
    token: Schema.RedactedFromValue(Schema.String),
    replicas: count(1, 5),
  }),
  ingest: Schema.Struct({
    decodeThreads: count(1, 64),
    decodeSeconds: positive,
    embedThreads: count(1, 64),
    embedBatch: count(1, 256),
    concurrency: count(1, 1024),
  }),
  model: Schema.Struct({ preset: Schema.NonEmptyString }),
  study: Schema.Struct({ quietSeconds: positive }),
  query: Schema.Struct({ threads: count(1, 64), candidates: count(1, 10_000) }),
  log: Schema.Struct({ level: Schema.Literals(["Trace", "Debug", "Info", "Warn", "Error"]) }),
})
export type Settings = typeof Settings.Type
