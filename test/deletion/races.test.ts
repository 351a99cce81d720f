// Deletion against everything that runs at the same time: ingest, senders, readers, other deletions, kills, older copies.
import { cpSync, rmSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Schedule, Scope } from "effect"
import type { VerificationReport } from "../../src/api/Api.ts"
import type { DeletionProof } from "../../src/domain/deletion.ts"
import type { SearchAnswer } from "../../src/domain/hit.ts"
import { partsOf } from "../dicomweb/dicomweb-server.fixture.ts"
import { getJson, postJson, settled, startGateway, stow, studyReady, temporaryFolder } from "../support/gateway.ts"
import { type Identity, identity, newUid } from "../support/volumes.ts"
import { distinctSlice, distinctVolume } from "./files.fixture.ts"

const remove = (url: string, of: Identity) =>
  Effect.promise(() =>
    fetch(`${url}/dicomweb/studies/${of.StudyInstanceUID}`, { method: "DELETE" }).then(({ status }) => status),
  )
const retrieve = (url: string, of: Identity) =>
  Effect.promise((signal) =>
    fetch(`${url}/dicomweb/studies/${of.StudyInstanceUID}`, {
      headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
      signal,
    }).then(async (response) =>
      response.status === 200 ? (await partsOf(response)).map(({ bytes }) => bytes) : response.status,
    ),
  )
const complete = (url: string, uid: string) =>
  getJson<DeletionProof>(`${url}/api/deletions/${uid}`).pipe(
    Effect.filterOrFail(
      (proof) => proof.complete,
      (proof) => new Error(proof.outstanding.join("; ")),
    ),
    Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 240 }),
  )
const search = (url: string, { StudyInstanceUID, SeriesInstanceUID }: Identity) =>
  postJson<SearchAnswer>(`${url}/api/regions/search`, { StudyInstanceUID, SeriesInstanceUID, k: 10 })
const consistent = (url: string) =>
  Effect.map(postJson<typeof VerificationReport.Type>(`${url}/api/index/verify`, {}), (report) =>
    assert.isTrue(report.consistent, JSON.stringify(report)),
  )
const key = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64")

it.live(
  "a deletion in the middle of ingest, of other senders, of readers and of another deletion",
  () =>
    Effect.gen(function* () {
      const { url } = yield* startGateway(join(yield* temporaryFolder, "data"))
      const query = identity("QUERY")
      yield* stow(url, distinctVolume(query, 3))

      // While it is decoded, embedded and indexed.
      const early = identity("EARLY")
      const volume = distinctVolume(early, 5, {}, 24)
      yield* stow(url, volume)
      assert.strictEqual(yield* remove(url, early), 204)
      yield* settled(url)
      yield* studyReady(url, query.StudyInstanceUID)
      assert.deepStrictEqual((yield* search(url, query)).hits, [])
      assert.strictEqual((yield* complete(url, early.StudyInstanceUID)).deleted.instances, volume.length)

      // Two at once: one of them did it.
      const twice = identity("TWICE")
      yield* stow(url, distinctVolume(twice, 7))
      const both = yield* Effect.all([remove(url, twice), remove(url, twice)], { concurrency: 2 })
      assert.deepStrictEqual(both.toSorted(), [204, 404])

      // The same bytes sent again and again: after each 200 they are there, unless a deletion that ended later took them.
      const again = identity("AGAIN")
      const file = distinctSlice(again, 1, 9)
      yield* Effect.all(
        [
          Effect.repeat(
            Effect.map(stow(url, [file]), ({ status }) => assert.strictEqual(status, 200)),
            { times: 12 },
          ),
          Effect.repeat(
            Effect.map(remove(url, again), (status) => assert.include([204, 404], status)),
            { times: 12 },
          ),
        ],
        { concurrency: 2 },
      )
      assert.strictEqual((yield* stow(url, [file])).status, 200)
      assert.deepStrictEqual(yield* retrieve(url, again), [file])

      // While another sender adds to the study, and readers take it: whole instances of it, or a clear failure.
      const busy = identity("BUSY")
      const files = distinctVolume(busy, 13, {}, 20)
      const known = new Set(files.map(key))
      const senders = Effect.forEach(
        files,
        (bytes) => Effect.map(stow(url, [bytes]), ({ status }) => assert.strictEqual(status, 200)),
        { concurrency: 4, discard: true },
      )
      const foreign: Array<string> = []
      const checked = Effect.repeat(
        retrieve(url, busy).pipe(
          Effect.timeout("20 seconds"),
          Effect.map((found) => {
            if (typeof found === "number") return assert.strictEqual(found, 404)
            foreign.push(...found.map(key).filter((bytes) => !known.has(bytes)))
          }),
          // The connection broke in the middle of an instance that was deleted: said, not hidden.
          Effect.catchDefect(() => Effect.void),
        ),
        { times: 8 },
      )
      const deleter = Effect.repeat(remove(url, busy), { times: 8, schedule: Schedule.spaced("60 millis") })
      yield* Effect.all([senders, checked, deleter], { concurrency: "unbounded" })
      assert.deepStrictEqual(foreign, [])
      yield* settled(url)
      const left = yield* retrieve(url, busy)
      const list = yield* Effect.promise(() =>
        fetch(`${url}/dicomweb/studies/${busy.StudyInstanceUID}/instances`).then(async (response) =>
          response.status === 200 ? ((await response.json()) as ReadonlyArray<unknown>).length : 0,
        ),
      )
      assert.strictEqual(typeof left === "number" ? 0 : left.length, list)
      yield* complete(url, busy.StudyInstanceUID)
      yield* consistent(url)
    }).pipe(Effect.scoped),
  240_000,
)

