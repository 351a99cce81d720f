// Standing regions and the alerts they raised.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import { Alert, StandingRegion, type StandingRegionId } from "../domain/alert.ts"
import type { Hit } from "../domain/hit.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { AlertRaised, subjects } from "../events/events.ts"
import type { Outbox } from "./accept.ts"

const encodeRaised = Schema.encodeSync(Schema.fromJsonString(AlertRaised))
const decodeAlert = Schema.decodeUnknownSync(Schema.fromJsonString(Alert))
const encodeAlert = Schema.encodeSync(Schema.fromJsonString(Alert))
const decodeRegion = Schema.decodeUnknownSync(Schema.fromJsonString(StandingRegion))
const encodeRegion = Schema.encodeSync(Schema.fromJsonString(StandingRegion))

export interface NewAlert {
  readonly standingRegion: StandingRegionId
  readonly label: string
  readonly StudyInstanceUID: StudyInstanceUID
  readonly studyVersion: number
  readonly hit: Hit
}

export const makeAlertStore = (db: DatabaseSync, outbox: Outbox) => {
  const putRegion = db.prepare("INSERT OR REPLACE INTO standing_region (id, region, exemplar) VALUES (?, ?, ?)")
  const regions = db.prepare("SELECT id, region, exemplar FROM standing_region ORDER BY id")
  const removeRegion = db.prepare("DELETE FROM standing_region WHERE id = ?")
  const raised = db.prepare("SELECT 1 FROM alert WHERE standingRegion = ? AND StudyInstanceUID = ?")
  const claim = db.prepare("INSERT INTO alert (standingRegion, StudyInstanceUID, alert) VALUES (?, ?, '')")
  const fill = db.prepare("UPDATE alert SET alert = ? WHERE id = ?")
  const after = db.prepare("SELECT alert FROM alert WHERE id > ? ORDER BY id LIMIT ?")
  // The sequence, not the greatest row: a deleted alert's id is not given again, and no reader waits for it.
  const last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'alert'")
  return {
    putRegion: (id: StandingRegionId, region: StandingRegion, exemplar: Uint8Array) => {
      putRegion.run(id, encodeRegion(region), exemplar)
    },
    regions: () =>
      regions.all().map((row) => ({
        id: row["id"] as StandingRegionId,
        region: decodeRegion(row["region"]),
        exemplar: row["exemplar"] as Uint8Array,
      })),
    removeRegion: (id: StandingRegionId) => removeRegion.run(id).changes > 0,
    raise: (match: NewAlert, now: number): Alert | undefined => {
      if (raised.get(match.standingRegion, match.StudyInstanceUID) !== undefined) return undefined
      const { lastInsertRowid } = claim.run(match.standingRegion, match.StudyInstanceUID)
      const alert: Alert = { id: Number(lastInsertRowid), ...match, raisedAt: new Date(now).toISOString() }
      fill.run(encodeAlert(alert), alert.id)
      outbox.add(subjects.alerts, `alert:${alert.id}`, encodeRaised({ _tag: "AlertRaised", alert }), now)
      return alert
    },
    after: (id: number, limit: number) => after.all(id, limit).map((row) => decodeAlert(row["alert"])),
    last: () => Number(last.get()?.["seq"] ?? 0),
  }
}
