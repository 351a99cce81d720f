// Work items over HTTP: created, found, changed, claimed, completed, canceled, and refused with the standard's words.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { nativeXml } from "../../src/dicom/native-xml.ts"
import { tags, textOf } from "../../src/worklist/tags.ts"
import { Worklist } from "../../src/worklist/Worklist.ts"
import { as, type Client, performed, scheduled, stateOf, withWorklist } from "./worklist-server.fixture.ts"

const items = "/dicomweb/workitems"
const lock = "1.9.1"
const withClient = (use: (client: Client) => Promise<void>) =>
  withWorklist((client) => Effect.promise(() => use(client)))

const created = async ({ request }: Client, uid: string, more = {}) => {
  const { status } = await request("POST", `${items}?${uid}`, [scheduled(more)])
  assert.strictEqual(status, 201)
}

describe("work items", () => {
  it.live("live from created to completed", () =>
    withClient(async (client) => {
      const { request, base } = client
      const made = await request("POST", `${items}?1.2.3`, [scheduled()])
      assert.strictEqual(made.status, 201)
      assert.strictEqual(made.headers.get("location"), `${base}${items}/1.2.3`)
      assert.strictEqual(
        made.headers.get("warning"),
        `299 ${base}/dicomweb: The Workitem was created with modifications.`,
      )
      assert.strictEqual(made.text, "")
      assert.strictEqual((await request("POST", `${items}?workitem=1.2.3`, [scheduled()])).status, 409)

      const early = await request("PUT", `${items}/1.2.3/state`, [stateOf("COMPLETED", lock)])
      assert.strictEqual(early.status, 409)
      assert.include(early.headers.get("warning"), "inconsistent with the state of the UPS Instance.")
      assert.strictEqual((await request("PUT", `${items}/1.2.3/state`, [stateOf("IN PROGRESS")])).status, 400)
      assert.strictEqual((await request("PUT", `${items}/1.2.3/state/WS1`, [stateOf("IN PROGRESS", lock)])).status, 200)
      assert.strictEqual((await request("PUT", `${items}/1.2.3/state`, [stateOf("IN PROGRESS", "1.9.2")])).status, 409)

      const claimed = (await request("GET", `${items}/1.2.3`)).json()[0]!
      assert.strictEqual(textOf(claimed, tags.ProcedureStepState), "IN PROGRESS")
      assert.notProperty(claimed, tags.TransactionUID)

      const missing = await request("POST", `${items}/1.2.3`, [performed])
      assert.deepStrictEqual(
        [missing.status, missing.headers.get("warning")],
        [400, `299 ${base}/dicomweb: The Transaction UID is missing.`],
      )
      const wrong = await request("POST", `${items}/1.2.3?transaction-uid=1.9.9`, [performed])
      assert.include(wrong.headers.get("warning"), "The Transaction UID is incorrect.")
      const unmet = await request("PUT", `${items}/1.2.3/state`, [stateOf("COMPLETED", lock)])
      assert.strictEqual(unmet.status, 409)
      assert.include(unmet.text, "UnifiedProcedureStepPerformedProcedureSequence")
      assert.strictEqual((await request("POST", `${items}/1.2.3?transaction-uid=${lock}`, [performed])).status, 200)
      assert.strictEqual((await request("PUT", `${items}/1.2.3/state`, [stateOf("COMPLETED", lock)])).status, 200)
      const again = await request("PUT", `${items}/1.2.3/state`, [stateOf("COMPLETED", lock)])
      assert.deepStrictEqual(
        [again.status, again.headers.get("warning")],
        [200, `299 ${base}/dicomweb: The UPS is already in the requested state of COMPLETED.`],
      )
      assert.strictEqual((await request("POST", `${items}/1.2.3?${lock}`, [performed])).status, 400)
      assert.strictEqual((await request("POST", `${items}/1.2.3/cancelrequest`)).status, 409)
    }),
  )

  it.live("are canceled on request while nobody has claimed them, and by their performer", () =>
    withClient(async (client) => {
      const { request } = client
      await created(client, "1.1")
      const reason = [{ [tags.ReasonForCancellation]: { vr: "LT", Value: ["duplicate"] } }]
      assert.strictEqual((await request("POST", `${items}/1.1/cancelrequest/RIS`, reason)).status, 202)
      const canceled = (await request("GET", `${items}/1.1`)).json()[0]!
      assert.strictEqual(textOf(canceled, tags.ProcedureStepState), "CANCELED")
      const [progress] = canceled[tags.ProcedureStepProgressInformationSequence]!.Value as [typeof canceled]
      assert.strictEqual(textOf(progress, tags.ReasonForCancellation), "duplicate")
      const again = await request("POST", `${items}/1.1/cancelrequest`)
      assert.strictEqual(again.status, 202)
      assert.include(again.headers.get("warning"), "already in the requested state of CANCELED.")

      await created(client, "1.2")
      await request("PUT", `${items}/1.2/state`, [stateOf("IN PROGRESS", lock)])
      assert.strictEqual((await request("POST", `${items}/1.2/cancelrequest`)).status, 202)
      assert.strictEqual((await request("PUT", `${items}/1.2/state`, [stateOf("CANCELED", lock)])).status, 200)
      assert.strictEqual((await request("PUT", `${items}/1.2/state`, [stateOf("COMPLETED", lock)])).status, 409)
    }),
  )

  it.live("are claimed by exactly one of many at once", () =>
    withClient(async (client) => {
      await created(client, "1.1")
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          client.request("PUT", `${items}/1.1/state`, [stateOf("IN PROGRESS", `1.9.${i + 1}`)]),
        ),
      )
      const statuses = claims.map(({ status }) => status).sort()
      assert.deepStrictEqual(statuses, [200, ...Array.from({ length: 19 }, () => 409)])
    }),
  )

  it.live("are found by what they hold", () =>
    withClient(async (client) => {
      const { request } = client
      const named = (name: string) => ({ "00100010": { vr: "PN", Value: [{ Alphabetic: name }] } })
      await created(client, "1.1", named("Doe^Jane"))
      await created(client, "1.2", {
        ...named("Roe^Max"),
        [tags.ScheduledProcedureStepPriority]: { vr: "CS", Value: ["HIGH"] },
      })
      await request("PUT", `${items}/1.2/state`, [stateOf("IN PROGRESS", lock)])
      const found = async (query: string) => {
        const { status, text } = await request("GET", `${items}?${query}`)
        const list = status === 204 ? [] : (JSON.parse(text) as ReadonlyArray<Record<string, never>>)
        return list.map((item) => textOf(item, tags.SOPInstanceUID))
      }
      assert.deepStrictEqual(await found(""), ["1.1", "1.2"])
      assert.deepStrictEqual(await found("PatientName=doe*"), ["1.1"])
      assert.deepStrictEqual(await found("ProcedureStepState=IN%20PROGRESS"), ["1.2"])
      assert.deepStrictEqual(await found("00741200=HIGH"), ["1.2"])
      assert.deepStrictEqual(await found("ProcedureStepLabel=Read*&limit=1&offset=1"), ["1.2"])
      assert.deepStrictEqual(await found("ScheduledProcedureStepStartDateTime=20261201-"), [])
      assert.strictEqual((await request("GET", `${items}?PatientName=nobody`)).status, 204)
      assert.strictEqual((await request("GET", `${items}?Nonsense=1`)).status, 400)
      assert.strictEqual((await request("GET", `${items}?TransactionUID=${lock}`)).status, 400)
      const all = await request("GET", `${items}?includefield=all`)
      assert.notInclude(all.text, tags.TransactionUID)
    }),
  )

  it.live("come as XML from and to who wants that", () =>
    withClient(async (client) => {
      const part = nativeXml(scheduled())
      const xml = await client.request("POST", `${items}?1.1`, part, { "content-type": "application/dicom+xml" })
      assert.strictEqual(xml.status, 201, xml.text)
      const multipart = `--b\r\nContent-Type: application/dicom+xml\r\n\r\n${part}\r\n--b--\r\n`
      const related = { "content-type": 'multipart/related; type="application/dicom+xml"; boundary=b' }
      assert.strictEqual((await client.request("POST", `${items}?1.2`, multipart, related)).status, 201)
      const one = await client.request("GET", `${items}/1.1`, undefined, { accept: "application/dicom+xml" })
      assert.strictEqual(one.headers.get("content-type"), "application/dicom+xml")
      assert.include(one.text, 'keyword="ProcedureStepLabel"')
      assert.strictEqual((await client.request("GET", `${items}/1.1`, undefined, { accept: "image/png" })).status, 406)
    }),
  )

  it.live("are refused with the attribute at fault", () =>
    withClient(async ({ request }) => {
      const refused = async (body: unknown, status: number, said: string) => {
        const answer = await request("POST", `${items}?1.1`, body)
        assert.strictEqual(answer.status, status, answer.text)
        assert.include(answer.text, said)
      }
      for (const keyword of [
        "ProcedureStepLabel",
        "ScheduledProcedureStepPriority",
        "InputReadinessState",
        "ProcedureStepState",
      ] as const) {
        const { [tags[keyword]]: _, ...rest } = scheduled()
        await refused([rest], 400, keyword)
      }
      await refused([{ ...scheduled(), ...stateOf("IN PROGRESS") }], 400, "SCHEDULED")
      await refused([scheduled({ [tags.TransactionUID]: { vr: "UI", Value: ["1.2"] } })], 400, "TransactionUID")
      await refused(
        [scheduled({ [tags.ScheduledProcedureStepPriority]: { vr: "CS", Value: ["URGENT"] } })],
        400,
        "HIGH",
      )
      await refused([scheduled(performed)], 400, "UnifiedProcedureStepPerformedProcedureSequence")
      await refused([scheduled(), scheduled()], 400, "one data set")
      await refused("[{", 400, "JSON")
      await refused(`${'{"00081199":{"vr":"SQ","Value":['.repeat(10_000)}`, 400, "")
      await refused(`${'[{"00081199":{"vr":"SQ","Value":'.repeat(5000)}[]${"}}]".repeat(5000)}`, 400, "")
      await refused("x".repeat(5 * 1024 * 1024), 413, "longer")
      assert.strictEqual((await request("POST", `${items}?1.1`, "x", { "content-type": "text/plain" })).status, 415)
      assert.strictEqual((await request("POST", `${items}?workitem=1.x`, [scheduled()])).status, 400)
      assert.strictEqual((await request("GET", `${items}/1..2`)).status, 400)
      assert.strictEqual((await request("GET", `${items}/1.77`)).status, 404)
      assert.strictEqual((await request("PUT", `${items}/1.77/state`, [stateOf("IN PROGRESS", lock)])).status, 404)
      assert.strictEqual((await request("POST", `${items}/1.77`, [performed])).status, 404)
    }),
  )

  it.live("keep what an update may not change", () =>
    withClient(async (client) => {
      await created(client, "1.1")
      const update = (changes: unknown) => client.request("POST", `${items}/1.1`, [changes])
      assert.strictEqual((await update({ [tags.WorklistLabel]: { vr: "LO", Value: ["Knees"] } })).status, 200)
      const renamed = await update({ "00100010": { vr: "PN", Value: [{ Alphabetic: "Other" }] } })
      assert.strictEqual(renamed.status, 400)
      assert.include(renamed.text, "PatientName")
      assert.strictEqual((await update(stateOf("COMPLETED"))).status, 400)
      const unclaimed = await client.request("POST", `${items}/1.1?transaction-uid=${lock}`, [performed])
      assert.strictEqual(unclaimed.status, 409)
      assert.include(unclaimed.headers.get("warning"), "The target URI did not reference a claimed Workitem.")
      const item = (await client.request("GET", `${items}/1.1`)).json()[0]!
      assert.strictEqual(textOf(item, tags.WorklistLabel), "Knees")
    }),
  )

  it.live("are deleted when finished for long, but for those somebody locked, and answer 410 then", () =>
    withWorklist((client) =>
      Effect.gen(function* () {
        const worklist = yield* Worklist
        yield* Effect.promise(async () => {
          await created(client, "1.1")
          await created(client, "1.2")
          await client.request("POST", `${items}/1.2/subscribers/ARCHIVE?deletionlock=true`)
          for (const uid of ["1.1", "1.2"]) await client.request("POST", `${items}/${uid}/cancelrequest`)
        })
        const status = (uid: string) =>
          Effect.promise(async () => (await client.request("GET", `${items}/${uid}`)).status)
        yield* worklist.purge(3_600_000)
        assert.strictEqual(yield* status("1.1"), 200)
        assert.strictEqual(yield* worklist.purge(0), 1)
        assert.strictEqual(yield* status("1.2"), 200)
        yield* Effect.promise(() => client.request("DELETE", `${items}/1.2/subscribers/ARCHIVE`))
        assert.strictEqual(yield* worklist.purge(0), 1)
        assert.strictEqual(yield* status("1.2"), 410)
        // Whose it was is not known any more: to a caller of one origin it is as if it never was.
        const north = yield* Effect.promise(() => client.request("GET", `${items}/1.2`, undefined, as("north")))
        assert.strictEqual(north.status, 404)
      }),
    ),
  )
})
