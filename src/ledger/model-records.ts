// Which models have vectors of their own: the one that serves, at most one beside it, and what that one still lacks.
import type { DatabaseSync } from "node:sqlite"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { StandingRegionId } from "../domain/alert.ts"
import type { InstanceRef, Receipt } from "../domain/instance.ts"
import type { LedgerError } from "./Ledger.ts"
import { refOf } from "./rows.ts"
import type { Writer } from "./writer.ts"

/** A model whose vectors are kept; exactly one serves. */
export interface ModelRecord {
  /** Preset name and the first digits of the file's SHA-256. */
  readonly id: string
  /** Name of the preset, or the absolute path of its file. */
  readonly preset: string
  readonly dimension: number
  readonly inputSize: number
  readonly gridSize: number
  /** `dropping`: its vectors are being removed. */
  readonly role: "serving" | "other" | "dropping"
  /** Epoch ms since when it has this role. */
  readonly since: number
  /** It served before: what a rollback goes back to. */
  readonly served: boolean
}

export type NewModel = Omit<ModelRecord, "served" | "since" | "role">

export interface ModelBacklog {
  /** Instances known to be missing; more may be found while not all of the ledger was walked. */
  readonly waiting: number
  /** Instances that this model could not embed. */
  readonly failed: number
  /** Every instance that was searchable before this model came was looked at. */
  readonly walked: boolean
}

/** One searchable instance that a model may lack. */
export interface Unembedded {
  readonly instance: InstanceRef
  /** Frames that the serving model has of it. */
  readonly frames: number
}

/** How often an instance is tried before it counts as failed. */
const maxAttempts = 3

type Io<A> = Effect.Effect<A, LedgerError>

export class ModelRecords extends Context.Service<ModelRecords, Records>()("gateway/ledger/ModelRecords") {}

interface Records {
  readonly list: Io<ReadonlyArray<ModelRecord>>
  /** The first model serves; exemplars of unknown origin are its own. Later ones start with everything to do. */
  readonly add: (model: NewModel, now: number) => Io<void>
  /** Another file under the same name, whose vectors are all still to be made, serves in this one's place. */
  readonly replace: (id: string, by: NewModel, now: number) => Io<void>
  /** One commit: this one serves, the one that served stays beside it. */
  readonly serve: (id: string, now: number) => Io<void>
  readonly dropping: (id: string, now: number) => Io<void>
  readonly forget: (id: string) => Io<void>
  readonly backlog: (id: string) => Io<ModelBacklog>
  /** The next instances the model may lack; finds more by walking the ledger, so many in one commit. */
  readonly unembedded: (id: string, limit: number) => Io<ReadonlyArray<Unembedded>>
  readonly embedded: (id: string, receipts: ReadonlyArray<Receipt>) => Io<void>
  readonly failed: (id: string, receipt: Receipt, reason: string) => Io<void>
  readonly failures: (id: string, limit: number) => Io<ReadonlyArray<InstanceRef & { readonly reason: string }>>
  /** Tries what failed again; `anew` also looks at every instance once more. */
  readonly again: (id: string, anew: boolean) => Io<void>
  /** Vectors of the standing regions in this model's space. */
  readonly exemplars: (id: string) => Io<ReadonlyMap<StandingRegionId, Uint8Array>>
  /** Nothing where the standing region is gone. */
  readonly putExemplar: (region: StandingRegionId, id: string, exemplar: Uint8Array) => Io<void>
}

const recordOf = (row: Record<string, unknown>): ModelRecord => ({
  id: String(row["id"]),
  preset: String(row["preset"]),
  dimension: Number(row["dimension"]),
  inputSize: Number(row["inputSize"]),
  gridSize: Number(row["gridSize"]),
  role: row["role"] as ModelRecord["role"],
  since: Number(row["since"]),
  served: row["served"] === 1,
})

