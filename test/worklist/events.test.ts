// Subscriptions and their event reports over WebSocket, with a real client.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { StudyInstanceUID } from "../../src/domain/uid.ts"
import { maxSubscribers } from "../../src/worklist/event-queue.ts"
import { Worklist } from "../../src/worklist/Worklist.ts"
import { filteredSubscription, globalSubscription, tags, textOf } from "../../src/worklist/tags.ts"
import {
  as,
  type Client,
  type DataSet,
  listen,
  performed,
  scheduled,
  stateOf,
  withWorklist,
} from "./worklist-server.fixture.ts"

const items = "/dicomweb/workitems"
const lock = "1.9.1"
const withClient = (use: (client: Client) => Promise<void>) =>
  withWorklist((client) => Effect.promise(() => use(client)))

const post = async ({ request }: Client, path: string, body?: unknown, status = 201, origin?: string) => {
  const answer = await request("POST", `${items}${path}`, body, origin === undefined ? {} : as(origin))
  assert.strictEqual(answer.status, status, answer.text)
  return answer
}
const setState = async ({ request }: Client, uid: string, state: string) =>
  assert.strictEqual((await request("PUT", `${items}/${uid}/state`, [stateOf(state, lock)])).status, 200)

/** Event type, item, state. */
const brief = (event: DataSet) => [
  Number(textOf(event, tags.EventTypeID)),
  textOf(event, tags.AffectedSOPInstanceUID),
  textOf(event, tags.ProcedureStepState),
]

