// Sources are merged in their order, and what is wrong is named by its key.
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { load } from "../../src/config/GatewayConfig.ts"
import { variableName } from "../../src/config/layers.ts"

const withFile = (text: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* fs.makeTempFileScoped({ suffix: ".yaml" })
    yield* fs.writeFileString(path, text)
    return path
  })

describe("configuration", () => {
  it.effect("takes defaults, file, environment and flags in this order", () =>
    Effect.gen(function* () {
      const file = yield* withFile("listener:\n  port: 1\n  maxPartBytes: 2\nstudy:\n  quietSeconds: 3\n")
      const settings = yield* load({
        file,
        environment: {
          GATEWAY_LISTENER_PORT: "4",
          GATEWAY_STUDY_QUIET_SECONDS: "6",
          GATEWAY_NATS_TOKEN: "77",
          PATH: "/",
        },
        flags: { study: { quietSeconds: 7 } },
      })
      assert.strictEqual(settings.listener.maxPartBytes, 2)
      assert.strictEqual(settings.listener.port, 4)
      assert.strictEqual(settings.study.quietSeconds, 7)
      assert.strictEqual(settings.listener.host, "127.0.0.1")
      assert.strictEqual(Redacted.value(settings.nats.token), "77")
      assert.notInclude(String(settings.nats.token), "77")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )

  it.effect.each([
    ["listener:\n  prot: 1\n", /^listener\.prot: unknown key; listener takes host, port/],
    ["listener:\n  port: lots\n", /^listener\.port: expected number/],
    ["listener:\n  port: 70000\n", /^listener\.port: expected .*65535/],
    ["listener: 7\n", /^listener: expected/],
    ["listener:\n  host: 0.0.0.0\n", /listener\.host/],
    ["- a\n", /mapping/],
    [
      "access:\n  keys: [{ name: a, sha256: zz, actions: [read] }]\n",
      /^access\.keys\.0\.sha256: expected 64 hexadecimal/,
    ],
    [`access:\n  keys: [{ name: a, sha256: ${"0".repeat(64)}, actions: [reed] }]\n`, /^access\.keys\.0\.actions\.0: /],
    [
      `access:\n  keys: [{ name: a, sha256: ${"0".repeat(64)}, actions: [operate], origins: [b] }]\n`,
      /^access\.keys\.0: operate is of the whole gateway/,
    ],
    [`access:\n  keys: [{ name: a, sha256: ${"0".repeat(64)}, actions: [read], x: 1 }]\n`, /^access\.keys\.0\.x: /],
    ["access:\n  tokens: { issuer: x }\n", /^access\.tokens: .*audience and jwks/],
    ["access:\n  tokens: { jwks: 'http://issuer.test/jwks' }\n", /^access\.tokens\.jwks: an https address/],
    ["access:\n  tokens: { algorithms: [HS256] }\n", /^access\.tokens\.algorithms\.0: /],
    ["access:\n  certificates: [{ name: a, actions: [read] }]\n", /^access\.certificates\.0: give either/],
    ["listener:\n  tls: { certificate: a.pem }\n", /^listener\.tls: give both/],
    ["listener:\n  tls: { clientCertificates: required }\n", /^listener\.tls: client certificates need/],
  ] as const)("refuses %j and says where", ([text, expected]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load({ file: yield* withFile(text) }))
      assert.match(error.message, expected)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )

  it.effect("opens no door beyond loopback without sign-in and TLS, unless it is told to in as many words", () =>
    Effect.gen(function* () {
      const key = `[{ name: a, sha256: ${"0".repeat(64)}, actions: [read] }]`
      const signIn = { GATEWAY_ACCESS_KEYS: key }
      const tls = { GATEWAY_LISTENER_TLS_CERTIFICATE: "a.pem", GATEWAY_LISTENER_TLS_KEY: "a.key" }
      const open = { GATEWAY_LISTENER_ALLOW_UNAUTHENTICATED: "true" }
      const plain = { GATEWAY_LISTENER_ALLOW_PLAINTEXT: "true" }
      for (const GATEWAY_LISTENER_HOST of ["0.0.0.0", "::", "192.168.1.5", "gateway.example.org"]) {
        const at = (environment: object) => load({ environment: { GATEWAY_LISTENER_HOST, ...environment } })
        for (const environment of [{}, tls, plain]) {
          assert.match((yield* Effect.flip(at(environment))).message, /nobody has to sign in/)
        }
        for (const environment of [signIn, open]) {
          assert.match((yield* Effect.flip(at(environment))).message, /there is no TLS/)
        }
        for (const who of [signIn, open]) for (const how of [tls, plain]) yield* at({ ...who, ...how })
      }
      for (const GATEWAY_LISTENER_HOST of ["127.0.0.1", "127.1.2.3", "::1", "localhost"]) {
        yield* load({ environment: { GATEWAY_LISTENER_HOST } })
      }
    }).pipe(Effect.provide(NodeServices.layer)),
  )

  it.effect("refuses a variable that names no key", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load({ environment: { GATEWAY_LISTENER_PROT: "1" } }))
      assert.include(error.message, "GATEWAY_LISTENER_PROT")
    }).pipe(Effect.provide(NodeServices.layer)),
  )

  it("names variables after keys", () => {
    assert.strictEqual(variableName(["listener", "maxPartBytes"]), "GATEWAY_LISTENER_MAX_PART_BYTES")
  })
})
