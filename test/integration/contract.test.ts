// The HTTP contract as clients see it, on one gateway: refusals are JSON sentences with the right status, what is
// accepted is kept byte for byte and accounted for, and a search never answers with what it must not.
import { once } from "node:events"
import { type IncomingMessage, request } from "node:http"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schedule } from "effect"
import type { SearchAnswer } from "../../src/domain/hit.ts"
import type { StudyStatus } from "../../src/domain/study.ts"
import {
  getJson,
  postJson,
  settled,
  startGateway,
  stow,
  stowBody,
  stowType,
  studyReady,
  temporaryFolder,
} from "../support/gateway.ts"
import { ctSlice, ctVolume, identity, newUid } from "../support/volumes.ts"

/** A gateway with three volumes: two of one patient, one of another, and a report that is no image. */
class Archive extends Context.Service<Archive, { readonly url: string }>()("test/Archive") {}

const [first, second, other] = [identity("P1"), identity("P1"), identity("P2")]
const report = { SOPClassUID: "1.2.840.10008.5.1.4.1.1.88.11", Modality: "SR", PixelData: undefined }

const ArchiveLive = Layer.effect(
  Archive,
  Effect.gen(function* () {
    const { url } = yield* startGateway(join(yield* temporaryFolder, "data"))
    yield* stow(
      url,
      [first, second, other].flatMap((one) => ctVolume(one)),
    )
    yield* stow(url, [ctSlice(identity("P3"), 0, report)])
    yield* settled(url)
    return { url }
  }),
)

const named = ({ StudyInstanceUID, SeriesInstanceUID }: typeof first) => ({ StudyInstanceUID, SeriesInstanceUID })

const ask = (path: string, init: RequestInit = {}) =>
  Effect.gen(function* () {
    const { url } = yield* Archive
    const response = yield* Effect.promise(() => fetch(`${url}${path}`, init))
    const text = yield* Effect.promise(() => response.text())
    return { status: response.status, type: response.headers.get("content-type") ?? "", text }
  })

const json = { "content-type": "application/json" }
const search = (body: unknown, headers: Record<string, string> = json) =>
  ask("/api/regions/search", { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) })

const errorOf = ({ text, type }: { readonly text: string; readonly type: string }) => {
  assert.strictEqual(type, "application/json", text)
  const { error } = JSON.parse(text) as { readonly error: string }
  assert.isString(error)
  assert.notInclude(text, "Secret")
  assert.notMatch(text, /\bat .*\.ts:\d/)
  return error
}

const multipart = (parts: ReadonlyArray<readonly [type: string, body: Uint8Array | string]>) =>
  Buffer.concat([
    ...parts.map(([type, body]) =>
      Buffer.concat([Buffer.from(`--b\r\nContent-Type: ${type}\r\n\r\n`), Buffer.from(body), Buffer.from("\r\n")]),
    ),
    Buffer.from("--b--\r\n"),
  ])

const upload = (parts: Parameters<typeof multipart>[0]) =>
  ask("/api/regions/search", {
    method: "POST",
    headers: { "content-type": 'multipart/related; type="application/json"; boundary=b' },
    body: multipart(parts),
  })

const region = (region: unknown) => ({ ...named(first), region })

