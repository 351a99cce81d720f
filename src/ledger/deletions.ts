// The record of what was deleted, kept for ever: what proves that it is gone, and keeps it gone.
import type { DatabaseSync } from "node:sqlite"
import type { Caller, Origin } from "../domain/caller.ts"
import type { Digest, InstanceRef, Receipt } from "../domain/instance.ts"
import type { SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { refOf, visibleCondition } from "./rows.ts"

export type DeletionCause = "request" | "retention"

export interface DeletedInstance extends InstanceRef {
  /** Milliseconds since 1970. */
  readonly deletedAt: number
  readonly cause: DeletionCause
}

/** What was deleted under a UID. */
export interface Deleted {
  readonly level: "study" | "series" | "instance"
  readonly instances: ReadonlyArray<DeletedInstance>
}

export interface DeletedStudy {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly instances: number
  readonly firstAt: number
  readonly lastAt: number
  /** Instances of it that are stored now. */
  readonly storedAgain: number
}

/** What the ledger itself still has of deleted instances. */
export interface Remains {
  /** Their rows. */
  readonly rows: number
  /** Their events, which are still to leave. */
  readonly outbox: number
  readonly alerts: number
  /** Standing regions drawn on them: kept, since somebody chose to keep them. */
  readonly standingRegions: ReadonlyArray<string>
  /** Bytes of theirs that an instance which the caller may see has too. */
  readonly shared: ReadonlyArray<Digest>
  /** Those of the same UIDs that are stored now, sent again. */
  readonly stored: ReadonlyArray<Pick<InstanceRef, "SOPInstanceUID" | "receipt">>
}

const keys = { study: "StudyInstanceUID", series: "SeriesInstanceUID", instance: "SOPInstanceUID" } as const

/** As the studies that are stored: by the origin, which the record has kept. */
const visible = ({ origins }: Caller): { readonly sql: string; readonly values: ReadonlyArray<Origin> } =>
  origins === "all"
    ? { sql: "1", values: [] }
    : { sql: `origin IN (${Array.from(origins, () => "?").join(", ")})`, values: [...origins] }

export const makeDeletions = (db: DatabaseSync) => {
  const row = db.prepare("SELECT 1 FROM instance WHERE receipt = ?")
  const queued = db.prepare("SELECT 1 FROM outbox WHERE msgID = ?")
  const next = db.prepare(
    "SELECT sequence, SOPInstanceUID, receipt FROM deletion WHERE sequence > ? ORDER BY sequence LIMIT ?",
  )
  return {
    /** Undefined when the caller may see no deletion under this UID. */
    of: (uid: string, caller: Caller): Deleted | undefined => {
      const { sql, values } = visible(caller)
      for (const [level, key] of Object.entries(keys) as ReadonlyArray<[Deleted["level"], string]>) {
        const rows = db
          .prepare(`SELECT * FROM deletion WHERE ${key} = ? AND ${sql} ORDER BY sequence`)
          .all(uid, ...values)
        if (rows.length === 0) continue
        const instances = rows.map((found) => ({
          ...refOf(found),
          deletedAt: Number(found["deletedAt"]),
          cause: found["cause"] as DeletionCause,
        }))
        return { level, instances }
      }
      return undefined
    },
    /** The newest first. */
    list: (limit: number, offset: number, caller: Caller): ReadonlyArray<DeletedStudy> => {
      const { sql, values } = visible(caller)
      const stored = visibleCondition(caller, "series")
      return db
        .prepare(
          `SELECT StudyInstanceUID, instances, firstAt, lastAt,
             (SELECT sum(instances) FROM series WHERE series.StudyInstanceUID = deleted_study.StudyInstanceUID AND ${stored.sql})
             AS storedAgain
           FROM deleted_study WHERE ${sql} ORDER BY lastAt DESC, StudyInstanceUID LIMIT ? OFFSET ?`,
        )
        .all(...stored.values, ...values, limit, offset)
        .map((found) => ({
          StudyInstanceUID: found["StudyInstanceUID"] as StudyInstanceUID,
          instances: Number(found["instances"]),
          firstAt: Number(found["firstAt"]),
          lastAt: Number(found["lastAt"]),
          storedAgain: Number(found["storedAgain"] ?? 0),
        }))
    },
    /** In the order of deletion. */
    after: (sequence: number, limit: number) =>
      next.all(sequence, limit).map((found) => ({
        sequence: Number(found["sequence"]),
        SOPInstanceUID: found["SOPInstanceUID"] as SOPInstanceUID,
        receipt: found["receipt"] as Receipt,
      })),
    remains: ({ level, instances }: Deleted, caller: Caller): Remains => {
      const key = keys[level]
      const uids = [...new Set(instances.map((instance) => instance[key]))]
      const stored = visibleCondition(caller, "instance")
      const sees = visible(caller)
      // An alert and a standing region name a series, not its instances.
      const named = level === "study" ? "StudyInstanceUID" : "SeriesInstanceUID"
      const names = JSON.stringify([...new Set(instances.map((instance) => instance[named]))])
      const drawn = db.prepare(
        `SELECT id FROM standing_region WHERE json_extract(region, '$.${named}') IN (SELECT value FROM json_each(?)) AND ${sees.sql} ORDER BY id`,
      )
      const alerts = db.prepare(
        `SELECT count(*) AS n FROM alert WHERE json_extract(alert, '$.hit.SeriesInstanceUID') IN (SELECT value FROM json_each(?))
           AND NOT EXISTS (SELECT 1 FROM series WHERE series.SeriesInstanceUID = json_extract(alert.alert, '$.hit.SeriesInstanceUID'))`,
      )
      const series = JSON.stringify([...new Set(instances.map(({ SeriesInstanceUID }) => SeriesInstanceUID))])
      return {
        rows: instances.filter(({ receipt }) => row.get(receipt) !== undefined).length,
        outbox: instances.filter(({ receipt }) => queued.get(`deleted:${receipt}`) !== undefined).length,
        alerts: Number(alerts.get(series)?.["n"]),
        shared: db
          .prepare(
            `SELECT DISTINCT digest FROM instance WHERE digest IN (SELECT value FROM json_each(?)) AND ${stored.sql}`,
          )
          .all(JSON.stringify([...new Set(instances.map(({ digest }) => digest))]), ...stored.values)
          .map((found) => found["digest"] as Digest),
        standingRegions: drawn.all(names, ...sees.values).map((found) => String(found["id"])),
        stored: db
          .prepare(
            `SELECT SOPInstanceUID, receipt FROM instance WHERE ${key} IN (SELECT value FROM json_each(?)) AND ${stored.sql} ORDER BY receipt`,
          )
          .all(JSON.stringify(uids), ...stored.values)
          .map((found) => ({
            SOPInstanceUID: found["SOPInstanceUID"] as SOPInstanceUID,
            receipt: found["receipt"] as Receipt,
          })),
      }
    },
  }
}
