// What the worklist keeps over a restart: items, locks, subscriptions, and events nobody has fetched yet.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { globalSubscription, tags, textOf } from "../../src/worklist/tags.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { listen, scheduled, stateOf, withWorklist } from "./worklist-server.fixture.ts"

const items = "/dicomweb/workitems"

describe("after a restart", () => {
  it.live("a claimed item is still held, and the subscriber hears what happened before", () =>
    Effect.gen(function* () {
      const dir = yield* temporaryFolder
      const within = (use: Parameters<typeof withWorklist<void, never>>[0]) => withWorklist(use, dir)
      yield* within(({ request }) =>
        Effect.promise(async () => {
          await request("POST", `${items}/${globalSubscription}/subscribers/AWAY`)
          await request("POST", `${items}?1.1`, [scheduled()])
          await request("PUT", `${items}/1.1/state`, [stateOf("IN PROGRESS", "1.9.1")])
        }),
      )
      yield* within((client) =>
        Effect.promise(async () => {
          const events = await listen(client, "AWAY")
          const told = [await events.next(), await events.next(), await events.next()]
          assert.deepStrictEqual(
            told.map((event) => textOf(event, tags.ProcedureStepState) || textOf(event, tags.SCPStatus)),
            ["SCHEDULED", "IN PROGRESS", "RESTARTED"],
          )
          assert.strictEqual(textOf(told[2]!, tags.SubscriptionListStatus), "WARM START")
          const claim = await client.request("PUT", `${items}/1.1/state`, [stateOf("IN PROGRESS", "1.9.2")])
          assert.strictEqual(claim.status, 409)
          await client.request("PUT", `${items}/1.1/state`, [stateOf("CANCELED", "1.9.1")])
          assert.strictEqual(textOf(await events.next(), tags.ProcedureStepState), "CANCELED")
          await events.close()
        }),
      )
    }).pipe(Effect.scoped),
  )
})
