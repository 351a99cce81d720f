// Standing regions and the alerts they raised.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import { Alert, StandingRegion, type StandingRegionId } from "../domain/alert.ts"
import type { Caller } from "../domain/caller.ts"
import type { Hit } from "../domain/hit.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { AlertRaised, subjects } from "../events/events.ts"
import type { Outbox } from "./accept.ts"
import { visibleCondition } from "./rows.ts"

const encodeRaised = Schema.encodeSync(Schema.fromJsonString(AlertRaised))
const decodeAlert = Schema.decodeUnknownSync(Schema.fromJsonString(Alert))
const encodeAlert = Schema.encodeSync(Schema.fromJsonString(Alert))
const decodeRegion = Schema.decodeUnknownSync(Schema.fromJsonString(StandingRegion))
const encodeRegion = Schema.encodeSync(Schema.fromJsonString(StandingRegion))

/** What makes two standing regions the same rule. */
const ruleOf = (region: StandingRegion) => JSON.stringify({ ...region, label: "" })

export interface NewAlert {
  readonly standingRegion: StandingRegionId
  readonly label: string
  readonly StudyInstanceUID: StudyInstanceUID
  readonly studyVersion: number
  readonly hit: Hit
}

export const makeAlertStore = (db: DatabaseSync, outbox: Outbox) => {
  const putRegion = db.prepare(
    "INSERT OR REPLACE INTO standing_region (id, region, revision, origin) VALUES (?, ?, ?, coalesce((SELECT origin FROM study WHERE StudyInstanceUID = ?), ?))",
  )
  const known = db.prepare("SELECT region, revision FROM standing_region WHERE id = ?")
  const nextRevision = db.prepare("UPDATE tally SET value = value + 1 WHERE name = 'revision' RETURNING value")
  // Those of other models are of the region as it was drawn before.
  const dropExemplars = db.prepare("DELETE FROM exemplar WHERE standingRegion = ?")
  const addExemplar = db.prepare("INSERT INTO exemplar VALUES (?, ?, ?)")
  /** A standing region is seen by those who may see the studies of its origin: that of the study it was drawn on. */
  const visibleRegions = ({ origins }: Caller) =>
    origins === "all"
      ? { sql: "1", values: [] }
      : { sql: `standing_region.origin IN (${Array.from(origins, () => "?").join(", ")})`, values: [...origins] }
  const removeRegion = db.prepare("DELETE FROM standing_region WHERE id = ?")
  const raised = db.prepare(
    "SELECT 1 FROM alert WHERE standingRegion = ? AND StudyInstanceUID = ? AND studyVersion = ?",
  )
  const version = db.prepare("SELECT 1 FROM study_version WHERE StudyInstanceUID = ? AND version = ?")
  const claim = db.prepare(
    "INSERT INTO alert (id, standingRegion, StudyInstanceUID, studyVersion, alert) VALUES (?, ?, ?, ?, '')",
  )
  const fill = db.prepare("UPDATE alert SET alert = ? WHERE id = ?")
  // The sequence, not the greatest row: a deleted alert's id is not given again, and no reader waits for it.
  const last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'alert'")
  const newest = () => Number(last.get()?.["seq"] ?? 0)
  const sees = (id: StandingRegionId, caller: Caller) => {
    const { sql, values } = visibleRegions(caller)
    return db.prepare(`SELECT 1 FROM standing_region WHERE id = ? AND ${sql}`).get(id, ...values) !== undefined
  }
  return {
    /** False when the id is taken by a region that the caller may not see. */
    putRegion: (
      id: StandingRegionId,
      region: StandingRegion,
      exemplar: { readonly model: string; readonly bytes: Uint8Array },
      caller: Caller,
    ) => {
      const before = known.get(id)
      if (before !== undefined && !sees(id, caller)) return false
      // The same rule put again was matched before, whatever it is called now.
      const same = before !== undefined && ruleOf(decodeRegion(before["region"])) === ruleOf(region)
      const revision = Number(same ? before["revision"] : nextRevision.get()?.["value"])
      putRegion.run(id, encodeRegion(region), revision, region.StudyInstanceUID, caller.origin)
      dropExemplars.run(id)
      addExemplar.run(id, exemplar.model, exemplar.bytes)
      return true
    },
    regions: (caller: Caller) => {
      const { sql, values } = visibleRegions(caller)
      const rows = db.prepare(`SELECT id, region FROM standing_region WHERE ${sql} ORDER BY id`).all(...values)
      return rows.map((row) => ({
        id: row["id"] as StandingRegionId,
        region: decodeRegion(row["region"]),
      }))
    },
    removeRegion: (id: StandingRegionId, caller: Caller) => sees(id, caller) && removeRegion.run(id).changes > 0,
    raise: (match: NewAlert, now: number): Alert | undefined => {
      const { standingRegion, StudyInstanceUID, studyVersion } = match
      // Deleted meanwhile, or raised before.
      if (version.get(StudyInstanceUID, studyVersion) === undefined) return undefined
      if (raised.get(standingRegion, StudyInstanceUID, studyVersion) !== undefined) return undefined
      // From the moment, so that a gap between two ids does not count the alerts that a reader may not see.
      const id = Math.max(newest() + 1, now * 100)
      claim.run(id, standingRegion, StudyInstanceUID, studyVersion)
      const alert: Alert = { id, ...match, raisedAt: new Date(now).toISOString() }
      fill.run(encodeAlert(alert), alert.id)
      outbox.add(subjects.alerts, `alert:${alert.id}`, encodeRaised({ _tag: "AlertRaised", alert }), now)
      return alert
    },
    /** Both the study that matched and the region it matched must be the caller's to see. */
    after: (id: number, limit: number, caller: Caller) => {
      const study = visibleCondition(caller, "alert")
      const region = visibleRegions(caller)
      const drawn =
        caller.origins === "all"
          ? "1"
          : `EXISTS (SELECT 1 FROM standing_region WHERE standing_region.id = alert.standingRegion AND ${region.sql})`
      return db
        .prepare(`SELECT alert FROM alert WHERE id > ? AND ${study.sql} AND ${drawn} ORDER BY id LIMIT ?`)
        .all(id, ...study.values, ...region.values, limit)
        .map((row) => decodeAlert(row["alert"]))
    },
    last: newest,
  }
}
