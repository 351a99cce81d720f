// Which pages may ask, and which must not send.
import { assert, describe, it } from "@effect/vitest"
import * as Headers from "effect/http/Headers"
import { policy } from "../../src/http/cors.ts"

const viewer = "https://viewer.example.org"
const none = policy({ corsOrigins: [] })
const listed = policy({ corsOrigins: [viewer], publicUrl: "https://pacs.example.org/dicomweb" })
const everyone = policy({ corsOrigins: ["*"] })
const from = (origin: string, more: Record<string, string> = {}) =>
  Headers.fromInput({ origin, host: "127.0.0.1:8080", ...more })

describe("cors", () => {
  it("names the allowed origin with credentials, and nobody else", () => {
    const headers = listed.answerHeaders(viewer)
    assert.strictEqual(headers["access-control-allow-origin"], viewer)
    assert.strictEqual(headers["access-control-allow-credentials"], "true")
    for (const other of [
      "https://viewer.example.org.evil.org",
      "http://viewer.example.org",
      `${viewer}:8443`,
      "null",
    ]) {
      assert.deepStrictEqual(listed.answerHeaders(other), {})
    }
    assert.deepStrictEqual(none.answerHeaders(viewer), {})
    assert.isTrue(listed.varies)
    assert.isFalse(none.varies)
  })

  it("never gives credentials to every page", () => {
    const headers = everyone.answerHeaders("null")
    assert.strictEqual(headers["access-control-allow-origin"], "*")
    assert.notProperty(headers, "access-control-allow-credentials")
  })

  it.each([
    ["no Origin", none, "POST", Headers.fromInput({ host: "127.0.0.1:8080" }), false],
    ["a stranger's form", none, "POST", from("https://evil.example.org"), true],
    ["a stranger's sandbox", none, "POST", from("null"), true],
    ["a stranger's read", none, "GET", from("https://evil.example.org"), false],
    ["a stranger's WebSocket", none, "GET", from("https://evil.example.org", { upgrade: "websocket" }), true],
    ["our own page", none, "POST", from("http://127.0.0.1:8080"), false],
    ["another port of this machine", none, "POST", from("http://127.0.0.1:3000"), true],
    ["a rebound name", none, "POST", from("http://evil.example.org", { host: "evil.example.org" }), true],
    ["a page behind the same proxy", listed, "POST", from("https://pacs.example.org"), false],
    ["an allowed viewer", listed, "DELETE", from(viewer), false],
    ["anybody, when all are allowed", everyone, "POST", from("https://evil.example.org"), false],
  ] as const)("%s", (_, rules, method, headers, refused) => assert.strictEqual(rules.mustNot(method, headers), refused))

  it("echoes asked headers only when they are names", () => {
    const asked = (names: string) =>
      listed.preflightHeaders(from(viewer, { "access-control-request-headers": names }), "GET")[
        "access-control-allow-headers"
      ]
    assert.strictEqual(asked("authorization, x-foo"), "authorization, x-foo")
    assert.include(asked("a b\u00e9"), "Authorization")
    assert.include(asked("a,".repeat(5000) + "a"), "Authorization")
  })
})
