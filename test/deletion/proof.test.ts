// Deleted is gone, and can be proved: from every answer at once, from every file of the data folder soon.
import { execFile } from "node:child_process"
import { assert, layer } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import type { DeletedStudySummary, DeletionProof, Hold } from "../../src/domain/deletion.ts"
import type { StudyStatus } from "../../src/domain/study.ts"
import { ask, GuardedGateway, keyOf, secrets } from "../access/access.fixture.ts"
import { stowBody, stowType } from "../support/gateway.ts"
import { identity } from "../support/volumes.ts"
import { distinctVolume, halved, holding, pixelsOf, vectorsOf } from "./files.fixture.ts"

type Who = "north" | "south" | "admin"

const json = (who: Who, method: string, body?: unknown): RequestInit => ({
  method,
  headers: { "content-type": "application/json", ...keyOf(who) },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})
const asked = <A>(path: string, who: Who, status = 200) =>
  Effect.map(ask(path, { headers: keyOf(who) }), (answer) => {
    assert.strictEqual(answer.status, status, answer.text)
    return JSON.parse(answer.text) as A
  })
const store = (who: Who, files: ReadonlyArray<Buffer>) =>
  Effect.map(
    ask("/dicomweb/studies", {
      method: "POST",
      headers: { "content-type": stowType, ...keyOf(who) },
      body: stowBody(files),
    }),
    ({ status, text }) => assert.strictEqual(status, 200, text),
  )
const remove = (who: Who, path: string) => Effect.map(ask(path, json(who, "DELETE")), ({ status }) => status)
const ready = (study: string) =>
  asked<StudyStatus>(`/api/studies/${study}/status`, "admin").pipe(
    Effect.filterOrFail(({ state }) => state === "ready"),
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 400 }),
  )
const complete = (uid: string, who: Who = "admin") =>
  asked<DeletionProof>(`/api/deletions/${uid}`, who).pipe(
    Effect.filterOrFail(
      (proof) => proof.complete,
      (proof) => proof.outstanding.join("; "),
    ),
    Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 240 }),
  )
const command = (url: string, ...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number; readonly out: string; readonly err: string }>((resume) => {
    const main = new URL("../../src/main.ts", import.meta.url).pathname
    execFile(
      process.execPath,
      [main, ...args, "--url", url],
      { env: { ...process.env, REGION_GATEWAY_API_KEY: secrets.admin } },
      (error, out, err) => resume(Effect.succeed({ code: error === null ? 0 : Number(error.code), out, err })),
    )
  })

