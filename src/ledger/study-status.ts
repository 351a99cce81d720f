// Where a study is, version by version and instance by instance.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import type { Caller } from "../domain/caller.ts"
import { InstanceStage } from "../domain/instance.ts"
import { ReadyEvidence, type StudyState, type StudyStatus } from "../domain/study.ts"
import type { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { expectationOf } from "./expectations.ts"
import type { StatusPage } from "./Ledger.ts"
import { visibleCondition } from "./rows.ts"

/** Versions in one answer. */
const maxVersions = 100

const evidenceOf = Schema.decodeUnknownSync(Schema.fromJsonString(ReadyEvidence))

export const makeStudyStatus = (db: DatabaseSync) => {
  const counts = db.prepare(
    `SELECT instance.stage, count(*) AS n FROM series JOIN instance USING (SeriesInstanceUID)
      WHERE series.StudyInstanceUID = ? GROUP BY instance.stage`,
  )
  const versions = db.prepare(
    "SELECT version, readyAt, evidence FROM study_version WHERE StudyInstanceUID = ? ORDER BY version DESC LIMIT ?",
  )
  const columns = ["SOPInstanceUID", "SeriesInstanceUID", "stage", "reason", "embeddable", "indexed"]
    .map((name) => `instance.${name}`)
    .join(", ")
  const page = db.prepare(
    `SELECT ${columns} FROM instance WHERE StudyInstanceUID = ? ORDER BY receipt LIMIT ? OFFSET ?`,
  )
  const atStage = db.prepare(
    `SELECT ${columns} FROM series JOIN instance USING (SeriesInstanceUID)
      WHERE series.StudyInstanceUID = ? AND instance.stage = ? ORDER BY receipt LIMIT ? OFFSET ?`,
  )

  /** `steady`: the ledger's steady time. */
  return (
    uid: StudyInstanceUID,
    { offset, limit, stage }: StatusPage,
    caller: Caller,
    steady: number,
  ): StudyStatus | undefined => {
    const { sql, values } = visibleCondition(caller, "study")
    const row = db
      .prepare(
        `SELECT state, version, evidence, expected, expectedFrom, quietSince, openedAt FROM study WHERE StudyInstanceUID = ? AND ${sql}`,
      )
      .get(uid, ...values)
    if (row === undefined) return undefined
    const counted = new Map(counts.all(uid).map(({ stage, n }) => [stage as InstanceStage, Number(n)]))
    const of = (stage: InstanceStage) => counted.get(stage) ?? 0
    const stages = Object.fromEntries(InstanceStage.literals.map((stage) => [stage, of(stage)])) as Record<
      InstanceStage,
      number
    >
    const rows = stage === undefined ? page.all(uid, limit, offset) : atStage.all(uid, stage, limit, offset)
    const matching = stage === undefined ? Array.from(counted.values()).reduce((a, b) => a + b, 0) : of(stage)
    const expected = expectationOf(row)
    const since = (moment: unknown) => Math.max(0, (steady - Number(moment)) / 1000)
    return {
      StudyInstanceUID: uid,
      state: row["state"] as StudyState,
      version: Number(row["version"]),
      ...(row["evidence"] === null ? {} : { evidence: evidenceOf(row["evidence"]) }),
      ...(expected === undefined ? {} : { expected }),
      ...(row["state"] === "ready"
        ? {}
        : { waiting: { quietSeconds: since(row["quietSince"]), openSeconds: since(row["openedAt"]) } }),
      stages,
      versions: versions.all(uid, maxVersions).map(({ version, readyAt, evidence }) => ({
        version: Number(version),
        readyAt: new Date(Number(readyAt)).toISOString(),
        evidence: evidenceOf(evidence),
      })),
      instances: rows.map((instance) => ({
        SOPInstanceUID: instance["SOPInstanceUID"] as SOPInstanceUID,
        SeriesInstanceUID: instance["SeriesInstanceUID"] as SeriesInstanceUID,
        stage: instance["stage"] as InstanceStage,
        ...(instance["reason"] === null ? {} : { reason: String(instance["reason"]) }),
        frames: { embeddable: Number(instance["embeddable"]), indexed: Number(instance["indexed"]) },
      })),
      remaining: Math.max(0, matching - offset - rows.length),
    }
  }
}