layer(ArchiveLive, { timeout: 60_000, excludeTestServices: true })("the HTTP contract", (it) => {
  it.effect("answers unknown addresses and methods as JSON", () =>
    Effect.gen(function* () {
      for (const [method, path, status] of [
        ["GET", "/nowhere", 404],
        ["GET", "/api/nowhere", 404],
        ["GET", "/dicomweb/nowhere", 404],
        ["DELETE", "/api/status", 405],
        ["GET", "/api/studies/%/status", 400],
      ] as const) {
        const answer = yield* ask(path, { method })
        assert.strictEqual(answer.status, status, path)
        errorOf(answer)
      }
    }),
  )

  it.effect("names the key at fault", () =>
    Effect.gen(function* () {
      const bad: ReadonlyArray<readonly [body: unknown, key: string]> = [
        [{}, "StudyInstanceUID: "],
        [{ ...named(first), SeriesInstanceUID: "../x" }, "SeriesInstanceUID: expected a DICOM UID"],
        [{ ...named(first), k: 201 }, "k: "],
        [{ ...named(first), kk: 1 }, "kk: not allowed here"],
        [region({ slices: { from: -1, to: 2 } }), "region.slices.from: "],
        [region({ box: { min: [0, 0], max: [1, 1, 1] } }), "region.box.min.2: "],
        [region({ segment: { SOPInstanceUID: "1.2", SegmentNumber: 0 } }), "region.segment.SegmentNumber: "],
        [
          `{"StudyInstanceUID":"1","SeriesInstanceUID":"2","region":{"box":{"min":[1e999,0,0],"max":[1,1,1]}}}`,
          "region.box.min.0: ",
        ],
        ["{", "the request: "],
        ["[".repeat(50_000), "the request: "],
      ]
      for (const [body, key] of bad) {
        const answer = yield* search(body)
        assert.strictEqual(answer.status, 400, key)
        const error = errorOf(answer)
        assert.isTrue(error.startsWith(key), `${error} should start with ${key}`)
        assert.notInclude(error, "; ", "one fault, one sentence")
      }
      const put = (id: string, body: unknown) =>
        ask(`/api/standing-regions/${id}`, { method: "PUT", headers: json, body: JSON.stringify(body) })
      const rule = { ...named(first), label: "disc", threshold: 0.5 }
      assert.match(errorOf(yield* put("a%20b", rule)), /^id: /)
      assert.match(errorOf(yield* put("a", { ...rule, threshold: 2 })), /^threshold: /)
      assert.match(errorOf(yield* put("a", { ...rule, treshold: 1 })), /^treshold: not allowed here/)
      assert.match(errorOf(yield* ask("/api/alerts?limit=0")), /^limit: /)
      assert.match(errorOf(yield* ask("/api/studies/x/status")), /^StudyInstanceUID: /)
    }),
  )

  it.effect("refuses other media types and bodies that are too long", () =>
    Effect.gen(function* () {
      const plain = yield* search(named(first), { "content-type": "text/plain" })
      assert.strictEqual(plain.status, 415)
      errorOf(plain)
      const rule = { method: "PUT", headers: { "content-type": "text/plain" }, body: "{}" }
      const put = yield* ask("/api/standing-regions/a", rule)
      assert.strictEqual(put.status, 415)
      errorOf(put)
      const long = JSON.stringify({ ...named(first), label: "x".repeat(10_000_000), threshold: 0 })
      for (const [method, path] of [
        ["POST", "/api/regions/search"],
        ["PUT", "/api/standing-regions/a"],
      ] as const) {
        const answer = yield* ask(path, { method, headers: json, body: long })
        assert.strictEqual(answer.status, 413, path)
        errorOf(answer)
      }
    }),
  )

  it.effect("tells what is not there from what is not a region", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [body: unknown, status: number]> = [
        [{ ...named(first), StudyInstanceUID: "1.2.3" }, 404],
        [{ ...named(first), SeriesInstanceUID: other.SeriesInstanceUID }, 404],
        [region({ slices: { from: 0, to: 6 } }), 422],
        [region({ box: { min: [900, 900, 900], max: [901, 901, 901] } }), 422],
        [region({ segment: { SOPInstanceUID: "1.2.3", SegmentNumber: 1 } }), 404],
        [region({ slices: { from: 4, to: 1 } }), 200],
        [region({ box: { min: [-1e308, -1e308, -1e308], max: [1e308, 1e308, 1e308] } }), 200],
      ]
      for (const [body, status] of cases) {
        const answer = yield* search(body)
        assert.strictEqual(answer.status, status, `${JSON.stringify(body)}: ${answer.text.slice(0, 200)}`)
        if (status !== 200) errorOf(answer)
        // What fails before the first line has its status also where lines were asked for.
        const streamed = yield* search(body, { ...json, accept: "application/x-ndjson" })
        assert.strictEqual(streamed.status, status)
        const types = streamed.text
          .trim()
          .split("\n")
          .map((line) => (JSON.parse(line) as { type?: string }).type)
        assert.deepStrictEqual(types, status === 200 ? ["candidates", "hits", "done"] : [undefined])
      }
    }),
  )

  it.effect("leaves out the same patient, named or uploaded, and the deleted", () =>
    Effect.gen(function* () {
      const { url } = yield* Archive
      const hits = ({ text }: { readonly text: string }) =>
        (JSON.parse(text) as SearchAnswer).hits.map(({ SeriesInstanceUID }) => SeriesInstanceUID as string).sort()
      const all = { filter: { excludeSamePatient: false } }
      const both = [second.SeriesInstanceUID, other.SeriesInstanceUID].sort()
      assert.deepStrictEqual(hits(yield* search(named(first))), [other.SeriesInstanceUID])
      assert.deepStrictEqual(hits(yield* search({ ...named(first), ...all })), both)
      const volume = ctVolume(first).map((bytes) => ["application/dicom", bytes] as const)
      const sent = (body: unknown) => upload([["application/json", JSON.stringify(body)], ...volume])
      assert.deepStrictEqual(hits(yield* sent({})), [other.SeriesInstanceUID])
      assert.deepStrictEqual(hits(yield* sent(all)), both)

      const { coverage } = JSON.parse((yield* search(named(first))).text) as SearchAnswer
      assert.include(
        coverage.seriesNotSearchable.map(({ reason }) => reason),
        "Modality SR is not indexed",
      )

      const brief = identity("P4")
      yield* stow(url, ctVolume(brief))
      yield* settled(url)
      assert.include(hits(yield* search(named(first))), brief.SeriesInstanceUID)
      assert.strictEqual((yield* ask(`/dicomweb/studies/${brief.StudyInstanceUID}`, { method: "DELETE" })).status, 204)
      const after = yield* search(named(first))
      assert.notInclude(after.text, brief.SeriesInstanceUID)
    }),
  )

  it.effect("refuses uploads that are no volume", () =>
    Effect.gen(function* () {
      const [slice] = ctVolume(first) as [Buffer]
      const cases: ReadonlyArray<Parameters<typeof multipart>[0]> = [
        [
          ["application/dicom", slice],
          ["application/json", "{}"],
        ],
        [["application/json", "{}"]],
        [
          ["application/json", "{}"],
          ["application/dicom", "no DICOM"],
        ],
        [
          ["application/json", "{}"],
          ["text/plain", slice],
        ],
        [
          ["application/json", '{"kk":1}'],
          ["application/dicom", slice],
        ],
        [
          ["application/json", "{}"],
          ["application/dicom", slice.subarray(0, 900)],
        ],
      ]
      for (const [at, parts] of cases.entries()) {
        const answer = yield* upload(parts)
        assert.strictEqual(answer.status, 400, `case ${at}: ${answer.text}`)
        errorOf(answer)
      }
    }),
  )

  it.effect("accounts for everything it accepts, however odd", () =>
    Effect.gen(function* () {
      const { url } = yield* Archive
      const odd = identity("P5")
      const kept = newUid()
      const files = [
        ctSlice(odd, 0, { SOPInstanceUID: kept }),
        ctSlice(odd, 1, { Rows: 65_535, Columns: 65_535 }),
        ctSlice(odd, 2, { NumberOfFrames: "1000000" }),
        ctSlice(odd, 3, { PixelData: new ArrayBuffer(10) }),
        ctSlice(odd, 4, { ImagePositionPatient: undefined }),
        ctSlice(odd, 5, { ImageOrientationPatient: ["0", "0", "0", "0", "0", "0"] }),
        ctSlice(odd, 6, { ImageOrientationPatient: ["0", "1", "0", "0", "0", "-1"] }),
        ctSlice(odd, 7, { Rows: 32, Columns: 32, PixelData: new ArrayBuffer(2048) }),
      ]
      const answer = yield* stow(url, files)
      assert.strictEqual(answer.status, 200)
      assert.strictEqual((yield* stow(url, [ctSlice(odd, 9, { SOPInstanceUID: kept })])).status, 409)
      yield* settled(url)
      const status = yield* getJson<StudyStatus>(`${url}/api/studies/${odd.StudyInstanceUID}/status`)
      assert.strictEqual(status.instances.length, files.length)
      for (const { stage, reason } of status.instances) {
        assert.include(["indexed", "stored-only", "set-aside"], stage)
        if (stage !== "indexed") assert.isString(reason)
      }
      const { requeued } = yield* getJson<{ readonly requeued: number }>(`${url}/api/set-aside/requeue`, {
        method: "POST",
      })
      const aside = status.instances.filter(({ stage }) => stage === "set-aside").length
      assert.isAbove(aside, 0)
      assert.strictEqual(requeued, aside)
      assert.strictEqual((yield* settled(url)).setAside, aside)
      const base = `${url}/dicomweb/studies/${odd.StudyInstanceUID}/series/${odd.SeriesInstanceUID}/instances`
      for (const [at, uid] of answer.stored.entries()) {
        const response = yield* Effect.promise(() =>
          fetch(`${base}/${uid}`, { headers: { accept: "application/dicom" } }),
        )
        assert.isTrue(Buffer.from(yield* Effect.promise(() => response.arrayBuffer())).equals(files[at]!), `file ${at}`)
      }
      const report = yield* postJson<{ readonly consistent: boolean }>(`${url}/api/index/verify`, {})
      assert.isTrue(report.consistent, JSON.stringify(report))
    }),
  )

  it.effect("a study does not fall quiet while a request that brings some of it is still sending", () =>
    Effect.gen(function* () {
      const { url } = yield* Archive
      const slow = identity("P4")
      const [one, two] = ctVolume(slow, 2) as [Buffer, Buffer]
      const sending = request(`${url}/dicomweb/studies`, { method: "POST", headers: { "content-type": stowType } })
      const answered = once(sending, "response")
      const whole = stowBody([one, two])
      // The first instance ends where the second one's head has begun.
      const begun = stowBody([one]).length
      sending.write(whole.subarray(0, begun))
      const status = getJson<StudyStatus>(`${url}/api/studies/${slow.StudyInstanceUID}/status`)
      // Three times the quiet time, all of it searchable.
      const waited = yield* status.pipe(
        Effect.filterOrFail(({ state, stages, waiting }) => {
          return state === "ready" || (stages.indexed === 1 && (waiting?.quietSeconds ?? 0) > 3)
        }),
        Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 300 }),
      )
      assert.strictEqual(waited.state, "open")
      sending.end(whole.subarray(begun))
      const [response] = (yield* Effect.promise(() => answered)) as [IncomingMessage]
      response.resume()
      assert.strictEqual(response.statusCode, 200)
      const { version, evidence } = yield* studyReady(url, slow.StudyInstanceUID)
      assert.deepStrictEqual([version, evidence?.kind, evidence?.instances], [1, "quiet-time", 2])
    }),
  )

  it.effect("describes every route, and measures without identifying", () =>
    Effect.gen(function* () {
      const { paths } = JSON.parse((yield* ask("/openapi.json")).text) as { readonly paths: Record<string, object> }
      for (const path of ["/api/regions/search", "/dicomweb/studies", "/metrics", "/health/ready"]) {
        assert.property(paths, path)
      }
      const { text, type } = yield* ask("/metrics")
      assert.match(type, /^text\/plain/)
      for (const line of text.trim().split("\n")) {
        assert.match(line, /^(# (HELP|TYPE) gateway_\w+ .+|gateway_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+)$/)
        assert.notMatch(line, /2\.25\.|Secret|"P\d"/)
      }
      // Counted from the start, so that a rate sees the first of them.
      assert.match(text, /^gateway_set_aside_total \d+$/m)
      assert.match(text, /^gateway_study_ready_total [1-9]\d*$/m)
      assert.match(text, /^gateway_alerts_total \d+$/m)
      assert.match(text, /^gateway_nats_connected 1$/m)
    }),
  )

  it.effect("opens the alert stream at once, also for a reader with an id from elsewhere", () =>
    Effect.gen(function* () {
      const { url } = yield* Archive
      for (const headers of [{}, { "last-event-id": "999999" }] as ReadonlyArray<Record<string, string>>) {
        const first = yield* Effect.promise(async (signal) => {
          const response = await fetch(`${url}/api/alerts/stream`, { headers, signal })
          assert.strictEqual(response.headers.get("content-type"), "text/event-stream")
          const reader = response.body!.getReader()
          const { value } = await reader.read()
          await reader.cancel()
          return Buffer.from(value ?? []).toString()
        })
        assert.match(first, /^:/)
      }
      const wrong = yield* ask("/api/alerts/stream", { headers: { "last-event-id": "x" } })
      assert.strictEqual(wrong.status, 400)
      errorOf(wrong)
    }),
  )
})
