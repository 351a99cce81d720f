// Capabilities, OPTIONS, CORS, HEAD and compression (PS3.18 §8.4, §8.9; Fetch standard; RFC 9110) on one gateway.
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { archive, compressed, ct } from "./archive.fixture.ts"
import { type Check, checks, json, Live, perform } from "./checks.fixture.ts"
import { ask, dicomType, store } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { newCt } from "./part10-files.fixture.ts"

const viewer = "https://viewer.example.org"
const stranger = "https://evil.example.net"
const study = "/studies/1.2.3.4.1"
const series = `${study}/series/${ct[0]!.SeriesInstanceUID}`
const instance = `${series}/instances/${ct[0]!.SOPInstanceUID}`

const resources: ReadonlyArray<readonly [path: string, ...methods: ReadonlyArray<string>]> = [
  ["/studies", "GET", "HEAD", "POST", "OPTIONS"],
  [study, "GET", "HEAD", "POST", "DELETE", "OPTIONS"],
  [`${study}/metadata`, "GET", "HEAD", "OPTIONS"],
  [`${study}/series`, "GET", "HEAD", "OPTIONS"],
  [series, "GET", "HEAD", "DELETE", "OPTIONS"],
  [instance, "GET", "HEAD", "DELETE", "OPTIONS"],
  [`${instance}/frames/1`, "GET", "HEAD", "OPTIONS"],
  [`${instance}/rendered`, "GET", "HEAD", "OPTIONS"],
]
const options: ReadonlyArray<Check> = [
  ...resources.map(([path, ...methods]): Check => ({
    name: `RFC 9110 §9.3.7 OPTIONS ${path}`,
    method: "OPTIONS",
    path,
    status: [200, 204],
    shows: ({ headers }) => assert.includeMembers((headers["allow"] ?? "").split(/, */), [...methods]),
  })),
  ...(
    [
      ["PUT", "/studies"],
      ["DELETE", "/studies"],
      ["PUT", instance],
      ["PATCH", study],
      ["POST", `${study}/metadata`],
      ["POST", `${instance}/frames/1`],
      ["DELETE", `${study}/metadata`],
    ] as const
  ).map(([method, path]): Check => ({
    name: `RFC 9110 §15.5.6 ${method} ${path}`,
    method,
    path,
    status: 405,
    has: { allow: /GET/ },
  })),
  {
    name: "§8.9 capabilities as WADL",
    method: "OPTIONS",
    path: "/",
    headers: { accept: "application/vnd.sun.wadl+xml" },
    status: 200,
    type: /^application\/vnd\.sun\.wadl\+xml/,
    shows: ({ text }) => assert.match(text, /<application[\s\S]*studies/),
  },
  {
    name: "§8.9 capabilities as JSON",
    method: "OPTIONS",
    path: "/",
    headers: { accept: "application/json" },
    status: 200,
    type: /json/,
    shows: ({ text }) => assert.doesNotThrow(() => JSON.parse(text) as unknown),
  },
  { name: "§8.9 a description at the root", path: "", status: 200, type: /json/ },
  { name: "§8.2 an address that is no resource", path: "/patients", status: 404 },
  { name: "§8.2 a trailing slash", path: "/studies/", status: 200 },
]

const preflight = (path: string, method: string, headers: string, origin: string, shows: Check["shows"]): Check => ({
  name: `Fetch §3.3.2 preflight of ${method} ${path} with ${headers} from ${origin}`,
  method: "OPTIONS",
  path,
  headers: { origin, "access-control-request-method": method, "access-control-request-headers": headers },
  status: [200, 204],
  ...(shows === undefined ? {} : { shows }),
})
const allows =
  (method: string, ...headers: ReadonlyArray<string>): NonNullable<Check["shows"]> =>
  (answer) => {
    assert.strictEqual(answer.headers["access-control-allow-origin"], viewer)
    assert.include(answer.headers["access-control-allow-methods"] ?? "", method)
    const allowed = (answer.headers["access-control-allow-headers"] ?? "").toLowerCase().split(/, */)
    assert.includeMembers(allowed, [...headers])
    assert.match(answer.headers["vary"] ?? "", /origin/i)
  }
const none: NonNullable<Check["shows"]> = ({ headers }) => assert.isUndefined(headers["access-control-allow-origin"])
const fromPage = (name: string, path: string, status: Check["status"], more: Partial<Check> = {}): Check => ({
  name: `Fetch §3.3 ${name}`,
  path,
  headers: { origin: viewer },
  status,
  has: { "access-control-allow-origin": viewer, vary: /origin/i },
  ...more,
})
const cors: ReadonlyArray<Check> = [
  preflight("/studies", "GET", "accept,authorization", viewer, allows("GET", "accept", "authorization")),
  preflight(
    `${instance}/frames/1`,
    "GET",
    "accept, authorization, x-requested-with",
    viewer,
    allows("GET", "accept", "authorization"),
  ),
  preflight("/studies", "POST", "content-type", viewer, allows("POST", "content-type")),
  preflight(study, "DELETE", "authorization", viewer, allows("DELETE", "authorization")),
  preflight("/studies", "GET", "authorization", stranger, none),
  fromPage("a search", "/studies", 200),
  fromPage("metadata", `${series}/metadata`, 200),
  fromPage("frames", `${instance}/frames/1`, 200),
  fromPage("a picture", `${instance}/rendered`, 200),
  fromPage("no match", "/studies?PatientID=NOBODY", 204),
  fromPage("what is not there", "/studies/1.2.3.999/metadata", 404),
  fromPage("a bad question", "/studies?limit=-1", 400),
  fromPage("headers that a viewer reads", `${series}/metadata`, 200, {
    has: { "access-control-expose-headers": /ETag/i },
  }),
  {
    name: "Fetch §3.3 a stranger is told nothing of it",
    path: "/studies",
    headers: { origin: stranger },
    status: 200,
    shows: none,
  },
  {
    name: "a stranger's page cannot store",
    path: "/studies",
    ...store(newCt().bytes),
    headers: { "content-type": dicomType, origin: stranger },
    status: 403,
  },
  {
    name: "the viewer's page can store",
    path: "/studies",
    ...store(newCt().bytes),
    headers: { "content-type": dicomType, origin: viewer },
    status: 200,
  },
]

