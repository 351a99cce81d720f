// TLS: versions, certificates read again while it serves, client certificates as a way to sign in, slow headers.
import { copyFileSync, renameSync, writeFileSync } from "node:fs"
import type { Server } from "node:http"
import { connect } from "node:net"
import { X509Certificate } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule, Schema } from "effect"
import { makeCertificates } from "../../src/access/certificates.ts"
import { httpServer } from "../../src/access/http-server.ts"
import { CertificateGrant } from "../../src/config/access-settings.ts"
import { ListenerSettings } from "../../src/config/listener-settings.ts"
import { ask, authority } from "./certificates.fixture.ts"

const listener = (more: object = {}, tls: object = {}): ListenerSettings =>
  Schema.decodeUnknownSync(ListenerSettings)({
    host: "127.0.0.1",
    port: 0,
    allowUnauthenticated: false,
    allowPlaintext: false,
    publicUrl: "",
    corsOrigins: [],
    maxConnections: 100,
    maxHeaderBytes: 16_384,
    headerSeconds: 30,
    maxPartBytes: 1,
    maxConcurrentStores: 1,
    minFreeBytes: 0,
    ...more,
    tls: { certificate: "", key: "", clientCa: "", clientCertificates: "none", ...tls },
  })

const listening = (server: Server) =>
  Effect.gen(function* () {
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        }),
    )
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })

const names = (tls: readonly [string, string]) => ({ certificate: tls[0], key: tls[1] })

describe("TLS", () => {
  it.live("serves 1.2 and later, says https in addresses, and takes a new certificate while it serves", () =>
    Effect.gen(function* () {
      const { at, ca, issue } = yield* authority
      issue("server", "/CN=first")
      const files = names([at("server.crt"), at("server.key")])
      const server = yield* httpServer(listener({}, files))
      server.on("request", ({ headers }, response) => response.end(headers["x-forwarded-proto"]))
      const url = `https://127.0.0.1:${yield* listening(server)}/`

      const first = yield* ask(url, { ca })
      assert.deepInclude(first, { status: 200, server: "first", text: "https", protocol: "TLSv1.3" })
      assert.strictEqual((yield* ask(url, { ca, maxVersion: "TLSv1.2" })).protocol, "TLSv1.2")
      yield* Effect.flip(ask(url, { ca, minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }))
      const proxied = yield* ask(url, { ca }, { "x-forwarded-proto": "http" })
      assert.strictEqual(proxied.text, "http")

      // A file that is broken, and one whose key is another's, leave the old one in force.
      writeFileSync(at("server.crt"), "no certificate")
      process.emit("SIGHUP")
      yield* Effect.sleep("50 millis")
      assert.strictEqual((yield* ask(url, { ca })).server, "first")
      issue("next", "/CN=second")
      copyFileSync(at("next.crt"), at("server.crt"))
      process.emit("SIGHUP")
      yield* Effect.sleep("50 millis")
      assert.strictEqual((yield* ask(url, { ca })).server, "first")

      renameSync(at("next.key"), at("server.key"))
      // Without a signal: the files are looked at.
      yield* ask(url, { ca }).pipe(
        Effect.filterOrFail(({ server }) => server === "second"),
        Effect.retry(Schedule.spaced("100 millis")),
        Effect.timeout("10 seconds"),
      )
      issue("server", "/CN=third")
      process.emit("SIGHUP")
      yield* ask(url, { ca }).pipe(
        Effect.filterOrFail(({ server }) => server === "third"),
        Effect.retry(Schedule.spaced("20 millis")),
        Effect.timeout("1 second"),
      )
    }).pipe(Effect.scoped),
  )

  it.live("does not start with files that cannot be used", () =>
    Effect.gen(function* () {
      const { at, issue } = yield* authority
      issue("a", "/CN=a")
      issue("b", "/CN=b")
      const missing = yield* Effect.flip(httpServer(listener({}, names([at("no.crt"), at("a.key")]))))
      const foreign = yield* Effect.flip(httpServer(listener({}, names([at("a.crt"), at("b.key")]))))
      for (const { message } of [missing, foreign]) assert.match(message, /^listener\.tls: /)
    }).pipe(Effect.scoped),
  )

  it.live("knows callers by the certificates that its authority signed, and nobody else", () =>
    Effect.gen(function* () {
      const { at, ca, issue } = yield* authority
      issue("server", "/CN=server")
      const ct = issue("ct", "/O=Hospital/CN=ct1")
      const other = issue("other", "/CN=other")
      const elsewhere = yield* authority
      const forged = elsewhere.issue("ct", "/O=Hospital/CN=ct1")
      const grant = Schema.decodeUnknownSync(CertificateGrant)
      const { fingerprint256 } = new X509Certificate(other.cert)
      const callerOf = makeCertificates([
        grant({ name: "by subject", actions: ["store"], subject: "CN=ct1, O=Hospital" }),
        grant({ name: "by fingerprint", actions: ["read"], fingerprint: fingerprint256 }),
      ])
      const files = { ...names([at("server.crt"), at("server.key")]), clientCa: at("ca.crt") }
      const serving = Effect.fnUntraced(function* (clientCertificates: string) {
        const server = yield* httpServer(listener({}, { ...files, clientCertificates }))
        server.on("request", (request, response) => response.end(callerOf(request)?.name ?? "nobody"))
        return `https://127.0.0.1:${yield* listening(server)}/`
      })
      const optional = yield* serving("optional")
      const said = (options: object) => Effect.map(ask(optional, { ca, ...options }), ({ text }) => text)
      assert.strictEqual(yield* said(ct), "by subject")
      assert.strictEqual(yield* said(other), "by fingerprint")
      assert.strictEqual(yield* said({}), "nobody")
      assert.strictEqual(yield* said(forged), "nobody")
      assert.strictEqual(yield* said(issue("third", "/CN=ct1")), "nobody")
      const required = yield* serving("required")
      assert.strictEqual((yield* ask(required, { ca, ...ct })).text, "by subject")
      yield* Effect.flip(ask(required, { ca }))
      yield* Effect.flip(ask(required, { ca, ...forged }))
    }).pipe(Effect.scoped),
  )
})

describe("the server", () => {
  it.live("ends headers that do not come", () =>
    Effect.gen(function* () {
      const server = yield* httpServer(listener({ headerSeconds: 1 }))
      server.on("request", (_, response) => response.end("served"))
      const port = yield* listening(server)
      const said = yield* Effect.callback<string>((resume) => {
        const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "))
        let text = ""
        socket.on("data", (chunk) => (text += String(chunk)))
        socket.on("close", () => resume(Effect.succeed(text)))
      }).pipe(Effect.timeout("15 seconds"))
      assert.match(said, /^HTTP\/1\.1 408 /)
    }).pipe(Effect.scoped),
  )
})
