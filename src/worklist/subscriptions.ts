// Who is told of which work item (PS3.4 table CC.2.3-2), and telling them.
import type { DatabaseSync } from "node:sqlite"
import type { DicomJson } from "../domain/instance.ts"
import { type EventQueue, maxQueued } from "./event-queue.ts"
import { assignedReports, type EventReport, stateReport } from "./event-reports.ts"
import { mapMatcher } from "../ledger/matching.ts"
import { parseWorkitemQuery } from "./search.ts"
import { filteredSubscription, globalSubscription } from "./tags.ts"
import { visibleTo } from "./visibility.ts"

export interface StoredItem {
  readonly sequence: number
  readonly uid: string
  readonly state: string
  readonly attributes: DicomJson
}

/** Filters of one subscriber. */
const maxFilters = 100
/** Ready to use, of all subscribers. */
const maxMatchers = 1000

export const makeSubscriptions = (db: DatabaseSync, queue: EventQueue) => {
  const put = db.prepare(
    `INSERT INTO subscription (subscriber, workitem, deletionLock, filtered) VALUES (?, ?, ?, 0)
       ON CONFLICT DO UPDATE SET deletionLock = excluded.deletionLock, filtered = 0`,
  )
  const join = db.prepare("INSERT OR IGNORE INTO subscription VALUES (?, ?, ?, ?)")
  const putGlobal = db.prepare("INSERT OR REPLACE INTO global_subscription VALUES (?, ?, ?)")
  const filters = db.prepare("SELECT count(*) AS n FROM global_subscription WHERE subscriber = ?")
  const leave = db.prepare("DELETE FROM subscription WHERE subscriber = ? AND workitem = ?")
  const leaveAll = db.prepare("DELETE FROM subscription WHERE subscriber = ?")
  const leaveFiltered = db.prepare("DELETE FROM subscription WHERE subscriber = ? AND filtered = 1")
  const dropGlobal = db.prepare("DELETE FROM global_subscription WHERE subscriber = ? AND filter = ''")
  const dropFilters = db.prepare("DELETE FROM global_subscription WHERE subscriber = ? AND filter <> ''")
  const globals = db.prepare(
    "SELECT subscriber, sees, filter, deletionLock FROM global_subscription JOIN subscriber ON subscriber.id = subscriber",
  )
  const subscribers = db.prepare(
    "SELECT subscriber, sees FROM subscription JOIN subscriber ON subscriber.id = subscriber WHERE workitem = ?",
  )
  /** Asked at each event: the study that an item is about may be another origin's since somebody subscribed. */
  const isVisible = (sequence: number, view: string) => {
    const { sql, values } = visibleTo(view)
    return db.prepare(`SELECT 1 FROM workitem WHERE sequence = ? AND ${sql}`).get(sequence, ...values) !== undefined
  }

  const matchers = new Map<string, (item: DicomJson) => boolean>()
  const matcherOf = (filter: string) => {
    const known = matchers.get(filter)
    if (known !== undefined) return known
    const query = parseWorkitemQuery(`?${filter}`)
    // A filter that an older gateway took and this one does not matches nothing.
    const matcher = typeof query === "string" ? () => false : mapMatcher(query.match)
    if (matchers.size >= maxMatchers) matchers.clear()
    matchers.set(filter, matcher)
    return matcher
  }
  const initial = ({ uid, state, attributes }: StoredItem) => stateReport(uid, state, attributes)

  return {
    toItem: (subscriber: number, item: StoredItem, deletionLock: boolean, now: number) => {
      put.run(subscriber, item.sequence, Number(deletionLock))
      queue.enqueue(subscriber, initial(item), now)
    },
    /** To all there are and will be; false when the subscriber has too many filters. With a lock each is reported at once. */
    toAll: (subscriber: number, view: string, filter: string, deletionLock: boolean, now: number): boolean => {
      if (Number(filters.get(subscriber)?.["n"]) >= maxFilters) return false
      putGlobal.run(subscriber, filter, Number(deletionLock))
      const { sql, values } = visibleTo(view)
      const matches = matcherOf(filter)
      const rows = db
        .prepare(
          `SELECT sequence, SOPInstanceUID, ProcedureStepState, attributes FROM workitem WHERE ${sql}
             AND sequence NOT IN (SELECT workitem FROM subscription WHERE subscriber = ?) ORDER BY sequence`,
        )
        .iterate(...values, subscriber)
      const reports: Array<EventReport> = []
      for (const row of rows) {
        const attributes = JSON.parse(String(row["attributes"])) as DicomJson
        if (!matches(attributes)) continue
        join.run(subscriber, Number(row["sequence"]), Number(deletionLock), Number(filter !== ""))
        reports.push(stateReport(String(row["SOPInstanceUID"]), String(row["ProcedureStepState"]), attributes))
      }
      if (deletionLock) for (const report of reports.slice(-maxQueued)) queue.enqueue(subscriber, report, now)
      return true
    },
    /** False when there was no such subscription. */
    fromItem: (subscriber: number, sequence: number) => leave.run(subscriber, sequence).changes > 0,
    /** Leaving the global subscription leaves everything, the single items too. */
    fromAll: (subscriber: number, target: typeof globalSubscription | typeof filteredSubscription): boolean => {
      if (target === filteredSubscription) {
        const had = dropFilters.run(subscriber).changes > 0
        leaveFiltered.run(subscriber)
        return had
      }
      const had = [dropGlobal, dropFilters, leaveAll].map((statement) => statement.run(subscriber).changes > 0)
      return had.includes(true)
    },
    /** New items are no longer joined; the others stay. */
    suspend: (subscriber: number, target: typeof globalSubscription | typeof filteredSubscription) =>
      (target === filteredSubscription ? dropFilters : dropGlobal).run(subscriber).changes > 0,
    /** A new item: those subscribed to all of its kind are subscribed to it and told. */
    created: (item: StoredItem, now: number) => {
      const reports = [initial(item), ...assignedReports(item.uid, item.attributes)]
      const told = new Set<number>()
      for (const row of globals.all()) {
        const subscriber = Number(row["subscriber"])
        const filter = String(row["filter"])
        if (!matcherOf(filter)(item.attributes)) continue
        if (!isVisible(item.sequence, String(row["sees"]))) continue
        join.run(subscriber, item.sequence, Number(row["deletionLock"]), Number(filter !== ""))
        if (told.has(subscriber)) continue
        told.add(subscriber)
        for (const report of reports) queue.enqueue(subscriber, report, now)
      }
    },
    tell: (sequence: number, reports: ReadonlyArray<EventReport>, now: number) => {
      if (reports.length === 0) return
      for (const row of subscribers.all(sequence)) {
        if (!isVisible(sequence, String(row["sees"]))) continue
        for (const report of reports) queue.enqueue(Number(row["subscriber"]), report, now)
      }
    },
  }
}
export type Subscriptions = ReturnType<typeof makeSubscriptions>
