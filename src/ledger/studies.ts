// A study's life in the ledger: open, quiet, ready, and open again when an instance comes late.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import type { Caller } from "../domain/caller.ts"
import type { InstanceStage } from "../domain/instance.ts"
import type { ReadyEvidence, StudyState, StudyStatus } from "../domain/study.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { StudyReady, subjects } from "../events/events.ts"
import type { Outbox } from "./accept.ts"
import type { SeriesFacts } from "./Ledger.ts"
import { visibleCondition } from "./rows.ts"

const encodeReady = Schema.encodeSync(Schema.fromJsonString(StudyReady))

/** Why no frame of a series is searchable: the most frequent reason among its instances. */
const seriesReason = `(SELECT reason FROM instance WHERE instance.SeriesInstanceUID = series.SeriesInstanceUID
  AND stage IN ('stored-only', 'set-aside') GROUP BY reason ORDER BY count(*) DESC LIMIT 1)`
const seriesUnfinished = `EXISTS (SELECT 1 FROM instance WHERE instance.SeriesInstanceUID = series.SeriesInstanceUID
  AND stage IN ('accepted', 'decoded', 'embedded'))`

export const makeStudies = (db: DatabaseSync, outbox: Outbox) => {
  const unsettled = db.prepare(
    "SELECT StudyInstanceUID, state, version, claim, lastReceived FROM study WHERE state <> 'ready'",
  )
  const inFlight = db.prepare(
    "SELECT 1 FROM instance WHERE StudyInstanceUID = ? AND stage IN ('accepted', 'decoded', 'embedded') LIMIT 1",
  )
  const count = db.prepare("SELECT count(*) AS n FROM instance WHERE StudyInstanceUID = ?")
  const setState = db.prepare("UPDATE study SET state = ?, version = ?, evidence = ? WHERE StudyInstanceUID = ?")
  const claim = db.prepare(
    "UPDATE study SET claim = ?, state = CASE state WHEN 'ready' THEN 'ready' ELSE 'quiet' END WHERE StudyInstanceUID = ?",
  )
  const study = (uid: StudyInstanceUID, caller: Caller) => {
    const { sql, values } = visibleCondition(caller, "study")
    return db
      .prepare(`SELECT state, version, evidence FROM study WHERE StudyInstanceUID = ? AND ${sql}`)
      .get(uid, ...values)
  }
  const instances = db.prepare(
    "SELECT SOPInstanceUID, SeriesInstanceUID, stage, reason, embeddable, indexed FROM instance WHERE StudyInstanceUID = ? ORDER BY receipt",
  )
  const facts = `SELECT series.SeriesInstanceUID, series.StudyInstanceUID, Modality, indexed, StudyDate, patient,
      CASE WHEN indexed > 0 OR ${seriesUnfinished} THEN NULL ELSE ${seriesReason} END AS notSearchable
     FROM series JOIN study USING (StudyInstanceUID)`

  const settle = (now: number, quietMillis: number): ReadonlyArray<StudyInstanceUID> =>
    unsettled.all().flatMap((row) => {
      const uid = row["StudyInstanceUID"] as StudyInstanceUID
      const quiet = now - Number(row["lastReceived"])
      if (row["claim"] === null && quiet < quietMillis) return []
      const version = Number(row["version"])
      if (inFlight.get(uid) !== undefined) {
        if (row["state"] === "open") setState.run("quiet", version, null, uid)
        return []
      }
      const evidence: ReadyEvidence =
        row["claim"] === null
          ? { kind: "quiet-time", instances: Number(count.get(uid)?.["n"]), quietSeconds: quiet / 1000 }
          : (JSON.parse(String(row["claim"])) as ReadyEvidence)
      setState.run("ready", version + 1, JSON.stringify(evidence), uid)
      outbox.add(
        subjects.studyReady(uid),
        // A deleted and re-sent study counts its versions from 1 again; the moment tells them apart.
        `ready:${uid}:${version + 1}:${now}`,
        encodeReady({ _tag: "StudyReady", StudyInstanceUID: uid, version: version + 1 }),
        now,
      )
      return [uid]
    })

  const status = (uid: StudyInstanceUID, caller: Caller): StudyStatus | undefined => {
    const row = study(uid, caller)
    if (row === undefined) return undefined
    return {
      StudyInstanceUID: uid,
      state: row["state"] as StudyState,
      version: Number(row["version"]),
      ...(row["evidence"] === null ? {} : { evidence: JSON.parse(String(row["evidence"])) as ReadyEvidence }),
      instances: instances.all(uid).map((instance) => ({
        SOPInstanceUID: instance["SOPInstanceUID"] as SOPInstanceUID,
        SeriesInstanceUID: instance["SeriesInstanceUID"] as SeriesInstanceUID,
        stage: instance["stage"] as InstanceStage,
        ...(instance["reason"] === null ? {} : { reason: String(instance["reason"]) }),
        frames: { embeddable: Number(instance["embeddable"]), indexed: Number(instance["indexed"]) },
      })),
    }
  }

  const seriesFacts = (caller: Caller): ReadonlyArray<SeriesFacts> => {
    const { sql, values } = visibleCondition(caller, "series")
    const rows = db.prepare(`${facts} WHERE ${sql}`).all(...values)
    return rows.map((row) => ({
      StudyInstanceUID: row["StudyInstanceUID"] as StudyInstanceUID,
      SeriesInstanceUID: row["SeriesInstanceUID"] as SeriesInstanceUID,
      Modality: String(row["Modality"] ?? ""),
      StudyDate: String(row["StudyDate"] ?? ""),
      patient: String(row["patient"]),
      indexedFrames: Number(row["indexed"]),
      ...(row["notSearchable"] === null ? {} : { notSearchable: String(row["notSearchable"]) }),
    }))
  }

  return {
    settle,
    status,
    seriesFacts,
    complete: (uid: StudyInstanceUID, evidence: ReadyEvidence, caller: Caller) =>
      study(uid, caller) !== undefined && claim.run(JSON.stringify(evidence), uid).changes > 0,
  }
}
