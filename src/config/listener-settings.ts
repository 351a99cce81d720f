// The door: address, TLS, and what one connection may cost.
import * as Schema from "effect/Schema"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** As browsers send it: scheme, host and port, nothing behind. */
const Origin = Schema.String.check(Schema.isPattern(/^(?:\*|https?:\/\/[^\s/?#@]+)$/))

export const TlsSettings = Schema.Struct({
  certificate: Schema.String,
  key: Schema.String,
  clientCa: Schema.String,
  clientCertificates: Schema.Literals(["none", "optional", "required"]),
}).check(
  Schema.makeFilter(
    ({ certificate, key }) => (certificate === "") === (key === "") || "give both certificate and key, or neither",
  ),
  Schema.makeFilter(
    ({ certificate, clientCa, clientCertificates }) =>
      clientCertificates === "none" ||
      (certificate !== "" && clientCa !== "") ||
      "client certificates need certificate, key and clientCa",
  ),
)
export type TlsSettings = typeof TlsSettings.Type

export const ListenerSettings = Schema.Struct({
  host: Schema.NonEmptyString,
  port: count(0, 65_535),
  allowUnauthenticated: Schema.Boolean,
  allowPlaintext: Schema.Boolean,
  tls: TlsSettings,
  publicUrl: Schema.String,
  corsOrigins: Schema.Array(Origin),
  maxConnections: count(1, 1_000_000),
  maxHeaderBytes: count(8192, 1_048_576),
  headerSeconds: count(1, 600),
  maxPartBytes: count(1, Number.MAX_SAFE_INTEGER),
  maxConcurrentStores: count(1, 10_000),
  minFreeBytes: count(0, Number.MAX_SAFE_INTEGER),
})
export type ListenerSettings = typeof ListenerSettings.Type
