// Two hospitals on one gateway: no hit, count, score, alert or stream of one reaches the other, over HTTP and NATS alike.
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Redacted, Schedule, Stream } from "effect"
import type { Alert } from "../../src/domain/alert.ts"
import type { SearchAnswer } from "../../src/domain/hit.ts"
import { Nats } from "../../src/events/Nats.ts"
import { stowBody, stowType } from "../support/gateway.ts"
import { ctVolume, identity } from "../support/volumes.ts"
import { ask, GuardedGateway, keyOf, secrets } from "./access.fixture.ts"

type Who = "north" | "south" | "admin"

const north = [identity("N1"), identity("N2")] as const
const south = [identity("S1"), identity("S2")] as const
const named = ({ StudyInstanceUID, SeriesInstanceUID }: (typeof north)[number]) => ({
  StudyInstanceUID,
  SeriesInstanceUID,
})

const json = (method: string, who: Who, body: unknown): RequestInit => ({
  method,
  headers: { "content-type": "application/json", ...keyOf(who) },
  body: JSON.stringify(body),
})

const parsed = <A>(path: string, init: RequestInit) => Effect.map(ask(path, init), ({ text }) => JSON.parse(text) as A)

const store = (who: Who, of: (typeof north)[number]) =>
  ask("/dicomweb/studies", {
    method: "POST",
    headers: { "content-type": stowType, ...keyOf(who) },
    body: stowBody(ctVolume(of)),
  })

const search = (who: Who, of: (typeof north)[number], headers: Record<string, string> = {}) => {
  const init = json("POST", who, named(of))
  return ask("/api/regions/search", { ...init, headers: { ...(init.headers as Record<string, string>), ...headers } })
}

/** Everything that was stored is searchable and its studies are ready. */
const settled = Effect.forEach([...north, ...south], ({ StudyInstanceUID }) =>
  parsed<{ readonly state: string }>(`/api/studies/${StudyInstanceUID}/status`, { headers: keyOf("admin") }).pipe(
    Effect.filterOrFail(({ state }) => state === "ready"),
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeout("40 seconds"),
  ),
)

/** What an event stream replays up to the event of this id; they come in the order of their ids. */
const replayed = (who: Who, last: number) =>
  Effect.gen(function* () {
    const { url } = yield* GuardedGateway
    return yield* Effect.promise(async (signal) => {
      const headers = { "last-event-id": "0", ...keyOf(who) }
      const response = await fetch(`${url}/api/alerts/stream`, { headers, signal })
      const reader = response.body!.getReader()
      let text = ""
      while (!text.includes(`id: ${last}\n`)) {
        const { value, done } = await reader.read()
        if (done) throw new Error(`the stream ended: ${text}`)
        text += Buffer.from(value).toString()
      }
      await reader.cancel()
      return text
    })
  })