it.live(
  "a kill in the middle of a deletion, and an older copy of the index put back, bring nothing back",
  () =>
    Effect.gen(function* () {
      const data = join(yield* temporaryFolder, "data")
      const [query, gone, other] = [identity("QUERY"), identity("GONE"), identity("OTHER")]
      const index = join(data, "index")
      const copy = `${data}-copy`
      const scope = yield* Effect.scope
      yield* Effect.gen(function* () {
        const { url } = yield* startGateway(data)
        for (const [of, seed] of [
          [query, 3],
          [gone, 4],
          [other, 5],
        ] as const)
          yield* stow(url, distinctVolume(of, seed))
        for (const of of [query, gone, other]) yield* studyReady(url, of.StudyInstanceUID)
        assert.isNotEmpty((yield* search(url, query)).hits)
      }).pipe(Effect.scoped)
      cpSync(index, copy, { recursive: true })

      const killed = yield* Scope.provide(startGateway(data), scope)
      // One deletion was answered, the other is under way.
      assert.strictEqual(yield* remove(killed.url, gone), 204)
      yield* Effect.forkChild(Effect.ignore(Effect.sandbox(remove(killed.url, other))), { startImmediately: true })
      yield* Effect.sync(() => process.kill(killed.pid, "SIGKILL"))
      yield* killed.ended
      rmSync(index, { recursive: true })
      cpSync(copy, index, { recursive: true })
      const { url } = yield* Scope.provide(startGateway(data), scope)
      // From the first answer on.
      const hits = (yield* search(url, query)).hits.map(({ StudyInstanceUID }) => StudyInstanceUID as string)
      assert.notInclude(hits, gone.StudyInstanceUID)
      assert.strictEqual(yield* retrieve(url, gone), 404)
      yield* complete(url, gone.StudyInstanceUID)
      assert.include([204, 404], yield* remove(url, other))
      yield* complete(url, other.StudyInstanceUID)
      assert.deepStrictEqual((yield* search(url, query)).hits, [])
      yield* postJson(`${url}/api/index/rebuild`, {})
      assert.deepStrictEqual((yield* search(url, query)).hits, [])
      yield* consistent(url)
    }).pipe(Effect.scoped),
  240_000,
)

it.live(
  "a wrong patient is corrected by sending again: what is found and shown follows what is stored",
  () =>
    Effect.gen(function* () {
      const { url } = yield* startGateway(join(yield* temporaryFolder, "data"))
      const wrong = identity("WRONG")
      const right = { ...wrong, SeriesInstanceUID: newUid(), PatientID: "RIGHT" }
      const SOPInstanceUID = newUid()
      yield* stow(url, [distinctSlice(wrong, 0, 17, { SOPInstanceUID, PatientName: "Wrong^Name" })])
      // The same UIDs with another patient are refused: the first stays until it is deleted.
      const refused = yield* stow(url, [distinctSlice(wrong, 0, 18, { SOPInstanceUID, PatientName: "Right^Name" })])
      assert.strictEqual(refused.status, 409)
      yield* stow(url, distinctVolume(right, 19, { PatientName: "Right^Name" }))
      const path = `${url}/dicomweb/studies/${wrong.StudyInstanceUID}/series/${wrong.SeriesInstanceUID}`
      assert.strictEqual(
        yield* Effect.promise(() => fetch(path, { method: "DELETE" }).then(({ status }) => status)),
        204,
      )
      const found = (name: string) =>
        Effect.promise(() =>
          fetch(`${url}/dicomweb/studies?PatientID=${name}`).then(async (response) =>
            response.status === 204 ? 0 : ((await response.json()) as ReadonlyArray<unknown>).length,
          ),
        )
      assert.deepStrictEqual([yield* found("WRONG"), yield* found("RIGHT")], [0, 1])
      yield* studyReady(url, wrong.StudyInstanceUID)
      const items = Effect.promise(() =>
        fetch(`${url}/dicomweb/workitems?includefield=PatientName`, {
          headers: { accept: "application/dicom+json" },
        }).then((response) => response.text()),
      )
      yield* items.pipe(
        Effect.filterOrFail((text) => !text.includes("Wrong^Name")),
        Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 200 }),
      )
      yield* complete(url, wrong.SeriesInstanceUID)
    }).pipe(Effect.scoped),
  240_000,
)