describe("event reports", () => {
  it.live("tell of one item's whole life", () =>
    withClient(async (client) => {
      await post(client, "?1.1", [scheduled()])
      const subscribed = await post(client, "/1.1/subscribers/WATCHER")
      assert.strictEqual(
        subscribed.headers.get("content-location"),
        `${client.base.replace("http", "ws")}/dicomweb/subscribers/WATCHER`,
      )
      const events = await listen(client, "WATCHER")
      const first = await events.next()
      assert.deepStrictEqual(brief(first), [1, "1.1", "SCHEDULED"])
      assert.strictEqual(textOf(first, tags.InputReadinessState), "READY")
      assert.strictEqual(textOf(first, tags.AffectedSOPClassUID), "1.2.840.10008.5.1.4.34.6.1")

      await setState(client, "1.1", "IN PROGRESS")
      assert.deepStrictEqual(brief(await events.next()), [1, "1.1", "IN PROGRESS"])
      const progress = {
        [tags.ProcedureStepProgressInformationSequence]: {
          vr: "SQ",
          Value: [{ [tags.ProcedureStepProgress]: { vr: "DS", Value: [50] } }],
        },
      }
      await post(client, `/1.1?transaction-uid=${lock}`, [progress], 200)
      const half = await events.next()
      assert.deepStrictEqual(brief(half), [3, "1.1", ""])
      assert.deepStrictEqual(
        half[tags.ProcedureStepProgressInformationSequence]?.Value,
        progress[tags.ProcedureStepProgressInformationSequence]!.Value,
      )
      await post(
        client,
        "/1.1/cancelrequest/RIS",
        [{ [tags.ReasonForCancellation]: { vr: "LT", Value: ["late"] } }],
        202,
      )
      const asked = await events.next()
      assert.deepStrictEqual(brief(asked), [2, "1.1", ""])
      assert.deepStrictEqual(
        [textOf(asked, tags.RequestingAE), textOf(asked, tags.ReasonForCancellation)],
        ["RIS", "late"],
      )
      await post(client, `/1.1?transaction-uid=${lock}`, [performed], 200)
      await setState(client, "1.1", "COMPLETED")
      assert.deepStrictEqual(brief(await events.next()), [1, "1.1", "COMPLETED"])
      await events.close()
    }),
  )

  it.live("wait for a subscriber who is away, and go once they are confirmed", () =>
    withClient(async (client) => {
      await post(client, `/${globalSubscription}/subscribers/AWAY`)
      for (const uid of ["1.1", "1.2", "1.3"]) await post(client, `?${uid}`, [scheduled()])
      // Reads, and never answers a ping: nothing is confirmed.
      const deaf = await listen(client, "AWAY", { silent: true })
      for (const uid of ["1.1", "1.2", "1.3"]) assert.deepStrictEqual(brief(await deaf.next()), [1, uid, "SCHEDULED"])
      await deaf.close()
      const events = await listen(client, "AWAY")
      for (const uid of ["1.1", "1.2", "1.3"]) assert.deepStrictEqual(brief(await events.next()), [1, uid, "SCHEDULED"])
      await post(client, "/1.1/cancelrequest", undefined, 202)
      assert.deepStrictEqual(brief(await events.next()), [1, "1.1", "IN PROGRESS"])
      assert.deepStrictEqual(brief(await events.next()), [1, "1.1", "CANCELED"])
      await events.close()
      await post(client, "?1.4", [scheduled()])
      const later = await listen(client, "AWAY", { path: "/ws/subscribers/AWAY" })
      assert.deepStrictEqual(brief(await later.next()), [1, "1.4", "SCHEDULED"])
      await later.close()
    }),
  )

  it.live("of a filtered subscription are of matching items, old and new, with who is to do them", () =>
    withClient(async (client) => {
      const label = (text: string) => scheduled({ [tags.WorklistLabel]: { vr: "LO", Value: [text] } })
      await post(client, "?1.1", [label("Knees")])
      await post(client, `/${filteredSubscription}/subscribers/KNEES`, undefined, 400)
      await post(client, `/${filteredSubscription}/subscribers/KNEES?filter=WorklistLabel=Knees&deletionlock=true`)
      const events = await listen(client, "KNEES")
      assert.deepStrictEqual(brief(await events.next()), [1, "1.1", "SCHEDULED"])
      await post(client, "?1.2", [label("Heads")])
      const station = {
        [tags.ScheduledStationNameCodeSequence]: {
          vr: "SQ",
          Value: [{ "00080100": { vr: "SH", Value: ["WS1"] }, "00080104": { vr: "LO", Value: ["WS1"] } }],
        },
      }
      await post(client, "?1.3", [{ ...label("Knees"), ...station }])
      assert.deepStrictEqual(brief(await events.next()), [1, "1.3", "SCHEDULED"])
      const assigned = await events.next()
      assert.deepStrictEqual(brief(assigned), [5, "1.3", ""])
      assert.property(assigned, tags.ScheduledStationNameCodeSequence)
      await post(client, `/${filteredSubscription}/subscribers/KNEES/suspend`, undefined, 200)
      await post(client, `/${filteredSubscription}/subscribers/KNEES/suspend`, undefined, 404)
      await post(client, "?1.4", [label("Knees")])
      await post(client, "/1.1/cancelrequest", undefined, 202)
      assert.deepStrictEqual(brief(await events.next()), [1, "1.1", "IN PROGRESS"])
      await events.close()
    }),
  )

  it.live("end with the subscription", () =>
    withClient(async (client) => {
      const { request } = client
      await post(client, "?1.1", [scheduled()])
      await post(client, "?1.2", [scheduled()])
      const remove = async (uid: string) => (await request("DELETE", `${items}/${uid}/subscribers/A`)).status
      assert.strictEqual(await remove("1.1"), 404)
      assert.strictEqual(await remove(globalSubscription), 404)
      await post(client, "/1.1/subscribers/A")
      await post(client, "/1.2/subscribers/A")
      await post(client, "/1.9/subscribers/A", undefined, 404)
      await post(client, "/1.1/subscribers/A?deletionlock=maybe", undefined, 400)
      await post(client, `/1.1/subscribers/${"A".repeat(17)}`, undefined, 400)
      const events = await listen(client, "A")
      await events.next()
      await events.next()
      assert.strictEqual(await remove("1.1"), 200)
      await post(client, "/1.1/cancelrequest", undefined, 202)
      await post(client, "/1.2/cancelrequest", undefined, 202)
      assert.deepStrictEqual(brief(await events.next()), [1, "1.2", "IN PROGRESS"])
      await events.close()
    }),
  )

  it.live("are only of what the subscriber may see, under the same AE title too", () =>
    withClient(async (client) => {
      for (const origin of ["north", "south"])
        await post(client, `/${globalSubscription}/subscribers/RIS`, undefined, 201, origin)
      const north = await listen(client, "RIS", { origin: "north" })
      const south = await listen(client, "RIS", { origin: "south" })
      await post(client, "?1.1", [scheduled()], 201, "north")
      await post(client, "?1.2", [scheduled()], 201, "south")
      assert.deepStrictEqual(brief(await north.next()), [1, "1.1", "SCHEDULED"])
      assert.deepStrictEqual(brief(await south.next()), [1, "1.2", "SCHEDULED"])
      const get = async (uid: string) => (await client.request("GET", `${items}/${uid}`, undefined, as("north"))).status
      assert.deepStrictEqual([await get("1.1"), await get("1.2")], [200, 404])
      const found = await client.request("GET", items, undefined, as("south"))
      assert.deepStrictEqual(
        found.json().map((item) => textOf(item, tags.SOPInstanceUID)),
        ["1.2"],
      )
      await post(client, "/1.2/cancelrequest", undefined, 404, "north")
      await Promise.all([north.close(), south.close()])
    }),
  )

  it.live("end for whoever may no longer see the item's study", () =>
    withWorklist((client) =>
      Effect.gen(function* () {
        const worklist = yield* Worklist
        const study = StudyInstanceUID.make("1.5")
        const about = { ...scheduled(), [tags.StudyInstanceUID]: { vr: "UI", Value: [study] } }
        yield* Effect.promise(() => post(client, "?1.1", [about]))
        yield* worklist.studyArrived(study, "north")
        yield* Effect.promise(() => post(client, "/1.1/subscribers/RIS", undefined, 201, "north"))
        const north = yield* Effect.promise(() => listen(client, "RIS", { origin: "north" }))
        assert.deepStrictEqual(brief(yield* Effect.promise(north.next)), [1, "1.1", "SCHEDULED"])
        // Deleted, and sent by somebody else.
        yield* worklist.studyDeleted(study)
        yield* worklist.studyArrived(study, "south")
        yield* Effect.promise(async () => {
          await setState(client, "1.1", "IN PROGRESS")
          await post(client, "?1.2", [scheduled()], 201, "north")
          await post(client, "/1.2/subscribers/RIS", undefined, 201, "north")
          assert.deepStrictEqual(brief(await north.next()), [1, "1.2", "SCHEDULED"])
          await north.close()
        })
      }),
    ),
  )

  it.live("of one origin's subscribers leave places for another's", () =>
    withClient(async (client) => {
      const subscribe = (origin: string, AE: string) =>
        client.request("POST", `${items}/${globalSubscription}/subscribers/${AE}`, undefined, as(origin))
      for (let first = 0; first < maxSubscribers; first += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, n) => subscribe("north", `A${first + n}`)))
      }
      assert.strictEqual((await subscribe("north", "MORE")).status, 503)
      assert.strictEqual((await subscribe("south", "RIS")).status, 201)
    }),
  )

  it.live("end when the gateway stops, and the subscriber is told", () =>
    withWorklist((client, stop) =>
      Effect.gen(function* () {
        const events = yield* Effect.promise(() => listen(client, "A"))
        yield* stop
        const last = yield* Effect.promise(events.next)
        assert.strictEqual(textOf(last, tags.SCPStatus), "GOING DOWN")
        assert.strictEqual(yield* Effect.promise(() => events.closed), 1001)
      }),
    ),
  )

  it.live("need a WebSocket, and there are not endlessly many", () =>
    withClient(async (client) => {
      const plain = await client.request("GET", "/dicomweb/subscribers/A")
      assert.strictEqual(plain.status, 426)
      const many = await Promise.all(Array.from({ length: 16 }, () => listen(client, "A")))
      const refused = await listen(client, "A").then(
        () => "open",
        (error: Error) => error.message,
      )
      assert.include(refused, "503")
      await Promise.all(many.map((events) => events.close()))
    }),
  )
})
