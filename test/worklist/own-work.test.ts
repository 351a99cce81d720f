// The gateway's own work on the worklist of a whole gateway: indexing of a study, a late instance, an alert, a deletion.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { globalSubscription, itemsOf, tags, textOf } from "../../src/worklist/tags.ts"
import { getJson, startGateway, stow, studyReady, temporaryFolder } from "../support/gateway.ts"
import { ctSlice, ctVolume, identity } from "../support/volumes.ts"
import { type DataSet, listen, stateOf } from "./worklist-server.fixture.ts"

type Items = ReadonlyArray<DataSet>

describe("the gateway's own work", () => {
  it.live(
    "is on the worklist: begun with the first instance, completed when the study is ready, gone with it",
    () =>
      Effect.gen(function* () {
        const { url } = yield* startGateway(yield* temporaryFolder)
        const find = (query: string) =>
          Effect.map(getJson<Items | undefined>(`${url}/dicomweb/workitems?${query}`), (items) => items ?? [])
        const until = (query: string, holds: (items: Items) => boolean) =>
          find(query).pipe(
            Effect.filterOrFail(holds),
            Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 200 }),
          )
        const send = (method: string, path: string, body?: unknown) =>
          Effect.tryPromise(async () => {
            const response = await fetch(`${url}${path}`, {
              method,
              headers: { "content-type": path.startsWith("/api") ? "application/json" : "application/dicom+json" },
              ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            })
            return response.status
          })
        const client = { base: url, request: () => Promise.reject(new Error("not used")) }

        assert.strictEqual(yield* send("POST", `/dicomweb/workitems/${globalSubscription}/subscribers/WATCHER`), 201)
        const drawn = identity("P1")
        const study = drawn.StudyInstanceUID
        yield* stow(url, ctVolume(drawn))
        yield* studyReady(url, study)
        const [indexed] = yield* until(
          `StudyInstanceUID=${study}&ProcedureStepState=COMPLETED&includefield=all`,
          (items) => items.length === 1,
        )
        assert.strictEqual(textOf(indexed, tags.ProcedureStepLabel), "Index study for region search")
        assert.strictEqual(textOf(indexed, tags.PatientID), "P1")
        const [performed] = itemsOf(indexed, tags.UnifiedProcedureStepPerformedProcedureSequence)
        const [output] = itemsOf(performed, tags.OutputInformationSequence)
        assert.lengthOf(itemsOf(output, tags.ReferencedSOPSequence), 6)

        const events = yield* Effect.promise(() => listen(client, "WATCHER"))
        const told: Array<string> = []
        while (told.at(-1) !== "COMPLETED") {
          const event = yield* Effect.promise(events.next)
          if (textOf(event, tags.ProcedureStepState) !== "") told.push(textOf(event, tags.ProcedureStepState))
        }
        assert.deepStrictEqual(told, ["SCHEDULED", "IN PROGRESS", "COMPLETED"])
        yield* Effect.promise(events.close)

        // A late instance opens the study again: a second piece of work.
        yield* stow(url, [ctSlice(drawn, 7)])
        yield* until(`StudyInstanceUID=${study}&ProcedureStepState=COMPLETED`, (items) => items.length === 2)

        const region = {
          StudyInstanceUID: study,
          SeriesInstanceUID: drawn.SeriesInstanceUID,
          label: "disc",
          threshold: 0.5,
        }
        assert.strictEqual(yield* send("PUT", "/api/standing-regions/disc", region), 200)
        const similar = identity("P2")
        yield* stow(url, ctVolume(similar))
        const reviews = "ProcedureStepLabel=Review%20similar%20case"
        const [review] = yield* until(reviews, (items) => items.length === 1)
        assert.strictEqual(textOf(review, tags.ProcedureStepState), "SCHEDULED")
        assert.strictEqual(textOf(review, tags.StudyInstanceUID), similar.StudyInstanceUID)
        const uid = textOf(review, tags.SOPInstanceUID)
        const claim = stateOf("IN PROGRESS", "1.9.1")
        assert.strictEqual(yield* send("PUT", `/dicomweb/workitems/${uid}/state`, [claim]), 200)

        assert.strictEqual(yield* send("DELETE", `/dicomweb/studies/${similar.StudyInstanceUID}`), 204)
        const left = yield* until(`StudyInstanceUID=${similar.StudyInstanceUID}`, (items) =>
          items.every((item) => textOf(item, tags.ProcedureStepState) === "CANCELED"),
        )
        assert.lengthOf(left, 1)
        assert.strictEqual(textOf(left[0], tags.PatientID), "")
        assert.lengthOf(yield* find("PatientID=P2"), 0)
      }).pipe(Effect.scoped),
    120_000,
  )
})
