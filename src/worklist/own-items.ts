// The gateway's own work as work items: made once per subject, followed while it runs, gone with the study.
import type { DatabaseSync } from "node:sqlite"
import type { DicomJson } from "../domain/instance.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { type Items, type Owner, ownLock } from "./items.ts"
import type { Retention } from "./retention.ts"
import { isFinal, type ProcedureStepState } from "./states.ts"
import { element, tags } from "./tags.ts"
import { everything, visibleTo } from "./visibility.ts"

/** Attributes that say who the patient is. */
const patient: ReadonlyArray<readonly [tag: string, vr: string]> = [
  [tags.PatientName, "PN"],
  [tags.PatientID, "LO"],
  [tags.IssuerOfPatientID, "LO"],
  [tags.PatientBirthDate, "DA"],
  [tags.PatientSex, "CS"],
]

export interface OwnItem {
  readonly subject: string
  readonly uid: string
  readonly attributes: DicomJson
  readonly owner: Owner
}

export interface Running {
  readonly uid: string
  readonly subject: string
  readonly StudyInstanceUID: StudyInstanceUID
  /** Of the study when the work began. */
  readonly origin: string
}

export interface OwnState {
  readonly state: ProcedureStepState
  /** Of the study when the work began. */
  readonly origin: string
}

export const makeOwnItems = (db: DatabaseSync, items: Items, retention: Retention) => {
  const bySubject = db.prepare("SELECT ProcedureStepState, origin FROM workitem WHERE subject = ?")
  const running = db.prepare(
    "SELECT SOPInstanceUID, subject, StudyInstanceUID, origin FROM workitem WHERE ProcedureStepState = 'IN PROGRESS' AND TransactionUID = ? AND subject IS NOT NULL ORDER BY sequence",
  )
  // Without a subject it was forgotten before: each deleted instance of a study says so again.
  const ofStudy = db.prepare("SELECT SOPInstanceUID FROM workitem WHERE StudyInstanceUID = ? AND subject IS NOT NULL")
  const locked = db.prepare("SELECT 1 FROM subscription WHERE workitem = ? AND deletionLock = 1")
  const blank = db.prepare("UPDATE workitem SET subject = NULL, attributes = ? WHERE sequence = ?")
  const rename = db.prepare("UPDATE workitem SET attributes = ? WHERE sequence = ?")
  const dropOrigin = db.prepare("UPDATE workitem SET studyOrigin = NULL WHERE StudyInstanceUID = ?")
  // Own items of a deleted study stay whose they were, whoever sends the study now.
  const setOrigin = db.prepare(
    "UPDATE workitem SET studyOrigin = ?1 WHERE StudyInstanceUID = ?2 AND own = 0 AND studyOrigin IS NOT ?1",
  )

  const put = ({ subject, uid, attributes, owner }: OwnItem, performing: boolean, now: number): boolean => {
    if (bySubject.get(subject) !== undefined) return false
    const { code } = items.create(uid, attributes, { ...owner, subject }, now)
    if (code === "0000" && performing) items.change(uid, "IN PROGRESS", ownLock, everything, now)
    return code === "0000"
  }
  return {
    /** False when this was there before. `performing`: the gateway claims it at once. */
    put,
    /** Undefined when the subject has no item. */
    state: (subject: string): OwnState | undefined => {
      const row = bySubject.get(subject)
      return row === undefined
        ? undefined
        : { state: row["ProcedureStepState"] as ProcedureStepState, origin: String(row["origin"]) }
    },
    running: (): ReadonlyArray<Running> =>
      running.all(ownLock).map((row) => ({
        uid: String(row["SOPInstanceUID"]),
        subject: String(row["subject"]),
        StudyInstanceUID: row["StudyInstanceUID"] as StudyInstanceUID,
        origin: String(row["origin"]),
      })),
    /** Without a change nothing is written, so nobody is told. */
    report: (uid: string, changes: DicomJson, now: number) => {
      const before = items.get(uid, everything)?.attributes
      const news = Object.entries(changes).some(
        ([tag, value]) => JSON.stringify(before?.[tag]) !== JSON.stringify(value),
      )
      if (news) items.update(uid, ownLock, changes, everything, now)
    },
    complete: (uid: string, changes: DicomJson, now: number) => {
      items.update(uid, ownLock, changes, everything, now)
      items.change(uid, "COMPLETED", ownLock, everything, now)
    },
    /** The study's items: what is not finished is canceled, what is finished goes; who the patient was is kept nowhere. */
    forget: (study: StudyInstanceUID, now: number) => {
      for (const row of ofStudy.all(study)) {
        const item = items.get(String(row["SOPInstanceUID"]), everything)!
        const open = !isFinal(item.state)
        if (open) items.cancel(item, { [tags.ReasonForCancellation]: element("LT", "The study was deleted") }, now)
        if (!open && locked.get(item.sequence) === undefined) {
          retention.purge(item.sequence, item.uid, now)
          continue
        }
        const { attributes } = items.get(item.uid, everything)!
        const blanked = { ...attributes, ...Object.fromEntries(patient.map(([tag, vr]) => [tag, element(vr)])) }
        blank.run(JSON.stringify(blanked), item.sequence)
      }
      dropOrigin.run(study)
    },
    /** Items that tell of another patient than the study now has. */
    correct: (study: StudyInstanceUID, attributes: DicomJson) => {
      for (const row of ofStudy.all(study)) {
        const item = items.get(String(row["SOPInstanceUID"]), everything)!
        const corrected = {
          ...item.attributes,
          ...Object.fromEntries(patient.map(([tag, vr]) => [tag, attributes[tag] ?? element(vr)])),
        }
        if (JSON.stringify(corrected) !== JSON.stringify(item.attributes)) {
          rename.run(JSON.stringify(corrected), item.sequence)
        }
      }
    },
    about: (study: StudyInstanceUID, view: string) => {
      const { sql, values } = visibleTo(view)
      const row = db
        .prepare(
          `SELECT sum(subject IS NOT NULL) AS own, sum(own = 0) AS clients FROM workitem WHERE StudyInstanceUID = ? AND ${sql}`,
        )
        .get(study, ...values)
      return { own: Number(row?.["own"] ?? 0), clients: Number(row?.["clients"] ?? 0) }
    },
    /** Items that clients made about a study before it came become visible with it. */
    arrived: (study: StudyInstanceUID, origin: string) => {
      setOrigin.run(origin, study)
    },
  }
}