layer(GuardedGateway.layer(), { timeout: 60_000, excludeTestServices: true })("deletion", (it) => {
  it.effect(
    "no file of the data folder holds name, pixels or vectors of a deleted study",
    () =>
      Effect.gen(function* () {
        const { data } = yield* GuardedGateway
        const [gone, stays] = [identity("GONE-1"), identity("STAYS-1")]
        const name = { PatientName: "Vanishing^Patient" }
        const files = distinctVolume(gone, 11, name)
        yield* store("north", distinctVolume(stays, 23, { PatientName: "Remaining^Patient" }))
        yield* store("north", files)
        yield* ready(gone.StudyInstanceUID)
        yield* ready(stays.StudyInstanceUID)
        const vectors = vectorsOf(data, gone.StudyInstanceUID)
        const wholes = vectors.filter((vector) => vector.length === 1024)
        assert.lengthOf(wholes, files.length)
        const needles = ["Vanishing^Patient", "GONE-1", ...files.map(pixelsOf), ...vectors, ...wholes.map(halved)]
        assert.isNotEmpty(holding(data, ["Vanishing^Patient"]))
        assert.isNotEmpty(holding(data, files.map(pixelsOf)))
        assert.isNotEmpty(holding(data, vectors))

        assert.strictEqual(yield* remove("north", `/dicomweb/studies/${gone.StudyInstanceUID}`), 204)
        const proof = yield* complete(gone.StudyInstanceUID, "north")
        assert.deepInclude(proof, { level: "study", complete: true, outstanding: [] })
        assert.deepInclude(proof.deleted, { instances: files.length, byRequest: files.length, byRetention: 0 })
        assert.deepStrictEqual(proof.blobs, { removed: files.length, keptForOthers: 0, left: 0 })
        assert.deepStrictEqual(proof.storedAgain, { instances: 0, receipts: [] })
        assert.deepStrictEqual(holding(data, needles), [])

        const proofOfSeries = yield* complete(gone.SeriesInstanceUID, "north")
        assert.strictEqual(proofOfSeries.level, "series")
        // Who may not see the study's origin hears nothing of its deletion.
        assert.strictEqual((yield* ask(`/api/deletions/${gone.StudyInstanceUID}`, json("south", "GET"))).status, 404)
        assert.deepStrictEqual(yield* asked("/api/deletions", "south"), [])
        const listed = yield* asked<ReadonlyArray<DeletedStudySummary>>("/api/deletions?limit=5", "north")
        assert.deepStrictEqual(
          listed.map(({ StudyInstanceUID, instances, storedAgain }) => [StudyInstanceUID, instances, storedAgain]),
          [[gone.StudyInstanceUID as never, files.length, 0]],
        )
        assert.strictEqual((yield* ask("/api/deletions/1.2.3", json("admin", "GET"))).status, 404)
        assert.strictEqual((yield* ask("/api/deletions/1.2.x", json("admin", "GET"))).status, 400)
        assert.strictEqual((yield* ask("/api/deletions?limit=0", json("admin", "GET"))).status, 400)
        const { url } = yield* GuardedGateway
        const said = yield* command(url, "deletions", gone.StudyInstanceUID)
        assert.strictEqual(said.code, 0, said.err)
        assert.match(said.out, /6 instances deleted[^]*\ncomplete\n/)

        // Sent again it is stored again, with receipts of its own; the deletion before stays proved.
        yield* store("north", files)
        const again = yield* asked<DeletionProof>(`/api/deletions/${gone.StudyInstanceUID}`, "north")
        assert.strictEqual(again.storedAgain.instances, files.length)
        assert.lengthOf(again.storedAgain.receipts, files.length)
        assert.strictEqual(again.blobs.keptForOthers, files.length)
        yield* ready(gone.StudyInstanceUID)
        assert.strictEqual((yield* complete(gone.StudyInstanceUID)).storedAgain.instances, files.length)
      }),
    240_000,
  )

  it.effect(
    "a held study is not deleted by anybody until its hold is lifted",
    () =>
      Effect.gen(function* () {
        const { url } = yield* GuardedGateway
        const held = identity("HELD-1")
        const path = `/dicomweb/studies/${held.StudyInstanceUID}`
        const at = `/api/holds/${held.StudyInstanceUID}`
        assert.strictEqual((yield* ask(at, json("north", "PUT", { reason: "before it came" }))).status, 404)
        yield* store("north", distinctVolume(held, 31, {}, 2))
        assert.strictEqual((yield* ask(at, json("north", "PUT", {}))).status, 400)
        assert.strictEqual((yield* ask(at, json("north", "PUT", { reason: "" }))).status, 400)
        assert.strictEqual((yield* ask(at, json("south", "PUT", { reason: "not theirs" }))).status, 404)
        assert.strictEqual((yield* ask(at, json("north", "PUT", { reason: "court order" }))).status, 200)
        const hold = yield* asked<Hold>(at, "north")
        assert.deepInclude(hold, { reason: "court order", heldBy: "north" })
        for (const scope of [path, `${path}/series/${held.SeriesInstanceUID}`]) {
          const { status, text } = yield* ask(scope, json("north", "DELETE"))
          assert.strictEqual(status, 409)
          assert.match((JSON.parse(text) as { error: string }).error, /is held/)
          assert.notInclude(text, "court order")
        }
        assert.strictEqual(yield* remove("south", path), 404)
        assert.strictEqual((yield* ask(at, json("south", "GET"))).status, 404)
        assert.deepStrictEqual(yield* asked("/api/holds", "south"), [])
        assert.lengthOf(yield* asked<ReadonlyArray<Hold>>("/api/holds", "admin"), 1)
        assert.strictEqual(yield* remove("south", at), 404)
        assert.strictEqual(yield* remove("north", at), 204)
        assert.strictEqual(yield* remove("north", at), 404)
        const added = yield* command(url, "hold", "add", held.StudyInstanceUID, "--reason", "again")
        assert.strictEqual(added.code, 0, added.err)
        assert.strictEqual(yield* remove("north", path), 409)
        assert.strictEqual(yield* remove("north", at), 204)
        assert.strictEqual(yield* remove("north", path), 204)
      }),
    240_000,
  )

  it.effect("what retention would delete is told to whoever operates the whole gateway", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("/api/retention", json("north", "GET"))).status, 403)
      const plan = yield* asked<{ enabled: boolean; next: ReadonlyArray<unknown> }>("/api/retention", "admin")
      assert.deepInclude(plan, { enabled: false, next: [] })
      assert.strictEqual((yield* ask("/api/retention?maxAgeDays=-1", json("admin", "GET"))).status, 400)
      const { url } = yield* GuardedGateway
      assert.match((yield* command(url, "retention")).out, /^retention is off; no age, no disk mark/)
    }),
  )
})
