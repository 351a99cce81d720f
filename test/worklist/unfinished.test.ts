// Work items that nobody finishes are bounded, for each origin and in all.
import { assert, describe, it } from "@effect/vitest"
import { openDatabase } from "../../src/ledger/open-database.ts"
import { makeEventQueue } from "../../src/worklist/event-queue.ts"
import { makeItems } from "../../src/worklist/items.ts"
import { migrations } from "../../src/worklist/schema.ts"
import { makeSubscriptions } from "../../src/worklist/subscriptions.ts"
import { everything } from "../../src/worklist/visibility.ts"
import { scheduled } from "./worklist-server.fixture.ts"

describe("unfinished work items", () => {
  it("are refused beyond a number, until one is finished; the gateway's own are not counted", () => {
    const db = openDatabase(":memory:", migrations)
    const items = makeItems(db, makeSubscriptions(db, makeEventQueue(db)), { ofOrigin: 2, all: 3 })
    let made = 0
    const create = (origin: string, subject?: string) =>
      items.create(`1.${++made}`, scheduled({}), { origin, ...(subject === undefined ? {} : { subject }) }, 0).code
    assert.deepStrictEqual([create("north"), create("north"), create("north")], ["0000", "0000", "full"])
    assert.deepStrictEqual([create("south"), create("south")], ["0000", "full"])
    assert.strictEqual(create("", "of our own"), "0000")
    assert.strictEqual(items.requestCancel("1.1", "RIS", {}, everything, 0).code, "0000")
    assert.deepStrictEqual([create("north"), create("north")], ["0000", "full"])
    db.close()
  })
})
