// Tokens that are good, and every way in which one is not.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Schedule } from "effect"
import { base64url, exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose"
import { callerOfClaims, makeTokens } from "../../src/access/tokens.ts"
import type { TokenSettings } from "../../src/config/access-settings.ts"
import { audience, issuer, issuerOnLoopback } from "./access.fixture.ts"

const settings = (jwks: string, more: Partial<TokenSettings> = {}): TokenSettings => ({
  issuer,
  audience: ["another", audience],
  jwks,
  algorithms: ["RS256", "ES256"],
  clockSkewSeconds: 30,
  nameClaim: "sub",
  scopeClaim: "",
  scopePrefix: "gateway.",
  originsClaim: "",
  ...more,
})

const encode = (value: unknown) => base64url.encode(JSON.stringify(value))

describe("tokens", () => {
  it.live("are taken with the right signature, issuer, audience and time", () =>
    Effect.gen(function* () {
      const { url, token } = yield* issuerOnLoopback
      const check = makeTokens(settings(url))
      const caller = yield* check(yield* token({ scope: "openid gateway.read gateway.store gateway.fly" }))
      assert.strictEqual(caller.name, "someone")
      assert.deepStrictEqual([...caller.actions], ["read", "store"])
      assert.strictEqual(caller.origins, "all")
    }).pipe(Effect.scoped),
  )

  it.live("are refused for what is wrong with them, by name", () =>
    Effect.gen(function* () {
      const { url, token, publicKey, privateKey, state } = yield* issuerOnLoopback
      const check = makeTokens(settings(url))
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const claims = { iss: issuer, aud: audience, exp: now + 60 }
      const pem = new TextEncoder().encode(yield* Effect.promise(() => exportSPKI(publicKey)))
      const stranger = yield* Effect.promise(() => generateKeyPair("RS256"))
      const signed = (header: { readonly alg: string; readonly kid?: string }, key: typeof privateKey | Uint8Array) =>
        Effect.promise(() => new SignJWT(claims).setProtectedHeader(header).sign(key))
      const signedAt = (iat: number) =>
        Effect.promise(() =>
          new SignJWT({ ...claims, exp: iat + 60, iat })
            .setProtectedHeader({ alg: "RS256", kid: "one" })
            .sign(privateKey),
        )
      const good = yield* token({})
      const [head = "", body = "", signature = ""] = good.split(".")
      const cases: ReadonlyArray<readonly [token: string, said: RegExp]> = [
        [yield* token({ exp: now - 31 }), /expired/],
        [yield* token({ nbf: now + 300 }), /nbf/],
        [yield* signedAt(now + 300), /iat/],
        [yield* token({ iss: "https://elsewhere.test" }), /iss/],
        [yield* token({ aud: "elsewhere" }), /aud/],
        [yield* token({}, { kid: "two" }), /no such key/],
        [yield* signed({ alg: "RS256", kid: "one" }, stranger.privateKey), /signature/],
        // The public key as a shared secret, and no signature at all.
        [yield* signed({ alg: "HS256", kid: "one" }, pem), /algorithm/],
        [`${encode({ alg: "none" })}.${encode(claims)}.`, /algorithm|cannot be read/],
        [`${encode({ alg: "none", kid: "one" })}.${encode(claims)}.${signature}`, /algorithm|cannot be read/],
        [`${head}.${encode({ ...claims, scope: "gateway.operate" })}.${signature}`, /signature/],
        [`${head}.${body}.`, /signature|cannot be read/],
        [`${head}.!!.${signature}`, /cannot be read|signature/],
        ["a.b.c", /cannot be read/],
        ["", /cannot be read/],
      ]
      for (const [bad, said] of cases) {
        const error = yield* Effect.flip(check(bad))
        assert.strictEqual(error.reason, "refused", String(said))
        assert.match(error.message, said)
      }
      const endless = yield* Effect.promise(() =>
        new SignJWT({ iss: issuer, aud: audience }).setProtectedHeader({ alg: "RS256", kid: "one" }).sign(privateKey),
      )
      assert.match((yield* Effect.flip(check(endless))).message, /exp/)
      yield* check(yield* token({ exp: now - 5 }))
      yield* check(yield* signedAt(now + 10))
      // Unknown keys do not make the gateway a way to flood the issuer.
      for (let n = 0; n < 50; n++) yield* Effect.flip(check(yield* token({}, { kid: `unknown-${n}` })))
      assert.isAtMost(state.asked, 2)
    }).pipe(Effect.scoped),
  )

  it.live("cannot be judged while the keys are away, at once and not as refused", () =>
    Effect.gen(function* () {
      const { url, token, state } = yield* issuerOnLoopback
      state.status = 503
      const check = makeTokens(settings(url))
      const good = yield* token({})
      for (let n = 0; n < 20; n++) assert.strictEqual((yield* Effect.flip(check(good))).reason, "away")
      assert.isAtMost(state.asked, 1)
      const nobody = makeTokens(settings("http://127.0.0.1:1/jwks"))
      assert.strictEqual((yield* Effect.flip(nobody(good))).reason, "away")
      const noFile = makeTokens(settings("/nowhere/jwks.json"))
      assert.strictEqual((yield* Effect.flip(noFile(good))).reason, "away")
    }).pipe(Effect.scoped),
  )

  it.live("are checked with the keys of a file, also when it changes, and without kid", () =>
    Effect.gen(function* () {
      const { token, jwk, privateKey } = yield* issuerOnLoopback
      const dir = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "jwks-"))),
        (dir) => Effect.sync(() => rmSync(dir, { recursive: true })),
      )
      const file = join(dir, "jwks.json")
      const other = yield* Effect.promise(() => generateKeyPair("RS256", { extractable: true }))
      const otherJwk = { ...(yield* Effect.promise(() => exportJWK(other.publicKey))), kid: "two", alg: "RS256" }
      writeFileSync(file, JSON.stringify({ keys: [otherJwk] }))
      const check = makeTokens(settings(file))
      const good = yield* token({})
      assert.match((yield* Effect.flip(check(good))).message, /no such key/)
      writeFileSync(`${file}.new`, JSON.stringify({ keys: [otherJwk, jwk] }))
      renameSync(`${file}.new`, file)
      yield* check(good).pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.timeout("5 seconds"))
      // Two keys fit a token that names none.
      const claims = { iss: issuer, aud: audience, sub: "someone" }
      const unnamed = new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).setExpirationTime("1 minute")
      yield* check(yield* Effect.promise(() => unnamed.sign(privateKey)))
    }).pipe(Effect.scoped),
  )

  it("give scopes and origins by the configured claims", () => {
    const claims = {
      sub: "x",
      realm_access: { roles: ["gateway.read", "other"] },
      "https://hospital.test/origins": ["north", 7, ""],
      groups: "north south",
    }
    const of = (more: Partial<TokenSettings>) => callerOfClaims(claims, settings("x", more))
    const nested = of({ scopeClaim: "realm_access.roles", originsClaim: "https://hospital.test/origins" })
    assert.deepStrictEqual([...nested.actions], ["read"])
    assert.deepStrictEqual(nested.origins, new Set(["north"]))
    assert.strictEqual(nested.origin, "north")
    assert.deepStrictEqual(of({ originsClaim: "groups" }).origins, new Set(["north", "south"]))
    assert.deepStrictEqual(of({ originsClaim: "missing" }).origins, new Set())
    assert.deepStrictEqual([...of({ scopeClaim: "realm_access.roles", scopePrefix: "role." }).actions], [])
    const restricted = callerOfClaims(
      { ...claims, scope: "gateway.operate" },
      settings("x", { originsClaim: "groups" }),
    )
    assert.isFalse(restricted.actions.has("operate"))
    // A caller of no origin cannot begin a study of the origin that happens to have its name.
    const nobodys = callerOfClaims(
      { sub: "north", scope: "gateway.store gateway.worklist gateway.read" },
      settings("x", { originsClaim: "groups" }),
    )
    assert.deepStrictEqual([...nobodys.actions], ["read"])
    assert.strictEqual(nobodys.origin, "")
    assert.strictEqual(callerOfClaims({ sub: "a\nb" }, settings("x")).name, "a?b")
  })
})
