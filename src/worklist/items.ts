// The rows of the work items: made, changed, finished, deleted, each with what its subscribers are told.
import type { DatabaseSync } from "node:sqlite"
import type { DicomJson } from "../domain/instance.ts"
import { cancelRequested, stateReport, updateReports } from "./event-reports.ts"
import { asCanceled, asCreated, asUpdated, completionProblem, createProblem, updateProblem } from "./requirements.ts"
import {
  changeCode,
  type Code,
  type Held,
  isFinal,
  type ProcedureStepState,
  transitions,
  updateCode,
} from "./states.ts"
import type { StoredItem, Subscriptions } from "./subscriptions.ts"
import { element, tags } from "./tags.ts"
import { everything, visibleTo } from "./visibility.ts"

/** A request's outcome; `invalid`: the data set is at fault, whatever the state. `gone`: it was there once; `busy`, `full`: a bound is reached. */
export type Outcome = { readonly code: Code | "invalid" | "gone" | "busy" | "full"; readonly detail?: string }

export interface Row extends StoredItem, Held {
  readonly state: ProcedureStepState
  readonly own: boolean
  readonly StudyInstanceUID: string | undefined
}

export interface Owner {
  readonly origin: string
  readonly StudyInstanceUID?: string | undefined
  readonly studyOrigin?: string | undefined
  readonly alsoOrigin?: string | undefined
  readonly subject?: string
}

const optional = (value: unknown) => (value === null || value === undefined ? undefined : String(value))

const rowOf = (row: Readonly<Record<string, unknown>>): Row => ({
  sequence: Number(row["sequence"]),
  uid: String(row["SOPInstanceUID"]),
  state: row["ProcedureStepState"] as ProcedureStepState,
  lock: optional(row["TransactionUID"]),
  attributes: JSON.parse(String(row["attributes"])) as DicomJson,
  own: row["own"] === 1,
  StudyInstanceUID: optional(row["StudyInstanceUID"]),
})

const withState = (attributes: DicomJson, state: ProcedureStepState): DicomJson => ({
  ...attributes,
  [tags.ProcedureStepState]: element("CS", state),
})

/** Clients' work items that are neither finished nor canceled: what is finished goes by itself, this does not. */
export interface Most {
  readonly ofOrigin: number
  readonly all: number
}
export const mostUnfinished: Most = { ofOrigin: 50_000, all: 200_000 }

