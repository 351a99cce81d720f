// Hostile HTTP against a live gateway: each is answered or cut off in bounded time, and others are served meanwhile.
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { idle, say, statuses } from "./socket.fixture.ts"

class Live extends Context.Service<Live, { readonly url: string }>()("test/http/HostileLive") {}

const LiveLayer = Layer.effect(
  Live,
  Effect.flatMap(temporaryFolder, (data) => childGateway(data, { GATEWAY_LISTENER_HEADER_SECONDS: "2" })),
)

const host = "Host: 127.0.0.1\r\n"
const get = (path = "/health/live", more = "") => `GET ${path} HTTP/1.1\r\n${host}${more}\r\n`
const post = (headers: string, body: string) => `POST /dicomweb/studies HTTP/1.1\r\n${host}${headers}\r\n${body}`

/** Another caller's question, answered within seconds. */
const othersServed = Effect.gen(function* () {
  const { url } = yield* Live
  const response = yield* Effect.promise(() => fetch(`${url}/health/ready`)).pipe(Effect.timeout("5 seconds"))
  assert.strictEqual(response.status, 200)
})

const answers = (heard: string) => {
  const [head = "", body = ""] = heard.split("\r\n\r\n")
  return { head, body }
}

layer(LiveLayer, { excludeTestServices: true })("hostile HTTP", (it) => {
  it.effect.each([
    ["headers of 1 MB", get("/health/live", `X-Flood: ${"a".repeat(1_000_000)}\r\n`), 431],
    [
      "ten thousand headers",
      get("/health/live", Array.from({ length: 10_000 }, (_, n) => `X-${n}: abcdefgh\r\n`).join("")),
      431,
    ],
    ["an address of 1 MB", get(`/dicomweb/studies?PatientID=${"a".repeat(1_000_000)}`), 431],
    ["length and chunks at once", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nGET /x"), 400],
    ["two lengths", post("Content-Length: 4\r\nContent-Length: 5\r\n", "aaaa"), 400],
    ["a length with a sign", post("Content-Length: +4\r\n", "aaaa"), 400],
    ["a length with a comma", post("Content-Length: 4, 4\r\n", "aaaa"), 400],
    ["chunks that are not last", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), 400],
    ["an encoding made up", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 400],
    ["a chunk size that is none", post("Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n", "zz\r\n"), 400],
    ["a blank before the colon", get("/health/live", "X-A : b\r\n"), 400],
    ["a null byte in a header", get("/health/live", "X-A: \0\r\n"), 400],
    ["a bare carriage return", "GET /health/live HTTP/1.1\rHost: a\r\n\r\n", 400],
    ["HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["HTTP/9.9", "GET /health/live HTTP/9.9\r\nHost: a\r\n\r\n", 400],
    ["garbage", "\u0016\u0003\u0001\u0002\0\u0001\u00ff".repeat(100), 400],
    ["an unknown method", `BREW /health/live HTTP/1.1\r\n${host}\r\n`, 400],
    ["a target with a blank", `GET /health /live HTTP/1.1\r\n${host}\r\n`, 400],
  ] as const)("%s", ([, bytes, wanted]) =>
    Effect.gen(function* () {
      const heard = yield* say((yield* Live).url, Buffer.from(bytes, "latin1"))
      const { head, body } = answers(heard)
      // Never a second answer to what was smuggled behind.
      assert.deepStrictEqual(statuses(heard), [wanted])
      assert.match(head, /connection: close/i)
      assert.hasAllKeys(JSON.parse(body), ["error"])
      yield* othersServed
    }),
  )

  it.effect("refuses a request without host", () =>
    Effect.gen(function* () {
      const heard = yield* say((yield* Live).url, "GET /health/live HTTP/1.1\r\n\r\n")
      const { head, body } = answers(heard)
      assert.deepStrictEqual(statuses(heard), [400])
      assert.match(head, /connection: close/i)
      assert.hasAllKeys(JSON.parse(body), ["error"])
    }),
  )

  it.effect("keeps a connection longer than proxies do, and says so; an unknown address is told in one sentence", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const response = yield* Effect.promise(() => fetch(`${url}/nothing/here`))
      assert.strictEqual(response.headers.get("keep-alive"), "timeout=75")
      assert.deepStrictEqual(
        [response.status, yield* Effect.promise(() => response.json())],
        [404, { error: "there is nothing under this address and method" }],
      )
    }),
  )

  it.effect("ends with HTTP/0.9", () =>
    Effect.gen(function* () {
      const heard = yield* say((yield* Live).url, "GET /health/live\r\n\r\n")
      assert.include([400, 200, 505], statuses(heard)[0])
    }),
  )

  it.effect("answers HTTP/1.0 without chunks, and ends", () =>
    Effect.gen(function* () {
      const heard = yield* say((yield* Live).url, "GET /openapi.json HTTP/1.0\r\n\r\n")
      assert.deepStrictEqual(statuses(heard), [200])
      assert.notMatch(answers(heard).head, /chunked/i)
      assert.property(JSON.parse(answers(heard).body), "openapi")
    }),
  )

  it.effect("answers pipelined requests in their order", () =>
    Effect.gen(function* () {
      const many = 200
      const bytes = Array.from({ length: many }, (_, n) => get(n % 2 === 0 ? "/health/live" : "/nowhere")).join("")
      const heard = yield* say((yield* Live).url, bytes, (text) => statuses(text).length === many)
      assert.deepStrictEqual(
        statuses(heard),
        Array.from({ length: many }, (_, n) => (n % 2 === 0 ? 200 : 404)),
      )
      yield* othersServed
    }),
  )

  it.effect("answers a caller who has closed its half", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const socket = yield* idle((yield* Live).url)
        const heard = yield* Effect.callback<string>((resume) => {
          let text = ""
          socket.on("data", (chunk) => (text += chunk.toString()))
          socket.once("close", () => resume(Effect.succeed(text)))
          socket.end(get("/health/live", "Connection: close\r\n"))
        }).pipe(Effect.timeout("5 seconds"))
        assert.deepStrictEqual(statuses(heard), [200])
      }),
    ),
  )

  it.effect("serves others while 500 connections idle, hold half a head, or half a body", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* Live
        const sockets = yield* Effect.forEach(Array.from({ length: 500 }), () => idle(url), { concurrency: 50 })
        yield* othersServed
        for (const [n, socket] of sockets.entries()) {
          if (n % 3 === 1) socket.write(`GET /health/live HTTP/1.1\r\n${host}X-Slow: `)
          if (n % 30 === 2) {
            socket.write(
              post(
                'Content-Type: multipart/related; type="application/dicom"; boundary=x\r\nContent-Length: 99999\r\n',
                "--x\r\n",
              ),
            )
          }
        }
        yield* othersServed
        yield* othersServed
      }),
    ),
  )

  it.effect("ends a head that does not come to its end", () =>
    Effect.gen(function* () {
      const heard = yield* say((yield* Live).url, `GET /health/live HTTP/1.1\r\n${host}X-Slow: `)
      assert.deepStrictEqual(statuses(heard), [408])
    }),
  )

  it.effect("does not stumble over an upgrade nobody asked for", () =>
    Effect.gen(function* () {
      const { url } = yield* Live
      const upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
      const heard = yield* say(url, get("/health/live", upgrade), (text) => text.includes("\r\n\r\n"))
      assert.deepStrictEqual(statuses(heard), [200])
      const socket =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"
      const refused = yield* say(url, get("/dicomweb/studies", socket), (text) => text.includes("\r\n\r\n"))
      assert.notInclude(statuses(refused), 101)
      yield* othersServed
    }),
  )
})
