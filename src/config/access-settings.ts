// Who may sign in and what they may do: API keys, tokens, client certificates, limits and the audit log.
import { isIP } from "node:net"
import * as Schema from "effect/Schema"
import { Action } from "../domain/caller.ts"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Of a caller and of an origin; it stands in the audit log. */
const Name = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}$/, { expected: "1 to 64 letters, digits, spaces or ._@-" }),
)

const Grant = {
  name: Name,
  actions: Schema.NonEmptyArray(Action),
  /** Origins whose studies the caller sees; left out: all. */
  origins: Schema.optionalKey(Schema.Union([Schema.Literal("all"), Schema.NonEmptyArray(Name)])),
  /** Origin of the studies that the caller sends; left out: the first of `origins`, else the caller's name. */
  origin: Schema.optionalKey(Name),
}

const wholeGateway = Schema.makeFilter(
  ({ actions, origins = "all" }: { readonly actions: ReadonlyArray<Action>; readonly origins?: unknown }) =>
    origins === "all" || !actions.includes("operate") || "operate is of the whole gateway: give it origins: all",
)

export const KeyGrant = Schema.Struct({
  ...Grant,
  /** SHA-256 of the key in hexadecimal. Keys are 256 random bits, so that no salt is needed. */
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "64 hexadecimal digits in lower case" })),
}).check(wholeGateway)
export type KeyGrant = typeof KeyGrant.Type

export const CertificateGrant = Schema.Struct({
  ...Grant,
  /** SHA-256 fingerprint of the client certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  fingerprint: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^([0-9A-Fa-f]{2}:?){32}$/, { expected: "a SHA-256 fingerprint in hexadecimal" }),
    ),
  ),
  /** Its subject, such as CN=ct1,O=Hospital; the order of the parts does not matter. */
  subject: Schema.optionalKey(Schema.NonEmptyString),
}).check(
  wholeGateway,
  Schema.makeFilter(
    ({ fingerprint, subject }) =>
      (fingerprint === undefined) !== (subject === undefined) || "give either fingerprint or subject",
  ),
)
export type CertificateGrant = typeof CertificateGrant.Type

/** Signatures that need a private key: with a shared secret, whoever can check a token could make one. */
const Algorithm = Schema.Literals([
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
])

const isLoopbackHost = (host: string) =>
  host === "localhost" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."))

/** Keys that came over the open net would let in whoever sits in between. */
const isTrustedSource = (source: string) => {
  if (!/^https?:/i.test(source)) return true
  if (!URL.canParse(source)) return "an address or a file"
  const { protocol, hostname } = new URL(source)
  return protocol === "https:" || isLoopbackHost(hostname) || "an https address, or a file"
}

export const TokenSettings = Schema.Struct({
  issuer: Schema.String,
  audience: Schema.Array(Schema.NonEmptyString),
  jwks: Schema.String.check(Schema.makeFilter(isTrustedSource)),
  algorithms: Schema.NonEmptyArray(Algorithm),
  clockSkewSeconds: count(0, 600),
  nameClaim: Schema.NonEmptyString,
  scopeClaim: Schema.String,
  scopePrefix: Schema.String,
  originsClaim: Schema.String,
}).check(
  Schema.makeFilter(
    ({ issuer, audience, jwks }) =>
      issuer === "" || (audience.length > 0 && jwks !== "") || "with an issuer, audience and jwks are needed too",
  ),
)
export type TokenSettings = typeof TokenSettings.Type

export const LimitSettings = Schema.Struct({
  requestsPerSecond: count(1, 1_000_000),
  burst: count(1, 1_000_000),
  concurrentRequests: count(1, 100_000),
  bytesPerRequest: count(1, Number.MAX_SAFE_INTEGER),
  failuresPerMinute: count(1, 1_000_000),
})
export type LimitSettings = typeof LimitSettings.Type

export const AuditSettings = Schema.Struct({
  enabled: Schema.Boolean,
  keepDays: count(0, 36_500),
  maxFileBytes: count(65_536, Number.MAX_SAFE_INTEGER),
})
export type AuditSettings = typeof AuditSettings.Type

const distinct = (grants: ReadonlyArray<{ readonly name: string }>) =>
  new Set(grants.map(({ name }) => name)).size === grants.length || "each name stands for one caller"

export const AccessSettings = Schema.Struct({
  keys: Schema.Array(KeyGrant).check(Schema.makeFilter(distinct)),
  tokens: TokenSettings,
  certificates: Schema.Array(CertificateGrant).check(Schema.makeFilter(distinct)),
  limits: LimitSettings,
  audit: AuditSettings,
})
export type AccessSettings = typeof AccessSettings.Type

/** Without any of these everybody who reaches the port may do everything. */
export const signInIsOn = ({ keys, tokens, certificates }: AccessSettings): boolean =>
  keys.length > 0 || tokens.issuer !== "" || certificates.length > 0
