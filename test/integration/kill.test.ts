// kill -9 of the gateway and of nats-server in the middle of an ingest: nothing answered 200 is lost, nothing is indexed twice.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schedule, Scope } from "effect"
import { paint } from "../../src/demo/phantom-worker.ts"
import type { VerificationReport } from "../../src/api/Api.ts"
import { postJson, settled, startGateway, stowFiles, temporaryFolder } from "../support/gateway.ts"

const batch = 8

const kill = (pid: number) => Effect.sync(() => process.kill(pid, "SIGKILL"))
const natsPid = (data: string) => Number(readFileSync(join(data, "nats", "nats.pid"), "utf8"))

it.live(
  "keeps every promise over kill -9 of the gateway and of the broker",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const data = join(dir, "data")
      const { files } = paint({ index: 0, patients: 1, dir: join(dir, "phantoms") })
      const batches = Array.from({ length: Math.ceil(files.length / batch) }, (_, n) =>
        files.slice(n * batch, (n + 1) * batch),
      )
      const scope = yield* Effect.scope
      const start = Scope.provide(startGateway(data), scope)
      const gateway = yield* Ref.make(yield* start)
      const sent = yield* Ref.make(0)

      // A sender that tries again until it has its 200, as a modality would.
      const stored = new Map<string, string>()
      const sender = Effect.forEach(
        batches,
        (paths) =>
          Effect.gen(function* () {
            const { url } = yield* Ref.get(gateway)
            const answer = yield* stowFiles(url, paths)
            if (answer.status !== 200) return yield* Effect.fail(`status ${answer.status}`)
            assert.strictEqual(answer.stored.length, paths.length)
            answer.stored.forEach((uid, i) => stored.set(uid, paths[i]!))
            yield* Ref.update(sent, (n) => n + 1)
          }).pipe(Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 300 })),
        { concurrency: 2, discard: true },
      )
      const reached = (count: number) =>
        Ref.get(sent).pipe(
          Effect.filterOrFail((n) => n >= count),
          Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 12_000 }),
        )
      const killer = Effect.gen(function* () {
        yield* reached(Math.floor(batches.length * 0.2))
        yield* Effect.sync(() => process.kill(natsPid(data), "SIGKILL"))
        yield* reached(Math.floor(batches.length * 0.4))
        yield* kill((yield* Ref.get(gateway)).pid)
        yield* Ref.set(gateway, yield* start)
        yield* reached(Math.floor(batches.length * 0.7))
        yield* Effect.sync(() => process.kill(natsPid(data), "SIGKILL"))
        yield* kill((yield* Ref.get(gateway)).pid)
        yield* Ref.set(gateway, yield* start)
      })
      const sending = yield* Effect.forkScoped(sender)
      yield* killer
      yield* Fiber.join(sending)

      const { url } = yield* Ref.get(gateway)
      const status = yield* settled(url)
      assert.strictEqual(stored.size, files.length)
      assert.strictEqual(status.instances, files.length)
      assert.deepStrictEqual(status.slices, { embeddable: files.length, indexed: files.length })
      assert.strictEqual(status.setAside, 0)
      const study = /studies\/([0-9.]+)/
      for (const [uid, path] of stored) {
        const found = yield* Effect.promise(() =>
          fetch(`${url}/dicomweb/instances?SOPInstanceUID=${uid}&includefield=StudyInstanceUID`).then(
            (response) =>
              response.json() as Promise<ReadonlyArray<Record<string, { readonly Value: ReadonlyArray<string> }>>>,
          ),
        )
        const retrieveUrl = found[0]!["00081190"]!.Value[0]!
        assert.match(retrieveUrl, study)
        const bytes = yield* Effect.promise(() =>
          fetch(new URL(new URL(retrieveUrl).pathname, url), { headers: { accept: "application/dicom" } }).then(
            (response) => response.arrayBuffer(),
          ),
        )
        assert.isTrue(readFileSync(path).equals(Buffer.from(bytes)), uid)
      }
      const report = yield* postJson<typeof VerificationReport.Type>(`${url}/api/index/verify`, {})
      assert.isTrue(report.consistent, JSON.stringify(report))
    }).pipe(Effect.scoped),
  240_000,
)