export const makeItems = (db: DatabaseSync, subscriptions: Subscriptions, most: Most = mostUnfinished) => {
  const insert = db.prepare(
    `INSERT INTO workitem (SOPInstanceUID, ProcedureStepState, attributes, origin, StudyInstanceUID, studyOrigin, alsoOrigin, subject, own)
       VALUES (?, 'SCHEDULED', ?, ?, ?, ?, ?, ?, ?)`,
  )
  const known = db.prepare(
    "SELECT 1 FROM workitem WHERE SOPInstanceUID = ?1 UNION SELECT 1 FROM gone WHERE SOPInstanceUID = ?1",
  )
  const wasThere = db.prepare("SELECT 1 FROM gone WHERE SOPInstanceUID = ?")
  const unfinished = db.prepare(
    `SELECT count(*) AS "all", count(*) FILTER (WHERE origin = ?) AS mine FROM workitem WHERE finishedAt IS NULL AND own = 0`,
  )
  const isFull = (origin: string): boolean => {
    const row = unfinished.get(origin)
    return Number(row?.["all"]) >= most.all || Number(row?.["mine"]) >= most.ofOrigin
  }
  const store = db.prepare(
    "UPDATE workitem SET ProcedureStepState = ?, TransactionUID = ?, attributes = ?, finishedAt = ? WHERE sequence = ?",
  )

  /** What the view may see; items of others are as if they were not. */
  const get = (uid: string, view: string): Row | undefined => {
    const { sql, values } = visibleTo(view)
    const row = db.prepare(`SELECT * FROM workitem WHERE SOPInstanceUID = ? AND ${sql}`).get(uid, ...values)
    return row === undefined ? undefined : rowOf(row)
  }
  /** Whose a deleted item was is not kept: only who may see everybody's is told that it was there. */
  const absent = (uid: string, view: string): Outcome => ({
    code: view !== everything || wasThere.get(uid) === undefined ? "C307" : "gone",
  })

  const put = (item: Row, state: ProcedureStepState, lock: string | undefined, attributes: DicomJson, now: number) => {
    const after = withState(attributes, state)
    store.run(state, lock ?? null, JSON.stringify(after), isFinal(state) ? now : null, item.sequence)
    return after
  }
  const enter = (
    item: Row,
    state: ProcedureStepState,
    lock: string | undefined,
    attributes: DicomJson,
    now: number,
  ) => {
    const after = put(item, state, lock, attributes, now)
    subscriptions.tell(item.sequence, [stateReport(item.uid, state, after)], now)
  }

  const create = (uid: string, attributes: DicomJson, owner: Owner, now: number): Outcome & { modified?: boolean } => {
    const detail = createProblem(attributes)
    if (detail !== undefined) return { code: "invalid", detail }
    if (known.get(uid) !== undefined) return { code: transitions.create.SCHEDULED }
    if (owner.subject === undefined && isFull(owner.origin)) return { code: "full" }
    const { item, modified } = asCreated(attributes, uid, now)
    const { lastInsertRowid } = insert.run(
      uid,
      JSON.stringify(item),
      owner.origin,
      owner.StudyInstanceUID ?? null,
      owner.studyOrigin ?? null,
      owner.alsoOrigin ?? null,
      owner.subject ?? null,
      Number(owner.subject !== undefined),
    )
    subscriptions.created({ sequence: Number(lastInsertRowid), uid, state: "SCHEDULED", attributes: item }, now)
    return { code: transitions.create.none, modified }
  }

  const update = (uid: string, transactionUID: string, changes: DicomJson, view: string, now: number): Outcome => {
    const item = get(uid, view)
    if (item === undefined) return absent(uid, view)
    const code = updateCode(item, transactionUID)
    if (code !== "0000") return { code }
    const detail = updateProblem(changes)
    if (detail !== undefined) return { code: "invalid", detail }
    const after = put(item, item.state, item.lock, asUpdated(item.attributes, changes, now), now)
    subscriptions.tell(item.sequence, updateReports(uid, item.state, item.attributes, after), now)
    return { code }
  }

  const change = (
    uid: string,
    target: ProcedureStepState,
    transactionUID: string,
    view: string,
    now: number,
  ): Outcome => {
    const item = get(uid, view)
    if (item === undefined) return absent(uid, view)
    const code = changeCode(item, target, transactionUID)
    if (code !== "0000") return { code }
    const detail = target === "COMPLETED" ? completionProblem(item.attributes) : undefined
    if (detail !== undefined) return { code: "C304", detail }
    const attributes = target === "CANCELED" ? asCanceled(item.attributes, {}, now) : item.attributes
    enter(item, target, transactionUID, attributes, now)
    return { code }
  }

  /** Canceled by the gateway, over IN PROGRESS where it was not yet (PS3.4 §CC.2.2.3). */
  const cancel = (item: Row, reason: DicomJson, now: number) => {
    if (item.state === "SCHEDULED") enter(item, "IN PROGRESS", undefined, item.attributes, now)
    enter(item, "CANCELED", item.lock, asCanceled(item.attributes, reason, now), now)
  }

  const requestCancel = (uid: string, requestingAE: string, reason: DicomJson, view: string, now: number): Outcome => {
    const item = get(uid, view)
    if (item === undefined) return absent(uid, view)
    const code = transitions.requestCancel[item.state]
    if (code !== "0000") return { code }
    if (item.state === "SCHEDULED") cancel(item, reason, now)
    // The gateway goes on with what it does itself; the study's deletion is how to stop it.
    else if (item.own && item.lock === ownLock) return { code: "C313" }
    else subscriptions.tell(item.sequence, [cancelRequested(uid, requestingAE, reason)], now)
    return { code }
  }

  return { get, absent, create, update, change, cancel, requestCancel }
}
export type Items = ReturnType<typeof makeItems>

/** Holds what the gateway performs. No Transaction UID: UIDs have no letters, so no caller can send it. */
export const ownLock = "gateway"
