// Which versions of a study were matched against which standing regions, and what was new in each.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import { Alert, StandingRegion, type StandingRegionId } from "../domain/alert.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import type { Unmatched } from "./Ledger.ts"

const decodeRegion = Schema.decodeUnknownSync(Schema.fromJsonString(StandingRegion))
const decodeAlert = Schema.decodeUnknownSync(Schema.fromJsonString(Alert))

/**
 * A run over a version takes all standing regions there are, so one number tells which it was matched against: the
 * newest revision among them. A region that came later, or was changed, has a higher one.
 */
export const makeMatchedVersions = (db: DatabaseSync) => {
  const version = db.prepare("SELECT 1 FROM study_version WHERE StudyInstanceUID = ? AND version = ?")
  const revision = db.prepare("SELECT value FROM tally WHERE name = 'revision'")
  const regions = db.prepare(
    `SELECT id, region, coalesce((SELECT max(version) FROM study_version
        WHERE StudyInstanceUID = ? AND matched >= standing_region.revision), 0) AS before
      FROM standing_region ORDER BY id`,
  )
  const raised = db.prepare("SELECT alert FROM alert WHERE standingRegion = ? AND StudyInstanceUID = ? ORDER BY id")
  const setMatched = db.prepare("UPDATE study_version SET matched = ? WHERE StudyInstanceUID = ? AND version = ?")
  const covered = db.prepare(
    `SELECT covered.receipt FROM series JOIN instance USING (SeriesInstanceUID) JOIN covered USING (receipt)
      WHERE series.StudyInstanceUID = ? AND covered.version > ? AND covered.version <= ? ORDER BY covered.receipt`,
  )
  return {
    unmatched: (uid: StudyInstanceUID, of: number) => {
      if (version.get(uid, of) === undefined) return undefined
      const rows = regions.all(uid).filter(({ before }) => Number(before) < of)
      return {
        revision: Number(revision.get()?.["value"]),
        regions: rows.map((row): Unmatched => ({
          id: row["id"] as StandingRegionId,
          region: decodeRegion(row["region"]),
          before: Number(row["before"]),
          raised: raised.all(row["id"] as string, uid).map(({ alert }) => decodeAlert(alert).hit),
        })),
      }
    },
    matched: (uid: StudyInstanceUID, of: number, upTo: number) => void setMatched.run(upTo, uid, of),
    covered: (uid: StudyInstanceUID, after: number, upTo: number) =>
      Float64Array.from(covered.all(uid, after, upTo), ({ receipt }) => Number(receipt)),
  }
}
