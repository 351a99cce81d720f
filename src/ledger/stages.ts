// How far each instance has come, what was set aside, and what is put back on the way.
import type { DatabaseSync } from "node:sqlite"
import * as Schema from "effect/Schema"
import type { InstanceRef, InstanceStage } from "../domain/instance.ts"
import { SetAside, subjects } from "../events/events.ts"
import type { Moment, Outbox } from "./accept.ts"
import type { Progress } from "./Ledger.ts"
import { refOf } from "./rows.ts"
import { reasonText } from "./set-aside.ts"

const encodeSetAside = Schema.encodeSync(Schema.fromJsonString(SetAside))

/** A stage never goes back, except by requeue. The final three outrank the way to them. */
const order: Readonly<Record<InstanceStage, number>> = {
  accepted: 0,
  decoded: 1,
  embedded: 2,
  indexed: 3,
  "stored-only": 3,
  "set-aside": 3,
}

const unfinished = "stage IN ('accepted', 'decoded', 'embedded')"

export const makeStages = (db: DatabaseSync, outbox: Outbox) => {
  const current = db.prepare(
    "SELECT stage, embeddable, indexed, StudyInstanceUID FROM instance WHERE SOPInstanceUID = ? AND receipt = ?",
  )
  const update = db.prepare(
    "UPDATE instance SET stage = ?, reason = ?, embeddable = ?, indexed = ?, stageSince = ? WHERE SOPInstanceUID = ? AND receipt = ?",
  )
  const again = db.prepare(
    "UPDATE instance SET stage = 'accepted', reason = NULL, indexed = 0, stageSince = ?, attempt = attempt + 1 WHERE receipt = ? RETURNING *",
  )

  // Searchable only after its study was ready (requeued, or later than the maximum wait): the next version has it.
  const reopen = db.prepare(
    `UPDATE study SET state = 'reopened', quietSince = ?1, openedAt = ?1 WHERE StudyInstanceUID = ?2 AND state = 'ready'
      AND NOT EXISTS (SELECT 1 FROM covered WHERE receipt = ?3)`,
  )

  const progress = (
    { SOPInstanceUID, receipt, stage, reason, embeddableFrames, indexedFrames }: Progress,
    { now, steady }: Moment,
  ) => {
    const row = current.get(SOPInstanceUID, receipt)
    if (row === undefined) return
    const before = row["stage"] as InstanceStage
    const embeddable = embeddableFrames ?? Number(row["embeddable"])
    const indexed = indexedFrames ?? Number(row["indexed"])
    // Some frames in the index are not yet all of them.
    const reached = stage === "indexed" && indexed < embeddable ? "embedded" : stage
    const next = order[reached] >= order[before] ? reached : before
    const why = next === reached ? (reason ?? null) : null
    update.run(next, why, embeddable, indexed, now, SOPInstanceUID, receipt)
    if (next === "indexed" && before !== next) reopen.run(steady, row["StudyInstanceUID"] as string, receipt)
  }

  const setAside = (instance: InstanceRef, stage: string, reason: string, moment: Moment): boolean => {
    const row = current.get(instance.SOPInstanceUID, instance.receipt)
    if (row === undefined) return false
    progress({ ...instance, stage: "set-aside", reason: reasonText(stage, reason) }, moment)
    outbox.add(
      subjects.setAside(stage),
      `set-aside:${instance.receipt}:${moment.now}`,
      encodeSetAside({ _tag: "SetAside", stage, reason, instance }),
      moment.now,
    )
    return true
  }

  const requeue = (receipts: ReadonlyArray<number>, now: number) => {
    for (const receipt of receipts) {
      const row = again.get(now, receipt)
      if (row !== undefined) outbox.accepted(refOf(row), Number(row["attempt"]), now)
    }
    return receipts.length
  }
  const receiptsOf = (sql: string) => {
    const select = db.prepare(`SELECT receipt FROM instance WHERE ${sql} LIMIT 10000`)
    return (...values: ReadonlyArray<string | number>) => select.all(...values).map((row) => Number(row["receipt"]))
  }
  return {
    progress,
    setAside,
    requeue,
    /**
     * Unfinished since before the given moment (or, where the clock was turned back, one still to come), with no event
     * of theirs still to be sent.
     */
    stuckReceipts: receiptsOf(
      `${unfinished} AND (stageSince < ? OR stageSince > ?) AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.receipt = instance.receipt)`,
    ),
  }
}
export type Stages = ReturnType<typeof makeStages>