export const makeModelRecords = (
  db: DatabaseSync,
  { read, write, note }: Pick<Writer, "write" | "note"> & { readonly read: <A>(query: () => A) => Io<A> },
): Records => {
  const list = db.prepare("SELECT * FROM model ORDER BY role = 'serving' DESC, since")
  const insert = db.prepare(
    `INSERT INTO model (id, preset, dimension, inputSize, gridSize, role, since, served, walked, walkTo)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
  )
  const adopt = db.prepare("UPDATE exemplar SET model = ? WHERE model = ''")
  const newest = db.prepare("SELECT max(receipt) AS receipt FROM instance")
  const retire = db.prepare("UPDATE model SET role = 'other', since = ? WHERE role = 'serving'")
  const serve = db.prepare("UPDATE model SET role = 'serving', served = 1, since = ? WHERE id = ? AND role = 'other'")
  const dropping = db.prepare("UPDATE model SET role = 'dropping', since = ? WHERE id = ? AND role = 'other'")
  const forget = db.prepare("DELETE FROM model WHERE id = ? AND role = 'dropping'")
  const forgetExemplars = db.prepare("DELETE FROM exemplar WHERE model = ?")
  const counts = db.prepare(
    `SELECT count(*) FILTER (WHERE attempts < ${maxAttempts}) AS waiting,
      count(*) FILTER (WHERE attempts >= ${maxAttempts}) AS failed FROM unembedded WHERE model = ?`,
  )
  const walk = db.prepare("SELECT walked, walkTo FROM model WHERE id = ?")
  const page = db.prepare(
    "SELECT receipt FROM instance WHERE receipt > ? AND receipt <= ? AND stage = 'indexed' ORDER BY receipt LIMIT ?",
  )
  const want = db.prepare("INSERT OR IGNORE INTO unembedded (model, receipt) VALUES (?, ?)")
  const advance = db.prepare("UPDATE model SET walked = ? WHERE id = ?")
  const next = db.prepare(
    `SELECT instance.receipt, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, digest, indexed AS frames
     FROM unembedded JOIN instance USING (receipt) WHERE model = ? AND attempts < ${maxAttempts}
     ORDER BY attempts, unembedded.receipt LIMIT ?`,
  )
  const done = db.prepare("DELETE FROM unembedded WHERE model = ? AND receipt = ?")
  const fail = db.prepare("UPDATE unembedded SET attempts = attempts + 1, reason = ? WHERE model = ? AND receipt = ?")
  const failures = db.prepare(
    `SELECT instance.receipt, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, digest, unembedded.reason
     FROM unembedded JOIN instance USING (receipt) WHERE model = ? AND attempts >= ${maxAttempts}
     ORDER BY unembedded.receipt LIMIT ?`,
  )
  const retry = db.prepare("UPDATE unembedded SET attempts = 0, reason = NULL WHERE model = ? AND attempts > 0")
  const anew = db.prepare("UPDATE model SET walked = 0, walkTo = ? WHERE id = ?")
  const exemplars = db.prepare("SELECT standingRegion, exemplar FROM exemplar WHERE model = ?")
  const putExemplar = db.prepare("INSERT OR REPLACE INTO exemplar SELECT id, ?, ? FROM standing_region WHERE id = ?")
  const lastReceipt = () => Number(newest.get()?.["receipt"] ?? 0)
  const walkOf = (id: string) => {
    const row = walk.get(id)
    return { walked: Number(row?.["walked"] ?? 0), walkTo: Number(row?.["walkTo"] ?? 0) }
  }
  const refs = (id: string, limit: number) =>
    next.all(id, limit).map((row) => ({ instance: refOf(row), frames: Number(row["frames"]) }))

  return {
    list: read(() => list.all().map(recordOf)),
    add: (model, now) =>
      write(() => {
        const first = list.all().length === 0
        const { id, preset, dimension, inputSize, gridSize } = model
        const walkTo = first ? 0 : lastReceipt()
        const role = first ? "serving" : "other"
        insert.run(id, preset, dimension, inputSize, gridSize, role, now, first ? 1 : 0, walkTo)
        if (first) adopt.run(id)
      }),
    replace: (id, by, now) =>
      write(() => {
        forgetExemplars.run(id)
        db.prepare("DELETE FROM model WHERE id = ?").run(id)
        insert.run(by.id, by.preset, by.dimension, by.inputSize, by.gridSize, "serving", now, 1, 0)
      }),
    serve: (id, now) =>
      write(() => {
        retire.run(now)
        if (serve.run(now, id).changes === 0) throw new Error(`there is no model ${id} beside the one that serves`)
      }),
    dropping: (id, now) => Effect.asVoid(write(() => void dropping.run(now, id))),
    forget: (id) =>
      write(() => {
        if (forget.run(id).changes > 0) forgetExemplars.run(id)
      }),
    backlog: (id) =>
      read(() => {
        const row = counts.get(id)
        const { walked, walkTo } = walkOf(id)
        return { waiting: Number(row?.["waiting"]), failed: Number(row?.["failed"]), walked: walked >= walkTo }
      }),
    unembedded: (id, limit) =>
      Effect.flatMap(
        read(() => refs(id, limit)),
        (found) => {
          if (found.length > 0) return Effect.succeed(found)
          return note(() => {
            const { walked, walkTo } = walkOf(id)
            if (walked >= walkTo) return []
            const receipts = page.all(walked, walkTo, limit).map((row) => Number(row["receipt"]))
            for (const receipt of receipts) want.run(id, receipt)
            advance.run(receipts.length < limit ? walkTo : (receipts.at(-1) ?? walkTo), id)
            return refs(id, limit)
          })
        },
      ),
    embedded: (id, receipts) => note(() => receipts.forEach((receipt) => done.run(id, receipt))),
    failed: (id, receipt, reason) => note(() => void fail.run(reason, id, receipt)),
    failures: (id, limit) =>
      read(() => failures.all(id, limit).map((row) => ({ ...refOf(row), reason: String(row["reason"]) }))),
    again: (id, whole) =>
      write(() => {
        retry.run(id)
        if (whole) anew.run(lastReceipt(), id)
      }),
    exemplars: (id) =>
      read(
        () =>
          new Map(
            exemplars
              .all(id)
              .map((row) => [row["standingRegion"] as StandingRegionId, row["exemplar"] as Uint8Array] as const),
          ),
      ),
    putExemplar: (region, id, exemplar) => Effect.asVoid(write(() => void putExemplar.run(id, exemplar, region))),
  }
}
