// A gateway to be shot at, with sign-in on and one series in it.
import { generateKeyPairSync } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { hashOf, newKey } from "../../src/access/api-keys.ts"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { Action } from "../../src/domain/caller.ts"
import { stowBody, stowType } from "../support/gateway.ts"
import { ctVolume, identity } from "../support/volumes.ts"
import { bodyTargets } from "./bodies.target.ts"
import { credentialTargets } from "./credentials.target.ts"
import { fileTargets } from "./files.target.ts"
import { live, type Limits } from "./live.ts"
import { requestTargets } from "./requests.target.ts"
import { storedAddresses } from "./store-answer.ts"

const signIn = (data: string, key: string) => {
  const jwks = join(data, "jwks.json")
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  writeFileSync(
    jwks,
    JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "known", alg: "ES256" }] }),
  )
  const grant = { name: "fuzz", sha256: hashOf(key), actions: Action.literals, origins: "all" }
  return {
    GATEWAY_ACCESS_KEYS: JSON.stringify([grant]),
    GATEWAY_ACCESS_TOKENS_ISSUER: "https://issuer.example.org",
    GATEWAY_ACCESS_TOKENS_AUDIENCE: '["gateway"]',
    GATEWAY_ACCESS_TOKENS_JWKS: jwks,
    // Each of the fuzzer's wrong credentials shall be looked at.
    GATEWAY_ACCESS_LIMITS_FAILURES_PER_MINUTE: "1000000",
  }
}

export const underFire = Effect.fnUntraced(function* (limits: Limits) {
  const data = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-fuzz-"))),
    (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })),
  )
  const key = newKey()
  const { url, pid } = yield* childGateway(data, signIn(data, key))
  const fire = live(url, pid, key, limits)
  const of = identity("fuzz")
  const answer = yield* Effect.promise(() =>
    fire.judged({
      method: "POST",
      path: "/dicomweb/studies",
      headers: { "content-type": stowType },
      body: stowBody(ctVolume(of, 3)),
    }),
  )
  const instance = storedAddresses(answer.body)[0]!.split("/").at(-1)!
  const series = { study: of.StudyInstanceUID, series: of.SeriesInstanceUID, instance }
  return {
    live: fire,
    targets: [...fileTargets, ...requestTargets(series), ...bodyTargets(series), ...credentialTargets(key)],
  }
})
