// A viewer in a browser and a gateway with sign-in: the preflight carries no credentials, the refusal must be readable.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { hashOf, newKey } from "../../src/access/api-keys.ts"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { raw } from "./raw.fixture.ts"

const viewer = "https://viewer.example.org"
const key = newKey()
const grant = { name: "viewer", sha256: hashOf(key), actions: ["read"], origins: "all" }

class Live extends Context.Service<Live, { readonly url: string }>()("test/http/SignedLive") {}

const LiveLayer = Layer.effect(
  Live,
  Effect.flatMap(temporaryFolder, (data) =>
    childGateway(data, {
      GATEWAY_LISTENER_CORS_ORIGINS: JSON.stringify([viewer]),
      GATEWAY_ACCESS_KEYS: JSON.stringify([grant]),
    }),
  ),
)

const ask = (method: string, path: string, headers: Record<string, string>) =>
  Effect.flatMap(Live, ({ url }) => raw(url, method, path, { origin: viewer, ...headers }))

layer(LiveLayer, { excludeTestServices: true })("a viewer and sign-in", (it) => {
  it.effect("has its preflight answered without credentials", () =>
    Effect.gen(function* () {
      const { status, headers } = yield* ask("OPTIONS", "/dicomweb/studies", {
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
      })
      assert.strictEqual(status, 204)
      assert.strictEqual(headers["access-control-allow-headers"], "authorization")
    }),
  )

  it.effect("can read why it is refused", () =>
    Effect.gen(function* () {
      for (const path of ["/dicomweb/studies", "/api/status", "/nowhere"]) {
        const { status, headers } = yield* ask("GET", path, {})
        assert.strictEqual(status, 401, path)
        assert.strictEqual(headers["access-control-allow-origin"], viewer)
        assert.include(headers["access-control-expose-headers"], "WWW-Authenticate")
        assert.property(headers, "www-authenticate")
      }
    }),
  )

  it.effect("is served with its key, and only what the key allows", () =>
    Effect.gen(function* () {
      const authorization = `Bearer ${key}`
      assert.strictEqual((yield* ask("GET", "/dicomweb/studies", { authorization })).status, 204)
      const { status, headers } = yield* ask("GET", "/api/status", { authorization })
      assert.strictEqual(status, 403)
      assert.strictEqual(headers["access-control-allow-origin"], viewer)
    }),
  )

  it.effect("learns nothing of what is stored from the description that everybody may read", () =>
    Effect.gen(function* () {
      const one = yield* ask("OPTIONS", "/dicomweb/studies/1.2.3", {})
      const other = yield* ask("OPTIONS", "/dicomweb/studies/9.9.9", {})
      assert.strictEqual(one.status, 200)
      assert.strictEqual(one.text, other.text)
    }),
  )
})
