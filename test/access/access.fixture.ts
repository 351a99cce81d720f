// A gateway that asks for sign-in: two hospitals with a key each, an issuer of tokens, and questions in their name.
import { createServer } from "node:http"
import { join } from "node:path"
import { Context, Effect, Layer } from "effect"
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose"
import { hashOf } from "../../src/access/api-keys.ts"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { temporaryFolder } from "../support/gateway.ts"

export const secrets = {
  admin: "rgk_admin-of-the-test",
  north: "rgk_north-of-the-test",
  south: "rgk_south-of-the-test",
  reader: "rgk_reader-of-the-test",
} as const

const all = ["read", "store", "delete", "search", "alerts", "worklist"]
const grant = (name: keyof typeof secrets, actions: ReadonlyArray<string>, more: object = {}) => ({
  name,
  sha256: hashOf(secrets[name]),
  actions,
  ...more,
})

export const keys = [
  grant("admin", [...all, "operate"]),
  grant("north", all, { origins: ["north"] }),
  grant("south", all, { origins: ["south"] }),
  grant("reader", ["read"]),
]

export const issuer = "https://issuer.test/realm"
export const audience = "region-gateway"

/** An issuer whose keys are served on loopback for as long as the scope lasts. */
export const issuerOnLoopback = Effect.gen(function* () {
  const { publicKey, privateKey } = yield* Effect.promise(() => generateKeyPair("RS256", { extractable: true }))
  const jwk = { ...(yield* Effect.promise(() => exportJWK(publicKey))), kid: "one", alg: "RS256", use: "sig" }
  const state: { keys: ReadonlyArray<object>; status: number; asked: number } = { keys: [jwk], status: 200, asked: 0 }
  const server = createServer((_, response) => {
    state.asked += 1
    response.writeHead(state.status, { "content-type": "application/json" }).end(JSON.stringify({ keys: state.keys }))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close()),
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const token = (claims: JWTPayload, header: Partial<{ alg: string; kid: string }> = {}) =>
    Effect.promise(() =>
      new SignJWT({ iss: issuer, aud: audience, sub: "someone", ...claims })
        .setProtectedHeader({ alg: "RS256", kid: "one", ...header })
        .setIssuedAt()
        .setExpirationTime(claims.exp ?? "5 minutes")
        .sign(privateKey),
    )
  return { url: `http://127.0.0.1:${port}/jwks`, state, token, jwk, publicKey, privateKey }
})

export interface Guarded {
  readonly url: string
  readonly data: string
  readonly token: Effect.Success<typeof issuerOnLoopback>["token"]
  readonly keysOfIssuer: Effect.Success<typeof issuerOnLoopback>["state"]
}

export class GuardedGateway extends Context.Service<GuardedGateway, Guarded>()("test/GuardedGateway") {
  static readonly layer = (environment: Readonly<Record<string, string>> = {}) =>
    Layer.effect(
      GuardedGateway,
      Effect.gen(function* () {
        const { url: jwks, token, state } = yield* issuerOnLoopback
        const data = join(yield* temporaryFolder, "data")
        const { url } = yield* childGateway(data, {
          GATEWAY_STUDY_QUIET_SECONDS: "1",
          GATEWAY_ACCESS_KEYS: JSON.stringify(keys),
          GATEWAY_ACCESS_TOKENS_ISSUER: issuer,
          GATEWAY_ACCESS_TOKENS_AUDIENCE: JSON.stringify([audience]),
          GATEWAY_ACCESS_TOKENS_JWKS: jwks,
          GATEWAY_ACCESS_TOKENS_ORIGINS_CLAIM: "origins",
          ...environment,
        })
        return { url, data, token, keysOfIssuer: state }
      }),
    )
}

export const keyOf = (name: keyof typeof secrets) => ({ "x-api-key": secrets[name] })

export const ask = (path: string, init: RequestInit = {}) =>
  Effect.gen(function* () {
    const { url } = yield* GuardedGateway
    const response = yield* Effect.promise((signal) => fetch(`${url}${path}`, { signal, ...init }))
    const text = yield* Effect.promise(() => response.text())
    return { status: response.status, headers: response.headers, text }
  })
