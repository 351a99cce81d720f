// The shape of the configuration; gateway-config/gateway.yaml documents each key and holds its default.
import * as Schema from "effect/Schema"
import { AccessSettings } from "./access-settings.ts"
import { ListenerSettings } from "./listener-settings.ts"
import { RetentionSettings } from "./retention-settings.ts"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const positive = Schema.Finite.check(Schema.isGreaterThan(0))

export const Settings = Schema.Struct({
  data: Schema.NonEmptyString,
  listener: ListenerSettings,
  access: AccessSettings,
  nats: Schema.Struct({
    servers: Schema.Array(Schema.NonEmptyString),
    token: Schema.RedactedFromValue(Schema.String),
    replicas: count(1, 5),
    streamBytes: count(1_048_576, Number.MAX_SAFE_INTEGER),
  }),
  ingest: Schema.Struct({
    decodeThreads: count(1, 64),
    decodeSeconds: positive,
    embedThreads: count(1, 64),
    embedBatch: count(1, 256),
    concurrency: count(1, 1024),
  }),
  model: Schema.Struct({ preset: Schema.NonEmptyString }),
  study: Schema.Struct({ quietSeconds: positive, maxWaitSeconds: positive }),
  worklist: Schema.Struct({ keepDays: positive }),
  backup: Schema.Struct({ everyMinutes: positive }),
  retention: RetentionSettings,
  verify: Schema.Struct({ instancesPerSecond: positive }),
  query: Schema.Struct({ threads: count(1, 64), candidates: count(1, 10_000) }),
  log: Schema.Struct({ level: Schema.Literals(["Trace", "Debug", "Info", "Warn", "Error"]) }),
})
export type Settings = typeof Settings.Type
