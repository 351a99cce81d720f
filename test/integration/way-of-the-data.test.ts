// The whole way: STOW, searchable, region hits on the right organ, an alert, and gone when deleted.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Redacted, Schedule, Stream } from "effect"
import { subjects } from "../../src/events/events.ts"
import { Nats } from "../../src/events/Nats.ts"
import { judge } from "../../src/demo/judge.ts"
import { type Painted, paint } from "../../src/demo/phantom-worker.ts"
import type { Alert } from "../../src/domain/alert.ts"
import type { SearchAnswer } from "../../src/domain/hit.ts"
import { getJson, postJson, settled, startGateway, stowFiles, studyReady, temporaryFolder } from "../support/gateway.ts"

const uids = ({ identity: { StudyInstanceUID, SeriesInstanceUID } }: Painted) => ({
  StudyInstanceUID,
  SeriesInstanceUID,
})
const liver = (patient: Painted) => patient.organs.find(({ name }) => name === "liver")!.box

it.live(
  "a study arrives, is found by region, raises an alert, and is gone when deleted",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      // The first two patients are whole trunks, and so is the fourth, who comes late.
      const [first, second, , late] = [0, 1, 2, 3].map((index) =>
        index === 2 ? undefined : paint({ index, patients: 4, dir: join(dir, "phantoms") }),
      ) as [Painted, Painted, undefined, Painted]
      const { url } = yield* startGateway(join(dir, "data"))

      for (const patient of [first, second]) {
        const answer = yield* stowFiles(url, patient.files)
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(answer.stored.length, patient.files.length)
      }
      const status = yield* settled(url)
      assert.strictEqual(status.slices.indexed, first.files.length + second.files.length)
      assert.strictEqual(status.slices.embeddable, status.slices.indexed)
      assert.strictEqual(status.setAside, 0)

      const search = { ...uids(first), region: { box: liver(first) }, k: 5 }
      const answer = yield* postJson<SearchAnswer>(`${url}/api/regions/search`, search)
      assert.deepStrictEqual(
        answer.hits.map((hit) => hit.SeriesInstanceUID as string),
        [second.identity.SeriesInstanceUID],
      )
      const [hit] = answer.hits
      const { height = 0, overlap = 0 } = judge(hit!, liver(second))
      assert.isAbove(height, 0.3)
      assert.isAbove(overlap, 0.1)
      assert.strictEqual(answer.coverage.seriesSearched, 1)
      const rendered = yield* Effect.promise(() => fetch(new URL(hit!.links.rendered[0]!, url)))
      assert.strictEqual(rendered.status, 200)
      assert.strictEqual(rendered.headers.get("content-type"), "image/jpeg")

      const lines = yield* Effect.promise(() =>
        fetch(`${url}/api/regions/search`, {
          method: "POST",
          body: JSON.stringify(search),
          headers: { accept: "application/x-ndjson", "content-type": "application/json" },
        }).then((response) => response.text()),
      )
      assert.deepStrictEqual(
        lines
          .trim()
          .split("\n")
          .map((line) => (JSON.parse(line) as { type: string }).type),
        ["candidates", "hits", "done"],
      )

      // The same over NATS, as an application beside the gateway would ask.
      const conf = readFileSync(join(dir, "data", "nats", "nats.conf"), "utf8")
      const broker = Nats.layer({
        servers: [`nats://127.0.0.1:${/port: ([0-9]+)/.exec(conf)?.[1]}`],
        token: Redacted.make(/token: "([0-9a-f]+)"/.exec(conf)?.[1] ?? ""),
        replicas: 1,
      })
      const steps = yield* Effect.flatMap(Nats, (nats) =>
        nats
          .requestMany(subjects.queryRegion, new TextEncoder().encode(JSON.stringify(search)), "20 seconds")
          .pipe(Stream.runCollect),
      ).pipe(Effect.provide(broker))
      const answers = steps.map((step) => JSON.parse(new TextDecoder().decode(step)) as SearchAnswer & { type: string })
      assert.deepStrictEqual(
        answers.map(({ type }) => type),
        ["candidates", "hits"],
      )
      assert.deepStrictEqual(answers[1]?.hits, answer.hits)

      yield* getJson(`${url}/api/standing-regions/liver`, {
        method: "PUT",
        body: JSON.stringify({ ...uids(first), region: { box: liver(first) }, label: "liver", threshold: 0.3 }),
        headers: { "content-type": "application/json" },
      })
      yield* stowFiles(url, late.files)
      yield* studyReady(url, late.identity.StudyInstanceUID)
      // The second study may have become ready after the rule was set, and then has its own alert.
      const alert = yield* getJson<ReadonlyArray<Alert>>(`${url}/api/alerts`).pipe(
        Effect.map((alerts) =>
          alerts.find(({ StudyInstanceUID }) => StudyInstanceUID === late.identity.StudyInstanceUID),
        ),
        Effect.filterOrFail((alert) => alert !== undefined),
        Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 200 }),
      )
      assert.isAbove(judge(alert.hit, liver(late)).height ?? 0, 0.3)

      const gone = yield* Effect.promise(() =>
        fetch(`${url}/dicomweb/studies/${second.identity.StudyInstanceUID}`, { method: "DELETE" }),
      )
      assert.strictEqual(gone.status, 204)
      const after = yield* postJson<SearchAnswer>(`${url}/api/regions/search`, search)
      assert.deepStrictEqual(
        after.hits.map((hit) => hit.SeriesInstanceUID as string),
        [late.identity.SeriesInstanceUID],
      )
      yield* settled(url)
      const report = yield* postJson<{ consistent: boolean }>(`${url}/api/index/verify`, {})
      assert.isTrue(report.consistent, JSON.stringify(report))
    }).pipe(Effect.scoped),
  180_000,
)
