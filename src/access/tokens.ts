// OAuth2/OIDC bearer tokens (RFC 9068, RFC 7519): signature, issuer, audience and time by jose; scopes become actions.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions } from "jose"
import type { TokenSettings } from "../config/access-settings.ts"
import { Action, type Caller } from "../domain/caller.ts"
import { callerOf } from "./grants.ts"
import { KeySetAway, keySet } from "./key-set.ts"

export class TokenError extends Schema.TaggedError<TokenError>()("TokenError", {
  /** `away`: the issuer's keys cannot be had, so nobody knows. */
  reason: Schema.Literals(["refused", "away"]),
  /** For people. */
  message: Schema.String,
}) {}

const isAction = Schema.is(Action)

const textsOf = (claim: unknown): ReadonlyArray<string> =>
  typeof claim === "string"
    ? claim.split(" ")
    : Array.isArray(claim)
      ? claim.filter((one): one is string => typeof one === "string")
      : []

/** `realm_access.roles` leads into an object; a claim whose own name has dots, such as an address, is found as it is. */
const claimAt = (payload: JWTPayload, path: string): unknown =>
  Object.hasOwn(payload, path)
    ? payload[path]
    : path
        .split(".")
        .reduce<unknown>(
          (node, key) =>
            typeof node === "object" && node !== null && Object.hasOwn(node, key)
              ? (node as Record<string, unknown>)[key]
              : undefined,
          payload,
        )

/** Stands in the audit log, one line a record. */
const plain = (text: string) => text.replace(/[^\x20-\x7e\u00a0-\u{10ffff}]/gu, "?").slice(0, 128)

export const callerOfClaims = (payload: JWTPayload, settings: TokenSettings): Caller => {
  const { scopeClaim, scopePrefix, originsClaim, nameClaim } = settings
  const scopes = ["scope", "scp", scopeClaim].flatMap((claim) => (claim === "" ? [] : textsOf(claimAt(payload, claim))))
  const actions = scopes
    .filter((scope) => scope.startsWith(scopePrefix))
    .map((scope) => scope.slice(scopePrefix.length))
    .filter(isAction)
  const name = claimAt(payload, nameClaim) ?? payload.sub
  return callerOf(
    {
      name: plain(typeof name === "string" && name !== "" ? name : "unnamed"),
      actions,
      // A token that names no origin is of nobody's: it sees nothing.
      ...(originsClaim === "" ? {} : { origins: textsOf(claimAt(payload, originsClaim)).filter((one) => one !== "") }),
    },
    "token",
  )
}

const sentence = (error: unknown): string => {
  if (error instanceof errors.JWTExpired) return "the token has expired"
  if (error instanceof errors.JWTClaimValidationFailed) return `the token's ${error.claim} is not accepted`
  if (error instanceof errors.JOSEAlgNotAllowed) return "the token's algorithm is not accepted"
  if (error instanceof errors.JWKSNoMatchingKey) return "the issuer has no such key"
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is wrong"
  return "the token cannot be read"
}

/** The issuer may publish several keys that fit a token without `kid`. */
const verify = async (token: string, getKey: JWTVerifyGetKey, options: JWTVerifyOptions) => {
  try {
    return await jwtVerify(token, getKey, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    let last: unknown = error
    for await (const key of error) {
      try {
        return await jwtVerify(token, key, options)
      } catch (failure) {
        last = failure
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) break
      }
    }
    throw last
  }
}

/** Three parts with a readable header; anything else is not worth asking the issuer for. */
export const looksLikeToken = (secret: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(secret)

/** Each caller would make a line of the log. */
const tellEveryMillis = 30_000

export const makeTokens = (settings: TokenSettings) => {
  const getKey = keySet(settings.jwks)
  const options = {
    issuer: settings.issuer,
    audience: [...settings.audience],
    algorithms: [...settings.algorithms],
    clockTolerance: settings.clockSkewSeconds,
    // One that never ends could not be taken back.
    requiredClaims: ["exp"],
  }
  let tellFrom = 0
  const tell = (now: number) =>
    Effect.suspend(() => {
      tellFrom = now + tellEveryMillis
      return Effect.logError("tokens cannot be checked: the keys of their issuer cannot be had")
    })
  return Effect.fnUntraced(function* (token: string) {
    const now = yield* Clock.currentTimeMillis
    const { payload } = yield* Effect.tryPromise({
      try: () => verify(token, getKey, { ...options, currentDate: new Date(now) }),
      catch: (error) =>
        error instanceof KeySetAway
          ? new TokenError({ reason: "away", message: "the keys of the token's issuer cannot be had now; try again" })
          : new TokenError({ reason: "refused", message: sentence(error) }),
    }).pipe(Effect.tapError(({ reason }) => (reason === "away" && now >= tellFrom ? tell(now) : Effect.void)))
    // jose looks at iat only where an age is asked for; a token of tomorrow is of a clock, or an issuer, gone wrong.
    if (payload.iat !== undefined && payload.iat > now / 1000 + settings.clockSkewSeconds) {
      return yield* new TokenError({ reason: "refused", message: "the token's iat is not accepted" })
    }
    const until = (payload.exp ?? 0) + settings.clockSkewSeconds
    return { ...callerOfClaims(payload, settings), until }
  })
}
