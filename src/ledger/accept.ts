// Accepting instances: the row, its study and series, and the event, in one transaction.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import { Digest, type InstanceRef, Receipt } from "../domain/instance.ts"
import { type InstanceAccepted, subjects } from "../events/events.ts"
import { columnValue } from "./attributes.ts"
import type { Expectations } from "./expectations.ts"
import { seriesColumns, seriesValues, studyColumns, studyValues } from "./levels.ts"
import type { Acceptance, NewInstance } from "./Ledger.ts"
import type { Stages } from "./stages.ts"

/** The event is JSON as it is: the schema's encoding, without its price for each instance. */
const encodeEvent = (event: InstanceAccepted): string => JSON.stringify(event)

export const makeOutbox = (db: DatabaseSync) => {
  const insert = db.prepare("INSERT INTO outbox (subject, msgID, payload, queuedAt, receipt) VALUES (?, ?, ?, ?, ?)")
  return {
    add: (subject: string, msgID: string, payload: string, now: number, receipt: number | null = null) => {
      insert.run(subject, msgID, payload, now, receipt)
    },
    /** `attempt` makes the msgID new, so that JetStream's window does not swallow an event sent again on purpose. */
    accepted: (instance: InstanceRef, attempt: number, now: number) => {
      insert.run(
        subjects.instanceAccepted(instance.StudyInstanceUID),
        `accepted:${instance.receipt}:${attempt}`,
        encodeEvent({ _tag: "InstanceAccepted", instance }),
        now,
        instance.receipt,
      )
    },
  }
}
export type Outbox = ReturnType<typeof makeOutbox>

const marks = (count: number) => Array.from({ length: count }, () => "?").join(", ")

/** When: `now` as the machine has it, `steady` as the ledger counts it. */
export interface Moment {
  readonly now: number
  readonly steady: number
}

export const makeAccept = (
  db: DatabaseSync,
  outbox: Outbox,
  expectations: Expectations,
  requeue: Stages["requeue"],
) => {
  const known = db.prepare(
    "SELECT receipt, SeriesInstanceUID, StudyInstanceUID, digest, stage = 'set-aside' AND reason LIKE 'blob: %' AS lost FROM instance WHERE SOPInstanceUID = ?",
  )
  const seriesStudy = db.prepare("SELECT StudyInstanceUID FROM series WHERE SeriesInstanceUID = ?")
  const receiving = "CASE version WHEN 0 THEN 'open' ELSE 'reopened' END"
  const reopen = db.prepare(
    `UPDATE study SET state = ${receiving}, claim = NULL, lastReceived = ?3, quietSince = ?1,
      openedAt = CASE state WHEN 'ready' THEN ?1 ELSE openedAt END WHERE StudyInstanceUID = ?2`,
  )
  // Whoever sends again what is stored is not done yet; a study that is ready stays so, as nothing of it is new.
  const touch = db.prepare(
    `UPDATE study SET state = ${receiving}, quietSince = ? WHERE StudyInstanceUID = ? AND state <> 'ready'`,
  )
  const addStudy = db.prepare(
    `INSERT INTO study (StudyInstanceUID, ${studyColumns.join(", ")}, lastReceived, quietSince, openedAt, origin)
      VALUES (${marks(studyColumns.length + 5)})`,
  )
  const addSeries = db.prepare(
    `INSERT INTO series (SeriesInstanceUID, StudyInstanceUID, ${seriesColumns.join(", ")}) VALUES (${marks(seriesColumns.length + 2)})`,
  )
  const addInstance = db.prepare(
    `INSERT INTO instance (SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, SOPClassUID, TransferSyntaxUID, InstanceNumber,
      digest, bytes, attributes, stageSince) VALUES (${marks(10)})`,
  )
  const origin = db.prepare("SELECT origin FROM study WHERE StudyInstanceUID = ?")
  const isHidden = ({ origins }: Caller, study: string) => {
    const row = origins === "all" ? undefined : origin.get(study)
    return row !== undefined && origins !== "all" && !origins.has(String(row["origin"]))
  }

  const acceptOne = (
    instance: NewInstance,
    caller: Caller,
    { now, steady }: Moment,
    reopened: Set<string>,
  ): Acceptance => {
    const { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, attributes, digest } = instance
    // Also when only another study of the same UID's instance is hidden: the answer must not tell them apart.
    if (isHidden(caller, StudyInstanceUID)) return { _tag: "NotAuthorized" }
    const before = known.get(SOPInstanceUID)
    if (before !== undefined && isHidden(caller, String(before["StudyInstanceUID"]))) return { _tag: "NotAuthorized" }
    if (before !== undefined) {
      const receipt = Receipt.make(Number(before["receipt"]))
      const same =
        before["digest"] === digest &&
        before["SeriesInstanceUID"] === SeriesInstanceUID &&
        before["StudyInstanceUID"] === StudyInstanceUID
      if (same && !reopened.has(StudyInstanceUID)) touch.run(steady, StudyInstanceUID)
      // Its file was lost; whoever sends it again has just put it back.
      if (same && before["lost"] === 1) requeue([receipt], now)
      return same
        ? { _tag: "Duplicate", receipt }
        : { _tag: "Conflict", receipt, digest: Digest.make(String(before["digest"])) }
    }
    const series = seriesStudy.get(SeriesInstanceUID)
    if (series !== undefined && isHidden(caller, String(series["StudyInstanceUID"]))) return { _tag: "NotAuthorized" }
    if (series !== undefined && series["StudyInstanceUID"] !== StudyInstanceUID) {
      return { _tag: "Conflict", receipt: Receipt.make(0), digest }
    }
    // A late instance opens its study again; the version stays until it is ready once more.
    if (!reopened.has(StudyInstanceUID) && reopen.run(steady, StudyInstanceUID, now).changes === 0) {
      addStudy.run(StudyInstanceUID, ...studyValues(attributes), now, steady, steady, caller.origin)
    }
    reopened.add(StudyInstanceUID)
    if (series === undefined) {
      addSeries.run(SeriesInstanceUID, StudyInstanceUID, ...seriesValues(attributes))
    }
    const { lastInsertRowid } = addInstance.run(
      SOPInstanceUID,
      SeriesInstanceUID,
      StudyInstanceUID,
      instance.SOPClassUID,
      instance.TransferSyntaxUID,
      columnValue(attributes, "00200013"),
      digest,
      instance.bytes,
      JSON.stringify(attributes),
      now,
    )
    const receipt = Receipt.make(Number(lastInsertRowid))
    outbox.accepted({ receipt, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, digest }, 0, now)
    return { _tag: "Stored", receipt }
  }
  /** `expected`: what the sender says that their study will have in all. */
  return (
    instances: ReadonlyArray<NewInstance>,
    expected: number | undefined,
    caller: Caller,
    moment: Moment,
  ): ReadonlyArray<Acceptance> => {
    const reopened = new Set<string>()
    const acceptances = instances.map((instance) => acceptOne(instance, caller, moment, reopened))
    if (expected !== undefined) {
      const taken = instances.filter((_, at) => ["Stored", "Duplicate"].includes(acceptances[at]!._tag))
      for (const uid of new Set(taken.map(({ StudyInstanceUID }) => StudyInstanceUID))) {
        expectations.set(uid, { instances: expected, from: "sender" })
      }
    }
    return acceptances
  }
}
