// Every route against everybody who should not get in: no key, a wrong one, one without the right, one of another origin.
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { accessTable } from "../../src/access/routes.ts"
import { Action } from "../../src/domain/caller.ts"
import { stowBody, stowType } from "../support/gateway.ts"
import { ctVolume, identity } from "../support/volumes.ts"
import { ask, GuardedGateway, keyOf } from "./access.fixture.ts"

const of = identity("P1")
const uids: Readonly<Record<string, string>> = {
  study: of.StudyInstanceUID,
  StudyInstanceUID: of.StudyInstanceUID,
  series: of.SeriesInstanceUID,
  instance: "1.2.3",
  frames: "1",
  id: "liver",
  uid: "1.2.3",
}
const find = accessTable({})

/** Every method and path that the running gateway says it has. */
const documented = Effect.gen(function* () {
  const { text } = yield* ask("/openapi.json", { headers: keyOf("admin") })
  const { paths } = JSON.parse(text) as { readonly paths: Readonly<Record<string, object>> }
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => uids[name] ?? "X"),
    })),
  )
})

/** An answer that never ends, and a body: neither is what this is about. */
const init = (method: string, headers: Record<string, string>): RequestInit =>
  ["POST", "PUT"].includes(method)
    ? { method, headers: { "content-type": "application/json", ...headers }, body: "{}" }
    : { method, headers }

layer(GuardedGateway.layer(), { timeout: 60_000, excludeTestServices: true })("every route", (it) => {
  it.effect("is in the table of who may what, and there are many", () =>
    Effect.gen(function* () {
      const routes = yield* documented
      assert.isAtLeast(routes.length, 39)
      const strange = routes.filter(({ method, path }) => find(method, path) === undefined)
      assert.deepStrictEqual(strange, [])
    }),
  )

  it.effect("is closed without a key, with a wrong one, and with a token that is none", () =>
    Effect.gen(function* () {
      const { token } = yield* GuardedGateway
      const expired = yield* token({ scope: "gateway.read", exp: 1 })
      for (const { method, path } of yield* documented) {
        if (path.startsWith("/health/")) {
          assert.strictEqual((yield* ask(path)).status, 200, path)
          continue
        }
        for (const headers of [
          {},
          { "x-api-key": "rgk_nobody" },
          { authorization: "Bearer a.b.c" },
          { authorization: `Bearer ${expired}` },
          { authorization: `Basic ${Buffer.from("admin:wrong").toString("base64")}` },
        ]) {
          const answer = yield* ask(path, init(method, headers))
          assert.strictEqual(answer.status, 401, `${method} ${path}`)
          assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer realm="region-gateway"/)
          assert.isString((JSON.parse(answer.text) as { readonly error: string }).error)
        }
      }
    }),
  )

  it.effect("is closed to a token without its scope, which the answer names", () =>
    Effect.gen(function* () {
      const { token } = yield* GuardedGateway
      for (const { method, path } of yield* documented) {
        const needs = find(method, path)!.needs
        if (needs === "open" || needs === "signed-in") continue
        const others = Action.literals.filter((action) => action !== needs).map((action) => `gateway.${action}`)
        const scope = [...others, needs, `gateway.${needs}s`].join(" ")
        const headers = { authorization: `Bearer ${yield* token({ scope, origins: ["north"] })}` }
        const answer = yield* ask(path, init(method, headers))
        assert.strictEqual(answer.status, 403, `${method} ${path}`)
        assert.include(answer.headers.get("www-authenticate") ?? "", `scope="gateway.${needs}"`)
      }
    }),
  )

  it.effect("tells a caller of another origin the same of a study that is there and of one that is not", () =>
    Effect.gen(function* () {
      const files = ctVolume(of, 2)
      const stored = yield* ask("/dicomweb/studies", {
        method: "POST",
        headers: { "content-type": stowType, ...keyOf("north") },
        body: stowBody(files),
      })
      assert.strictEqual(stored.status, 200, stored.text)
      const strange = identity("P2").StudyInstanceUID
      const routes = (yield* documented).filter(({ path }) => path.includes(of.StudyInstanceUID))
      assert.isAbove(routes.length, 15)
      for (const { method, path } of routes.filter(({ method }) => method !== "POST")) {
        for (const headers of [keyOf("south"), { accept: "*/*", ...keyOf("south") }]) {
          const there = yield* ask(path, init(method, headers))
          const not = yield* ask(path.replace(of.StudyInstanceUID, strange), init(method, headers))
          assert.strictEqual(there.status, not.status, `${method} ${path}`)
          assert.strictEqual(there.text.replaceAll(of.StudyInstanceUID, strange), not.text, `${method} ${path}`)
          assert.notInclude(there.text, "Secret", `${method} ${path}`)
          assert.isTrue(there.status === 204 || there.status >= 400, `${method} ${path}: ${there.status}`)
        }
      }
      const complete = yield* ask(`/api/studies/${of.StudyInstanceUID}/complete`, init("POST", keyOf("south")))
      assert.strictEqual(complete.status, 404)
      const seen = yield* ask(`/dicomweb/studies?StudyInstanceUID=${of.StudyInstanceUID}`, { headers: keyOf("north") })
      assert.strictEqual(seen.status, 200)
    }),
  )

  it.effect("lets in what is right, in every way to show it", () =>
    Effect.gen(function* () {
      const { token } = yield* GuardedGateway
      const key = keyOf("reader")["x-api-key"]
      const shown: ReadonlyArray<Record<string, string>> = [
        { "x-api-key": key },
        { authorization: `Bearer ${key}` },
        { authorization: `bearer  ${key}` },
        { authorization: `Basic ${Buffer.from(`orthanc:${key}`).toString("base64")}` },
        { authorization: `Bearer ${yield* token({ scope: "openid gateway.read", origins: ["north"] })}` },
        { authorization: `Bearer ${yield* token({ scp: ["gateway.read"], origins: ["north"] })}` },
      ]
      for (const headers of shown) {
        const answer = yield* ask("/dicomweb/studies", { headers })
        assert.strictEqual(answer.status, 200, JSON.stringify(headers))
        assert.strictEqual((yield* ask("/api/status", { headers })).status, 403)
      }
      // A token that names no origin is of nobody's.
      const nobodys = { authorization: `Bearer ${yield* token({ scope: "gateway.read gateway.operate" })}` }
      assert.strictEqual((yield* ask("/dicomweb/studies", { headers: nobodys })).status, 204)
      assert.strictEqual((yield* ask("/api/status", { headers: nobodys })).status, 403)
      for (const path of ["/nowhere", "/api/nowhere", "/dicomweb/nowhere"]) {
        assert.strictEqual((yield* ask(path, { headers: keyOf("admin") })).status, 404)
        assert.strictEqual((yield* ask(path)).status, 401)
      }
    }),
  )

  it.effect("keeps letting keys in while the issuer's keys cannot be had", () =>
    Effect.gen(function* () {
      const { token, keysOfIssuer } = yield* GuardedGateway
      const unknown = { authorization: `Bearer ${yield* token({ scope: "gateway.read" }, { kid: "two" })}` }
      keysOfIssuer.status = 500
      const answer = yield* ask("/dicomweb/studies", { headers: unknown })
      keysOfIssuer.status = 200
      assert.include([401, 503], answer.status)
      assert.strictEqual((yield* ask("/dicomweb/studies", { headers: keyOf("admin") })).status, 200)
    }),
  )
})