const heads: ReadonlyArray<string> = [
  "/studies",
  `${study}/metadata`,
  instance,
  `${instance}/frames/1`,
  `${instance}/rendered`,
  "/studies?PatientID=NOBODY",
  "/studies/1.2.3.999",
]
const compressible = ["/instances?includefield=all", `${study}/metadata`]

layer(live(archive, { GATEWAY_LISTENER_CORS_ORIGINS: `["${viewer}"]` }), {
  timeout: 60_000,
  excludeTestServices: true,
})("the surface", (it) => {
  checks(it, [...options, ...cors])

  for (const path of heads) {
    it.effect(`RFC 9110 §9.3.2 HEAD ${path} tells what GET tells, without a body`, () =>
      Effect.gen(function* () {
        const { url } = yield* Live
        const [got, head] = [
          yield* ask(url, `/dicomweb${path}`),
          yield* ask(url, `/dicomweb${path}`, { method: "HEAD" }),
        ]
        assert.strictEqual(head.status, got.status)
        assert.lengthOf(head.body, 0)
        const kind = (type: string | undefined) => type?.replace(/boundary=.*/, "")
        assert.strictEqual(kind(head.headers["content-type"]), kind(got.headers["content-type"]))
        assert.strictEqual(head.headers["etag"], got.headers["etag"])
      }),
    )
  }

  for (const [coding, decompress] of [
    ["gzip", gunzipSync],
    ["deflate", inflateSync],
    ["br", brotliDecompressSync],
  ] as const) {
    for (const path of compressible) {
      it.effect(`RFC 9110 §12.5.3 ${path} with Accept-Encoding: ${coding}`, () =>
        Effect.gen(function* () {
          const { url } = yield* Live
          const plain = yield* ask(url, `/dicomweb${path}`)
          const answer = yield* ask(url, `/dicomweb${path}`, { headers: { "accept-encoding": coding } })
          const used = answer.headers["content-encoding"]
          if (coding === "gzip") assert.strictEqual(used, "gzip")
          else assert.include([undefined, coding], used)
          assert.match(answer.headers["vary"] ?? "", /accept-encoding/i)
          assert.isUndefined(plain.headers["content-encoding"])
          const text = (used === undefined ? answer.body : decompress(answer.body)).toString("utf8")
          assert.deepEqual(JSON.parse(text), json(plain))
        }),
      )
    }
  }
  const uncompressed: ReadonlyArray<readonly [name: string, path: string, accept: string]> = [
    ["DICOM", `/studies/${compressed[0]!.StudyInstanceUID}`, "*/*"],
    ["frames", `${instance}/frames/1`, "*/*"],
    ["pictures", `${instance}/rendered?viewport=512,512`, "image/png"],
  ]
  checks(it, [
    ...uncompressed.map(([name, path, accept]): Check => ({
      name: `${name} are not compressed again`,
      path,
      headers: { accept, "accept-encoding": "gzip" },
      status: 200,
      has: { "content-encoding": null },
    })),
    {
      name: "RFC 9110 §12.5.3 gzip;q=0 means no gzip",
      path: `${study}/metadata`,
      headers: { "accept-encoding": "gzip;q=0" },
      status: 200,
      has: { "content-encoding": null },
    },
    {
      name: "RFC 9110 §12.5.3 identity",
      path: `${study}/metadata`,
      headers: { "accept-encoding": "identity" },
      status: 200,
      has: { "content-encoding": null },
    },
    {
      name: "patient data is not kept by caches that others share",
      path: "/studies",
      status: 200,
      has: { "cache-control": /no-store|private|no-cache/, "x-content-type-options": "nosniff" },
    },
  ])

  it.effect("RFC 9110 §8.8.3 ETag and compression go together", () =>
    Effect.gen(function* () {
      const gzip = { "accept-encoding": "gzip" }
      const first = yield* perform({ name: "", path: `${study}/metadata`, headers: gzip, status: 200 })
      const etag = first.headers["etag"]!
      const again = { ...gzip, "if-none-match": etag }
      const same = yield* perform({ name: "", path: `${study}/metadata`, headers: again, status: 304 })
      // RFC 9110 §15.4.5: ETag and Vary are those of the 200
      assert.strictEqual(same.headers["etag"], etag)
      const varies = (answer: typeof first) => (answer.headers["vary"] ?? "").toLowerCase().split(/, */)
      assert.sameMembers(varies(same), varies(first))
    }),
  )
})
