// Events on their way to subscribers: kept until the subscriber's socket has answered for them, whenever that is open.
import type { DatabaseSync } from "node:sqlite"
import type { EventReport } from "./event-reports.ts"
import { message } from "./event-reports.ts"

/** A subscriber that stays away loses its oldest events beyond this. */
export const maxQueued = 10_000
/** Of one view: callers of one origin cannot take the places of another's. */
export const maxSubscribers = 1000
const maxAgeMillis = 7 * 24 * 3600 * 1000

export interface QueuedEvent {
  readonly id: number
  readonly message: string
}

export const makeEventQueue = (db: DatabaseSync) => {
  const find = db.prepare("SELECT id FROM subscriber WHERE AE = ? AND sees = ?")
  const count = db.prepare("SELECT count(*) AS n FROM subscriber WHERE sees = ?")
  const insert = db.prepare("INSERT INTO subscriber (AE, sees) VALUES (?, ?)")
  const add = db.prepare("INSERT INTO event (subscriber, type, report, queuedAt) VALUES (?, ?, ?, ?)")
  // The nth newest from the end, if there are so many.
  const surplus = db.prepare(
    "DELETE FROM event WHERE subscriber = ?1 AND id <= (SELECT id FROM event WHERE subscriber = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
  )
  const after = db.prepare("SELECT id, report FROM event WHERE subscriber = ? AND id > ? ORDER BY id LIMIT ?")
  const delivered = db.prepare("DELETE FROM event WHERE subscriber = ? AND id <= ?")
  const forgetStatus = db.prepare("DELETE FROM event WHERE type = 4")
  const everyone = db.prepare(
    "SELECT id FROM subscriber WHERE id IN (SELECT subscriber FROM global_subscription UNION SELECT subscriber FROM subscription)",
  )
  const outdated = db.prepare("DELETE FROM event WHERE queuedAt < ?")
  const idle = db.prepare(
    `DELETE FROM subscriber WHERE id NOT IN (SELECT subscriber FROM global_subscription UNION SELECT subscriber FROM subscription
       UNION SELECT subscriber FROM event UNION SELECT value FROM json_each(?))`,
  )
  let woken = new Set<number>()

  const enqueue = (subscriber: number, report: EventReport, now: number) => {
    add.run(subscriber, report.type, JSON.stringify(report), now)
    surplus.run(subscriber, maxQueued)
    woken.add(subscriber)
  }
  return {
    subscriber: (AE: string, view: string): number | undefined => {
      const id = find.get(AE, view)?.["id"]
      return id === undefined ? undefined : Number(id)
    },
    /** Undefined when there are too many already. */
    subscriberOrNew: (AE: string, view: string): number | undefined => {
      const id = find.get(AE, view)?.["id"]
      if (id !== undefined) return Number(id)
      if (Number(count.get(view)?.["n"]) >= maxSubscribers) return undefined
      return Number(insert.run(AE, view).lastInsertRowid)
    },
    enqueue,
    next: (subscriber: number, last: number, limit: number): ReadonlyArray<QueuedEvent> =>
      after.all(subscriber, last, limit).map((row) => ({
        id: Number(row["id"]),
        message: message(JSON.parse(String(row["report"])) as EventReport, Number(row["id"])),
      })),
    delivered: (subscriber: number, last: number) => {
      delivered.run(subscriber, last)
    },
    /** To all that have a subscription; an earlier one nobody fetched is not news any more. */
    announce: (report: EventReport, now: number) => {
      forgetStatus.run()
      for (const row of everyone.all()) enqueue(Number(row["id"]), report, now)
    },
    /** `connected` subscribers stay, also without a subscription. */
    prune: (now: number, connected: ReadonlyArray<number>) => {
      outdated.run(now - maxAgeMillis)
      idle.run(JSON.stringify(connected))
    },
    /** Who got something since this was asked last. */
    takeWoken: (): ReadonlySet<number> => {
      const those = woken
      woken = new Set()
      return those
    },
  }
}
export type EventQueue = ReturnType<typeof makeEventQueue>
