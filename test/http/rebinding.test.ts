// A page whose own name is made to point at the loopback address (DNS rebinding) is of the gateway's origin for its browser.
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { hashOf, newKey } from "../../src/access/api-keys.ts"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { isBrowser, isOurHost } from "../../src/http/hosts.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { raw } from "./raw.fixture.ts"

/** What a browser says for a page, whatever that wants said. */
const page = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept-language": "de" }

describe("a Host", () => {
  const known = isOurHost("https://pacs.example.org/dicomweb")
  it.each([
    undefined,
    "localhost",
    "LOCALHOST:8080",
    "gateway.localhost",
    "127.0.0.1",
    "127.0.0.1:8080",
    "10.0.0.5:80",
    "[::1]",
    "[::1]:8080",
    "pacs.example.org",
    "PACS.example.org:8443",
  ])("%s is ours", (host) => assert.isTrue(known(host)))

  it.each([
    "evil.example.org",
    "evil.example.org:8080",
    "pacs.example.org.evil.org",
    "127.0.0.1.evil.org",
    "127.0.0.1@evil.org",
    "localhost.evil.org",
    "evil.org/127.0.0.1",
    "evil.org#localhost",
    "1.2.3.4.5",
    "",
  ])("%s is not", (host) => assert.isFalse(known(host)))

  it("of a proxy is known by configuration only", () => assert.isFalse(isOurHost(undefined)("pacs.example.org")))
})

describe("a browser", () => {
  it("is known by any of what it always says", () => {
    for (const [name, value] of Object.entries({
      ...page,
      origin: "http://evil.example.org",
      "sec-fetch-mode": "cors",
    })) {
      assert.isTrue(isBrowser({ [name]: value }), name)
    }
    assert.isFalse(isBrowser({ host: "pacs", accept: "*/*", "user-agent": "curl/8.0" }))
  })
})

const key = newKey()

class Live extends Context.Service<Live, { readonly open: string; readonly guarded: string }>()(
  "test/http/Rebinding",
) {}

const LiveLayer = Layer.effect(
  Live,
  Effect.gen(function* () {
    const open = yield* childGateway(yield* temporaryFolder)
    const keys = JSON.stringify([{ name: "reader", sha256: hashOf(key), actions: ["read"] }])
    const guarded = yield* childGateway(yield* temporaryFolder, { GATEWAY_ACCESS_KEYS: keys })
    return { open: open.url, guarded: guarded.url }
  }),
)

layer(LiveLayer, { excludeTestServices: true, timeout: 60_000 })("a gateway on loopback", (it) => {
  it.effect("without sign-in answers no page of another name, whatever that says it was forwarded from", () =>
    Effect.gen(function* () {
      const { open } = yield* Live
      for (const path of ["/dicomweb/studies", "/api/status", "/metrics", "/nowhere"]) {
        for (const method of ["GET", "HEAD", "OPTIONS", "POST"]) {
          for (const more of [{}, { "x-forwarded-host": "localhost" }, { forwarded: "host=localhost" }]) {
            const { status } = yield* raw(open, method, path, { ...page, host: "evil.example.org:8080", ...more })
            assert.strictEqual(status, 403, `${method} ${path}`)
          }
        }
      }
      const refused = yield* raw(open, "GET", "/dicomweb/studies", { ...page, host: "evil.example.org" })
      assert.match((JSON.parse(refused.text) as { readonly error: string }).error, /listener\.publicUrl/)
    }),
  )

  it.effect("answers tools under the name that a proxy hands on", () =>
    Effect.gen(function* () {
      const { open } = yield* Live
      const headers = { host: "pacs.example.org", "user-agent": "Orthanc" }
      assert.strictEqual((yield* raw(open, "GET", "/dicomweb/studies", headers)).status, 204)
    }),
  )

  it.effect("answers localhost and addresses, with and without a port, and what a proxy sends from there", () =>
    Effect.gen(function* () {
      const { open } = yield* Live
      for (const host of ["127.0.0.1", "localhost", "localhost:1", "[::1]:1"]) {
        assert.strictEqual((yield* raw(open, "GET", "/dicomweb/studies", { ...page, host })).status, 204, host)
      }
      const forwarded = { host: "127.0.0.1", "x-forwarded-host": "pacs.example.org", "x-forwarded-proto": "https" }
      assert.strictEqual((yield* raw(open, "GET", "/dicomweb/studies", forwarded)).status, 204)
    }),
  )

  it.effect("with sign-in needs no such thing: a page has no key", () =>
    Effect.gen(function* () {
      const { guarded } = yield* Live
      const host = "evil.example.org"
      assert.strictEqual((yield* raw(guarded, "GET", "/dicomweb/studies", { host })).status, 401)
      assert.strictEqual((yield* raw(guarded, "GET", "/dicomweb/studies", { host, "x-api-key": key })).status, 204)
    }),
  )
})
