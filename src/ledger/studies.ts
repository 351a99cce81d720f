// A study's life in the ledger: open, quiet, ready with a version and its evidence, and reopened by what comes late.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import type { Caller } from "../domain/caller.ts"
import type { ReadyEvidence } from "../domain/study.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { StudyReady, subjects } from "../events/events.ts"
import type { Outbox } from "./accept.ts"
import { expectationOf, type Expectations } from "./expectations.ts"
import type { SettleRules } from "./Ledger.ts"
import { type Row, visibleCondition } from "./rows.ts"

const encodeReady = Schema.encodeSync(Schema.fromJsonString(StudyReady))

const unfinished = "StudyInstanceUID = ? AND stage IN ('accepted', 'decoded', 'embedded')"

const seconds = (millis: number) => Math.max(0, millis / 1000)

/** All moments but the one of a version are of the ledger's steady time. */
export const makeStudies = (db: DatabaseSync, outbox: Outbox, { stored }: Expectations) => {
  const unsettled = db.prepare(
    `SELECT StudyInstanceUID, state, version, claim, quietSince, openedAt, expected, expectedFrom, cutoff FROM study
      WHERE state <> 'ready' AND (claim IS NOT NULL OR expected IS NOT NULL OR quietSince <= ? OR openedAt <= ?)`,
  )
  const inFlight = db.prepare(`SELECT 1 FROM instance WHERE ${unfinished} LIMIT 1`)
  const inFlightUpTo = db.prepare(`SELECT 1 FROM instance WHERE ${unfinished} AND receipt <= ? LIMIT 1`)
  const storedUpTo = db.prepare("SELECT count(*) AS n FROM instance WHERE StudyInstanceUID = ? AND receipt <= ?")
  const newest = db.prepare("SELECT max(receipt) AS receipt FROM instance WHERE StudyInstanceUID = ?")
  const setAside = db.prepare(
    `SELECT count(*) AS n FROM series JOIN instance USING (SeriesInstanceUID)
      WHERE series.StudyInstanceUID = ? AND instance.stage = 'set-aside'`,
  )
  const setQuiet = db.prepare("UPDATE study SET state = 'quiet' WHERE StudyInstanceUID = ?")
  const setCutoff = db.prepare("UPDATE study SET cutoff = ? WHERE StudyInstanceUID = ?")
  // What was expected is used up: a late instance is waited for like any other.
  const setReady = db.prepare(
    `UPDATE study SET state = 'ready', version = ?, evidence = ?, claim = NULL, cutoff = NULL, expected = NULL,
      expectedFrom = NULL WHERE StudyInstanceUID = ?`,
  )
  const addVersion = db.prepare(
    "INSERT INTO study_version (StudyInstanceUID, version, evidence, readyAt) VALUES (?, ?, ?, ?)",
  )
  const cover = db.prepare(
    `INSERT OR IGNORE INTO covered SELECT instance.receipt, ? FROM series JOIN instance USING (SeriesInstanceUID)
      WHERE series.StudyInstanceUID = ? AND instance.stage = 'indexed'`,
  )
  const announced = db.prepare("SELECT 1 FROM outbox WHERE subject LIKE 'dicom.study.ready.%' LIMIT 1")
  const unmatched = db.prepare(
    `SELECT StudyInstanceUID, study_version.version FROM study_version JOIN study USING (StudyInstanceUID, version)
      WHERE matched IS NULL LIMIT ?`,
  )
  const claim = db.prepare(
    "UPDATE study SET claim = ?, state = 'quiet' WHERE StudyInstanceUID = ? AND state <> 'ready'",
  )

  /** Why the study is complete, if it is; whether all of it is searchable is another question. */
  const groundsOf = (row: Row, quiet: number, instances: number, { quietMillis }: SettleRules) => {
    if (row["claim"] !== null) return "explicit"
    if (row["cutoff"] !== null) return "maximum-wait"
    const expected = expectationOf(row)
    if (expected !== undefined) return instances >= expected.instances ? "expected-count" : undefined
    return quiet >= quietMillis ? "quiet-time" : undefined
  }

  const settleOne = (row: Row, rules: SettleRules, steady: number, now: number) => {
    const uid = row["StudyInstanceUID"] as StudyInstanceUID
    const quiet = rules.isUnderWay?.(uid) === true ? 0 : steady - Number(row["quietSince"])
    const waited = steady - Number(row["openedAt"])
    const [before, instances] = [row["cutoff"], stored(uid)]
    // What came until now is the version; what comes while it is finished is the next one's.
    const cutoff = before ?? (waited >= rules.maxWaitMillis ? Number(newest.get(uid)?.["receipt"]) : null)
    if (cutoff !== before) setCutoff.run(cutoff as number, uid)
    const kind = groundsOf({ ...row, cutoff }, quiet, instances, rules)
    const finished =
      inFlight.get(uid) === undefined || (cutoff !== null && inFlightUpTo.get(uid, cutoff as number) === undefined)
    if (kind === undefined || !finished) {
      const silent = quiet >= rules.quietMillis || row["claim"] !== null
      if (silent && row["state"] !== "quiet") setQuiet.run(uid)
      return false
    }
    const expected = expectationOf(row)
    const evidence: ReadyEvidence = {
      kind,
      instances: kind === "maximum-wait" ? Number(storedUpTo.get(uid, cutoff as number)?.["n"]) : instances,
      setAside: Number(setAside.get(uid)?.["n"]),
      quietSeconds: seconds(quiet),
      waitedSeconds: seconds(waited),
      ...(expected === undefined ? {} : { expected }),
    }
    const version = Number(row["version"]) + 1
    setReady.run(version, JSON.stringify(evidence), uid)
    addVersion.run(uid, version, JSON.stringify(evidence), now)
    cover.run(version, uid)
    outbox.add(
      subjects.studyReady(uid),
      // A deleted and re-sent study counts its versions from 1 again; the moment tells them apart.
      `ready:${uid}:${version}:${now}`,
      encodeReady({ _tag: "StudyReady", StudyInstanceUID: uid, version }),
      now,
    )
    return true
  }

  const due = ({ quietMillis, maxWaitMillis }: SettleRules, steady: number) =>
    unsettled.all(steady - quietMillis, steady - maxWaitMillis)

  return {
    isDue: (rules: SettleRules, steady: number) => due(rules, steady).length > 0,
    settle: (rules: SettleRules, steady: number, now: number): ReadonlyArray<StudyInstanceUID> =>
      due(rules, steady)
        .filter((row) => settleOne(row, rules, steady, now))
        .map((row) => row["StudyInstanceUID"] as StudyInstanceUID),
    isUnannounced: (): boolean => announced.get() === undefined && unmatched.get(1) !== undefined,
    /** For when the broker holds no StudyReady event: whatever was not matched by then lost its own. */
    announceAgain: (limit: number, now: number): number => {
      const rows = unmatched.all(limit)
      for (const row of rows) {
        const [uid, version] = [row["StudyInstanceUID"] as StudyInstanceUID, Number(row["version"])]
        const event = encodeReady({ _tag: "StudyReady", StudyInstanceUID: uid, version })
        outbox.add(subjects.studyReady(uid), `ready:${uid}:${version}:${now}`, event, now)
      }
      return rows.length
    },
    complete: (uid: StudyInstanceUID, steady: number, caller: Caller): boolean => {
      const { sql, values } = visibleCondition(caller, "study")
      const known = db.prepare(`SELECT 1 FROM study WHERE StudyInstanceUID = ? AND ${sql}`).get(uid, ...values)
      if (known === undefined) return false
      claim.run(String(steady), uid)
      return true
    },
  }
}
