// A study's state over HTTP and on the command line: announced instances, pages of its status, set-aside items.
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type { SetAsideItem, StudyStatus } from "../../src/domain/study.ts"
import { childGateway } from "../../src/demo/child-gateway.ts"
import { getJson, postJson, settled, stowBody, stowType, studyReady, temporaryFolder } from "../support/gateway.ts"
import { ctSlice, ctVolume, identity, newUid } from "../support/volumes.ts"

it.live(
  "what was announced makes a study ready; what is set aside is listed, shown and tried again",
  () =>
    Effect.gen(function* () {
      // Nothing falls quiet here: only what was announced, or said, makes a study ready.
      const { url } = yield* childGateway(yield* temporaryFolder, { GATEWAY_STUDY_QUIET_SECONDS: "3600" })
      const send = (files: ReadonlyArray<Uint8Array>, expect: string) =>
        Effect.promise(async () => {
          const headers = { "content-type": stowType, "expect-instances": expect }
          const response = await fetch(`${url}/dicomweb/studies`, { method: "POST", body: stowBody(files), headers })
          return [response.status, await response.text()] as const
        })
      const status = (study: string, query = "") => getJson<StudyStatus>(`${url}/api/studies/${study}/status${query}`)
      const run = (...words: ReadonlyArray<string>) =>
        Effect.promise(async () => {
          const { stdout } = await promisify(execFile)(process.execPath, ["src/main.ts", ...words, "--url", url])
          return stdout
        })

      const one = identity("P1")
      for (const bad of ["0", "-1", "x", "1.5", "5, 6", "10000000"]) {
        const [code, text] = yield* send(ctVolume(one, 1), bad)
        assert.strictEqual(code, 400, bad)
        assert.match(text, /"error":"Expect-Instances/)
      }
      const poison = newUid()
      const files = [...ctVolume(one, 3), ctSlice(one, 5, { SOPInstanceUID: poison, PixelData: new ArrayBuffer(10) })]
      assert.strictEqual((yield* send(files.slice(0, 2), "4"))[0], 200)
      yield* settled(url)
      const open = yield* status(one.StudyInstanceUID)
      assert.deepStrictEqual([open.state, open.expected], ["open", { instances: 4, from: "sender" }])
      assert.strictEqual((yield* send(files.slice(2), "4"))[0], 200)
      const ready = yield* studyReady(url, one.StudyInstanceUID)
      const { kind, instances, setAside } = ready.evidence!
      assert.deepStrictEqual([ready.version, kind, instances, setAside], [1, "expected-count", 4, 1])

      const page = yield* status(one.StudyInstanceUID, "?offset=1&limit=2")
      assert.deepStrictEqual([page.instances.length, page.remaining], [2, 1])
      const given = yield* status(one.StudyInstanceUID, "?stage=set-aside")
      assert.deepStrictEqual(
        given.instances.map((instance) => String(instance.SOPInstanceUID)),
        [poison],
      )
      for (const bad of ["offset=-1", "limit=x", "stage=nowhere", "other=1"]) {
        const response = yield* Effect.promise(() => fetch(`${url}/api/studies/1.2/status?${bad}`))
        assert.strictEqual(response.status, 400, bad)
      }

      const item = yield* getJson<SetAsideItem>(`${url}/api/set-aside/${poison}`)
      assert.deepStrictEqual(
        [item.stage, item.attempts, String(item.StudyInstanceUID)],
        ["decode", 1, one.StudyInstanceUID],
      )
      const absent = yield* Effect.promise(() => fetch(`${url}/api/set-aside/1.2.3`))
      assert.strictEqual(absent.status, 404)
      const listed = (query: string) => getJson<ReadonlyArray<SetAsideItem>>(`${url}/api/set-aside${query}`)
      assert.lengthOf(yield* listed(`?StudyInstanceUID=${one.StudyInstanceUID}&stage=decode`), 1)
      assert.lengthOf(yield* listed(`?after=${item.receipt}`), 0)
      const requeue = (what: object) =>
        Effect.map(postJson<{ requeued: number }>(`${url}/api/set-aside/requeue`, what), ({ requeued }) => requeued)
      assert.strictEqual(yield* requeue({ StudyInstanceUID: "1.2.3" }), 0)
      assert.strictEqual(yield* requeue({ SOPInstanceUID: [poison] }), 1)
      yield* settled(url)
      assert.strictEqual((yield* getJson<SetAsideItem>(`${url}/api/set-aside/${poison}`)).attempts, 2)
      // Given up again: nothing new is searchable, so the version stays.
      assert.strictEqual((yield* status(one.StudyInstanceUID)).version, 1)

      // Of several studies nobody knows whose the number is.
      const [two, three] = [identity("P2"), identity("P3")]
      assert.strictEqual((yield* send([...ctVolume(two, 1), ...ctVolume(three, 1)], "1"))[0], 200)
      assert.isUndefined((yield* status(two.StudyInstanceUID)).expected)
      assert.isUndefined((yield* status(three.StudyInstanceUID)).expected)
      yield* getJson(`${url}/api/studies/${two.StudyInstanceUID}/complete`, { method: "POST" })
      assert.strictEqual((yield* studyReady(url, two.StudyInstanceUID)).evidence?.kind, "explicit")

      const shown = yield* run("status", "--study", one.StudyInstanceUID)
      assert.match(shown, /state {7}ready, version 1/)
      assert.match(shown, /all 4 came that its sender announced; 4 instances, 1 set aside/)
      assert.match(shown, new RegExp(`${poison.replaceAll(".", "\\.")} +set-aside +0/0 +decode: `))
      assert.match(yield* run("status"), /studies {5}\d+ open, 0 quiet, 2 ready, 0 reopened/)
      assert.include(yield* run("set-aside", "list", "--stage", "decode"), poison)
      assert.match(yield* run("set-aside", "show", poison), /attempts {3}2/)
      assert.match(yield* run("set-aside", "requeue", "--study", one.StudyInstanceUID), /^1 on the way again/)
      const metrics = yield* Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text()))
      assert.match(metrics, /gateway_studies\{.*state="ready".*\} 2/)
    }).pipe(Effect.scoped),
  180_000,
)
