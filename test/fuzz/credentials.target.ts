// Credentials that are nearly right, or nothing of the kind: none of them lets anybody in.
import * as fc from "fast-check"
import type { Live } from "./live.ts"
import { Wrong } from "./live.ts"
import { target } from "./target.ts"

const base64url = (text: string) => Buffer.from(text).toString("base64url")

const claims = fc.record(
  {
    iss: fc.constantFrom("https://issuer.example.org", "https://issuer.example.org/", "x", ""),
    aud: fc.oneof(fc.constantFrom("gateway", "other", ""), fc.constant(["gateway"])),
    exp: fc.constantFrom<unknown>(4_102_444_800, 0, -1, "4102444800", 1e308, null),
    sub: fc.constantFrom("admin", ""),
    scope: fc.constantFrom("gateway.read gateway.operate", "*"),
  },
  { requiredKeys: [] },
)
const head = fc.record(
  {
    alg: fc.constantFrom<unknown>("none", "None", "HS256", "RS256", "ES256", "EdDSA", "", null, 1),
    kid: fc.constantFrom("known", "other", "../../etc/passwd", ""),
    typ: fc.constantFrom("JWT", "at+jwt"),
    jwk: fc.constant({ kty: "oct", k: "AAAA" }),
    jku: fc.constant("http://127.0.0.1:1/jwks"),
    crit: fc.constant(["exp"]),
    b64: fc.boolean(),
  },
  { requiredKeys: [] },
)
const token = fc
  .tuple(
    head,
    fc.oneof(claims, fc.jsonValue({ maxDepth: 2 })),
    fc.constantFrom("", "AAAA", "A".repeat(342), "."),
    fc.constantFrom(".", ".", "..", ""),
  )
  .map(
    ([h, c, signature, dot]) =>
      `${base64url(JSON.stringify(h))}${dot}${base64url(JSON.stringify(c) ?? "")}.${signature}`,
  )

const printable = fc.string({ unit: "grapheme-ascii", maxLength: 60 })

export const credentialTargets = (key: string) => {
  const near = fc.oneof(
    fc
      .integer({ min: 0, max: key.length - 1 })
      .map((at) => key.slice(0, at) + (key[at] === "x" ? "y" : "x") + key.slice(at + 1)),
    fc.constantFrom(
      key.slice(1),
      key.slice(0, -1),
      `${key}x`,
      key.toUpperCase(),
      `${key},${key}`,
      `"${key}"`,
      "",
      "rgk_",
      "rgk_".padEnd(8000, "A"),
    ),
  )
  const secret = fc.oneof(near, token, printable)
  const header = fc.oneof(
    fc
      .tuple(fc.constantFrom("Bearer", "bearer", "Basic", "Digest", "ApiKey", ""), secret)
      .map(([scheme, text]) => ({ authorization: `${scheme} ${text}` })),
    secret.map((text) => ({ authorization: `Basic ${Buffer.from(`user:${text}`).toString("base64")}` })),
    secret.map((text) => ({ "x-api-key": text })),
    fc.tuple(secret, secret).map(([a, b]) => ({ authorization: `Bearer ${a}`, "x-api-key": b })),
    fc.constant({}),
  )
  const address = fc.constantFrom(
    "/dicomweb/studies",
    "/api/status",
    "/metrics",
    "/api/alerts/stream",
    "/dicomweb/studies/1.2/metadata",
    "/openapi.json",
  )
  return [
    target("credentials", 5, fc.tuple(address, header), async ([path, headers], live: Live) => {
      const { status } = await live.judged({ path, headers, unsigned: true })
      if (status !== 401 && status !== 400) throw new Wrong(`let in with ${status}`)
    }),
  ]
}