layer(GuardedGateway.layer(), { timeout: 90_000, excludeTestServices: true })("two hospitals", (it) => {
  it.effect("send studies, and draw regions on their own", () =>
    Effect.gen(function* () {
      for (const [who, [first]] of [
        ["north", north],
        ["south", south],
      ] as const) {
        assert.strictEqual((yield* store(who, first)).status, 200)
      }
      const searchable = (who: Who, of: (typeof north)[number]) =>
        ask(`/api/standing-regions/of-${who}`, json("PUT", who, { ...named(of), label: who, threshold: -1 })).pipe(
          Effect.filterOrFail(({ status }) => status === 200),
          Effect.retry(Schedule.spaced("100 millis")),
          Effect.timeout("40 seconds"),
        )
      yield* searchable("north", north[0])
      yield* searchable("south", south[0])
      assert.strictEqual((yield* store("north", north[1])).status, 200)
      assert.strictEqual((yield* store("south", south[1])).status, 200)
      yield* settled
    }),
  )

  it.effect("find, count and score only their own", () =>
    Effect.gen(function* () {
      const hits = ({ text }: { readonly text: string }) =>
        (JSON.parse(text) as SearchAnswer).hits.map(({ StudyInstanceUID }) => StudyInstanceUID as string)
      const own = yield* search("north", north[0])
      assert.deepStrictEqual(hits(own), [north[1].StudyInstanceUID])
      const { coverage } = JSON.parse(own.text) as SearchAnswer
      assert.strictEqual(coverage.seriesSearched, 1)
      // Twelve slices are north's; the index holds twice as many.
      assert.strictEqual(coverage.indexSequence, 12)
      assert.lengthOf(hits(yield* search("admin", north[0])), 3)

      const foreign = yield* search("north", south[0])
      const unknown = yield* search("north", { ...south[0], StudyInstanceUID: "1.2.3" })
      assert.strictEqual(foreign.status, 404)
      assert.deepStrictEqual([unknown.status, unknown.text], [foreign.status, foreign.text])

      // Lines come after the handler has ended; they are read as the same caller.
      const lines = yield* search("south", south[0], { accept: "application/x-ndjson" })
      assert.strictEqual(lines.status, 200)
      assert.include(lines.text, south[1].StudyInstanceUID)
      for (const { StudyInstanceUID } of north) assert.notInclude(lines.text, StudyInstanceUID)
    }),
  )

  it.effect("see only their own regions and alerts, in the list and in the stream", () =>
    Effect.gen(function* () {
      const all = yield* parsed<ReadonlyArray<Alert>>("/api/alerts", { headers: keyOf("admin") }).pipe(
        Effect.filterOrFail((alerts) => alerts.length >= 4),
        Effect.retry(Schedule.spaced("100 millis")),
        Effect.timeout("40 seconds"),
      )
      const regions = yield* parsed<ReadonlyArray<{ readonly id: string }>>("/api/standing-regions", {
        headers: keyOf("north"),
      })
      assert.deepStrictEqual(
        regions.map(({ id }) => id),
        ["of-north"],
      )
      assert.strictEqual((yield* ask("/api/standing-regions/of-south", { headers: keyOf("north") })).status, 404)
      assert.strictEqual(
        (yield* ask("/api/standing-regions/of-south", { method: "DELETE", headers: keyOf("north") })).status,
        404,
      )
      for (const [who, own, others] of [
        ["north", north, south],
        ["south", south, north],
      ] as const) {
        const listed = yield* ask("/api/alerts", { headers: keyOf(who) })
        const ids = (JSON.parse(listed.text) as ReadonlyArray<Alert>).map(({ id }) => id)
        for (const text of [listed.text, yield* replayed(who, Math.max(...ids))]) {
          assert.include(text, own[1].StudyInstanceUID)
          for (const { StudyInstanceUID } of others) assert.notInclude(text, StudyInstanceUID)
        }
        // Ids are moments: what lies between two of them does not count what others got.
        assert.isAbove(Math.min(...ids), 1e14)
        assert.isBelow(ids.length, all.length)
      }
    }),
  )

  it.effect("are kept in folders that only the gateway's own user opens", () =>
    Effect.gen(function* () {
      const { data } = yield* GuardedGateway
      for (const folder of ["audit", "blobs", "index", "ledger", "nats", "worklist"]) {
        assert.strictEqual(statSync(join(data, folder)).mode & 0o077, 0, folder)
      }
    }),
  )

  it.effect("ask over NATS only with what signs them in", () =>
    Effect.gen(function* () {
      const { data } = yield* GuardedGateway
      const conf = readFileSync(join(data, "nats", "nats.conf"), "utf8")
      const port = /port: (\d+)/.exec(conf)?.[1] ?? ""
      const token = /token: "([^"]+)"/.exec(conf)?.[1] ?? ""
      const request = (authorization?: string, of: (typeof north)[number] = north[0]) =>
        Effect.gen(function* () {
          const nats = yield* Nats
          const payload = new TextEncoder().encode(JSON.stringify(named(of)))
          return yield* Stream.runCollect(
            nats.requestMany("gateway.query.region", payload, Duration.seconds(20), authorization),
          )
        })
      yield* Effect.gen(function* () {
        for (const bad of [undefined, "Bearer rgk_wrong", `Bearer ${secrets.reader}`]) {
          const error = yield* Effect.flip(request(bad))
          assert.match(String(error.cause), bad === undefined ? /sign in/ : /not known|right to search/)
        }
        const answers = yield* request(`Bearer ${secrets.north}`)
        const last = JSON.parse(new TextDecoder().decode(answers.at(-1))) as SearchAnswer
        assert.deepStrictEqual(
          last.hits.map(({ StudyInstanceUID }) => StudyInstanceUID as string),
          [north[1].StudyInstanceUID],
        )
        const foreign = yield* Effect.flip(request(`Bearer ${secrets.south}`))
        assert.match(String(foreign.cause), /no series/)
      }).pipe(
        Effect.provide(Nats.layer({ servers: [`nats://127.0.0.1:${port}`], token: Redacted.make(token), replicas: 1 })),
      )
    }),
  )

  it.effect("leave their traces in the audit log, and no patient anywhere", () =>
    Effect.gen(function* () {
      const { data } = yield* GuardedGateway
      yield* ask("/dicomweb/studies?PatientName=Secret*&PatientID=N1", { headers: keyOf("north") })
      yield* ask("/dicomweb/studies?PatientName=Secret*&nonsense=1", { headers: keyOf("north") })
      const dir = join(data, "audit")
      const audit = Effect.sync(() =>
        readdirSync(dir)
          .map((name) => readFileSync(join(dir, name), "utf8"))
          .join(""),
      ).pipe(
        Effect.filterOrFail((text) => text.includes('"status":400')),
        Effect.retry(Schedule.spaced("50 millis")),
        Effect.timeout("5 seconds"),
      )
      const text = yield* audit
      const events = text
        .trim()
        .split("\n")
        .map(
          (line) =>
            JSON.parse(line) as {
              readonly EventIdentification: { readonly EventActionCode: string; readonly EventOutcomeIndicator: number }
              readonly ActiveParticipant: readonly [{ readonly UserID: string }]
              readonly ParticipantObjectIdentification: ReadonlyArray<{ readonly ParticipantObjectID: string }>
              readonly request: { readonly method: string; readonly route: string }
            },
        )
      const of = (user: string, method: string, route: string) =>
        events.filter(
          ({ ActiveParticipant, request }) =>
            ActiveParticipant[0].UserID === user && request.method === method && request.route === route,
        )
      const stored = of("north", "POST", "/dicomweb/studies")
      assert.strictEqual(stored[0]?.EventIdentification.EventActionCode, "C")
      assert.strictEqual(stored[0]?.ParticipantObjectIdentification[0]?.ParticipantObjectID, north[0].StudyInstanceUID)
      const refused = of("north", "POST", "/api/regions/search").find(
        ({ EventIdentification }) => EventIdentification.EventOutcomeIndicator === 4,
      )
      assert.isDefined(refused)
      const searched = of("north", "NATS", "gateway.query.region")[0]
      const found = (searched?.ParticipantObjectIdentification ?? []).map((object) => object.ParticipantObjectID)
      assert.include(found, north[1].StudyInstanceUID)
      const streamed = of("north", "GET", "/api/alerts/stream").flatMap(
        (event) => event.ParticipantObjectIdentification,
      )
      assert.isNotEmpty(streamed)
      const log = readFileSync(join(data, "gateway.log"), "utf8")
      for (const secret of ["Secret", "N1", ...Object.values(secrets)]) {
        assert.notInclude(text, secret)
        assert.notInclude(log, secret)
      }
    }),
  )

  it.effect("work on a study that one deletes and the other sends at once is the other's", () =>
    Effect.gen(function* () {
      const of = identity("N3")
      const about = `/dicomweb/workitems?StudyInstanceUID=${of.StudyInstanceUID}`
      const found = (who: Who) =>
        Effect.map(ask(about, { headers: keyOf(who) }), ({ text }) =>
          text === "" ? [] : (JSON.parse(text) as ReadonlyArray<Readonly<Record<string, { Value?: Array<unknown> }>>>),
        )
      const finished = (who: Who) =>
        found(who).pipe(
          Effect.filterOrFail((items) => items.some((item) => item["00741000"]?.Value?.[0] === "COMPLETED")),
          Effect.retry(Schedule.spaced("100 millis")),
          Effect.timeout("40 seconds"),
        )
      assert.strictEqual((yield* store("north", of)).status, 200)
      yield* finished("north")
      const removed = { method: "DELETE", headers: keyOf("north") }
      assert.strictEqual((yield* ask(`/dicomweb/studies/${of.StudyInstanceUID}`, removed)).status, 204)
      assert.strictEqual((yield* store("south", of)).status, 200)
      yield* finished("south")
      // Where the study was, at the most: nothing of the patient, nothing of what south sent.
      for (const item of yield* found("north")) assert.isUndefined(item["00100020"]?.Value)
    }),
  )
})
