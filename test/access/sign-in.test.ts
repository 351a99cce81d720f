// What shows nothing signs nobody in, whatever the configuration was made from.
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { hashOf } from "../../src/access/api-keys.ts"
import { SignIn } from "../../src/access/SignIn.ts"
import type { AccessSettings } from "../../src/config/access-settings.ts"

const access: AccessSettings = {
  keys: [{ name: "unset", sha256: hashOf(""), actions: ["read"] }],
  tokens: {
    issuer: "",
    audience: [],
    jwks: "",
    algorithms: ["RS256"],
    clockSkewSeconds: 30,
    nameClaim: "sub",
    scopeClaim: "",
    scopePrefix: "gateway.",
    originsClaim: "",
  },
  certificates: [],
  limits: { requestsPerSecond: 1, burst: 1, concurrentRequests: 1, bytesPerRequest: 1, failuresPerMinute: 1 },
  audit: { enabled: false, keepDays: 0, maxFileBytes: 65_536 },
}

it.effect("an empty secret, or one that is too long, is nobody's even where a grant has the hash of nothing", () =>
  Effect.gen(function* () {
    const signIn = yield* SignIn
    for (const headers of [
      { "x-api-key": "" },
      { "x-api-key": " " },
      { authorization: `Basic ${btoa("someone:")}` },
      { authorization: `Bearer ${"a".repeat(20_000)}` },
    ]) {
      const error = yield* Effect.flip(signIn.caller({ headers }))
      assert.strictEqual(error.reason, "refused", JSON.stringify(headers).slice(0, 60))
    }
  }).pipe(Effect.provide(SignIn.layer(access))),
)
