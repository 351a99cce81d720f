// The ledger on SQLite: reads at once, writes through one queue with group commit.
import { mkdirSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Caller, CurrentCaller } from "../domain/caller.ts"
import { InstanceDeleted, subjects } from "../events/events.ts"
import { makeAccept, makeOutbox } from "./accept.ts"
import { makeAlertStore } from "./alert-store.ts"
import { type InventoryItem, Ledger, type LedgerTotals, type Scope } from "./Ledger.ts"
import { openDatabase } from "./open-database.ts"
import { attributesOf, heldColumns, heldOf, instanceOf, refOf, scopeCondition, visibleCondition } from "./rows.ts"
import { migrations } from "./schema.ts"
import { makeTurns } from "./search-turns.ts"
import { makeOverview } from "./study-overview.ts"
import { makeSearch } from "./search.ts"
import { makeStages } from "./stages.ts"
import { makeStudies } from "./studies.ts"
import { ledgerError, makeWriter } from "./writer.ts"

const encodeDeleted = Schema.encodeSync(Schema.fromJsonString(InstanceDeleted))

const makeDelete = (db: DatabaseSync, outbox: ReturnType<typeof makeOutbox>) => {
  const record = db.prepare("INSERT INTO deletion VALUES (?, ?, ?, ?, ?, ?)")
  const remove = db.prepare("DELETE FROM instance WHERE receipt = ?")
  const forget = db.prepare("DELETE FROM outbox WHERE receipt = ?")
  // An alert tells of a study that is to be gone.
  const alerts = db.prepare(
    "DELETE FROM alert WHERE StudyInstanceUID = ? AND NOT EXISTS (SELECT 1 FROM study WHERE study.StudyInstanceUID = alert.StudyInstanceUID)",
  )
  return (scope: Scope, caller: Caller, now: number) => {
    const { sql, values } = scopeCondition(scope, caller)
    const instances = db
      .prepare(`SELECT * FROM instance WHERE ${sql}`)
      .all(...values)
      .map(refOf)
    for (const { receipt, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, digest } of instances) {
      record.run(receipt, SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, digest, now)
      remove.run(receipt)
      forget.run(receipt)
      outbox.add(
        subjects.instanceDeleted(StudyInstanceUID),
        `deleted:${receipt}`,
        encodeDeleted({ _tag: "InstanceDeleted", StudyInstanceUID, SOPInstanceUID, receipt, digest }),
        now,
      )
    }
    for (const uid of new Set(instances.map(({ StudyInstanceUID }) => StudyInstanceUID))) alerts.run(uid)
    return { instances }
  }
}

const makeTotals = (db: DatabaseSync) => {
  const tally = db.prepare("SELECT name, value FROM tally")
  const stage = db.prepare(
    "SELECT count(*) AS pending, min(stageSince) AS oldest FROM instance WHERE stage = ? AND stage IN ('accepted', 'decoded', 'embedded')",
  )
  const outbox = db.prepare("SELECT count(*) AS pending, min(queuedAt) AS oldest FROM outbox")
  const backlog = (row: Record<string, unknown> | undefined) => ({
    pending: Number(row?.["pending"] ?? 0),
    ...(row?.["oldest"] == null ? {} : { oldest: Number(row["oldest"]) }),
  })
  return (): LedgerTotals => {
    const counts = new Map(tally.all().map((row) => [String(row["name"]), Number(row["value"])]))
    return {
      instances: counts.get("instances") ?? 0,
      slices: { embeddable: counts.get("embeddable") ?? 0, indexed: counts.get("indexed") ?? 0 },
      setAside: counts.get("set-aside") ?? 0,
      stages: {
        accepted: backlog(stage.get("accepted")),
        decoded: backlog(stage.get("decoded")),
        embedded: backlog(stage.get("embedded")),
      },
      outbox: backlog(outbox.get()),
    }
  }
}

const memory = ":memory:"

/**
 * Commits reach the log without waiting for the disk (NORMAL), and this then syncs the log as FULL would have done, but
 * beside the thread that serves everybody. The log keeps its file for as long as the database is open.
 */
const logSync = (db: DatabaseSync, path: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const log = await open(`${path}-wal`, "r")
        // 16 MiB of log between checkpoints: what many commits changed is then written back once.
        db.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000")
        return log
      },
      catch: ledgerError,
    }),
    (log) => Effect.promise(() => log.close()),
  ).pipe(Effect.map((log) => () => log.datasync()))

const make = Effect.fnUntraced(function* (path: string) {
  const db = yield* Effect.acquireRelease(
    Effect.try({ try: () => openDatabase(path, migrations), catch: ledgerError }),
    (db) => Effect.sync(() => db.close()),
  )
  const { write, note, readDurable } = makeWriter(db, path === memory ? undefined : yield* logSync(db, path))
  const read = <A>(query: () => A) => Effect.try({ try: query, catch: ledgerError })
  /** Gives the job the moment it was asked for, and who asked. */
  const writeAt = <A>(job: (now: number, caller: Caller) => A) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const caller = yield* CurrentCaller
      return yield* write(() => job(now, caller))
    })
  /** Reads what the caller may see. */
  const readAs = <A>(query: (caller: Caller) => A) =>
    Effect.flatMap(CurrentCaller, (caller) => read(() => query(caller)))

  const outbox = makeOutbox(db)
  const accept = makeAccept(db, outbox)
  const stages = makeStages(db, outbox)
  const studies = makeStudies(db, outbox)
  const overview = makeOverview(db)
  const alerts = makeAlertStore(db, outbox)
  const remove = makeDelete(db, outbox)
  const search = makeSearch(db)
  const inTurns = makeTurns()
  const totals = makeTotals(db)
  const inventory = db.prepare(
    "SELECT SOPInstanceUID, receipt, digest, stage, indexed AS indexedFrames FROM instance ORDER BY receipt",
  )
  const current = db.prepare("SELECT 1 FROM instance WHERE SOPInstanceUID = ? AND receipt = ?")
  const named = db.prepare("SELECT 1 FROM instance WHERE digest = ? LIMIT 1")
  const aside = db.prepare("SELECT * FROM instance WHERE stage = 'set-aside' ORDER BY receipt LIMIT 10000")
  const queued = db.prepare("SELECT sequence, subject, msgID, payload FROM outbox ORDER BY sequence LIMIT ?")
  const sent = db.prepare("DELETE FROM outbox WHERE sequence = ?")

  return Ledger.of({
    accept: (instances) => writeAt((now, caller) => accept(instances, caller, now)),
    instance: (SOPInstanceUID) =>
      readAs((caller) => {
        const { sql, values } = scopeCondition({ SOPInstanceUID }, caller)
        const row = db.prepare(`SELECT * FROM instance WHERE ${sql}`).get(...values)
        return Option.map(Option.fromUndefinedOr(row), instanceOf)
      }),
    instances: (scope) =>
      readAs((caller) => {
        const { sql, values } = scopeCondition(scope, caller)
        return db
          .prepare(`SELECT * FROM instance WHERE ${sql} ORDER BY receipt`)
          .all(...values)
          .map(instanceOf)
      }),
    held: (scope) =>
      readAs((caller) => {
        const { sql, values } = scopeCondition(scope, caller)
        return db
          .prepare(`SELECT ${heldColumns} FROM instance WHERE ${sql} ORDER BY receipt`)
          .all(...values)
          .map(heldOf)
      }),
    heldAt: (receipts) =>
      readAs((caller) => {
        const { sql, values } = visibleCondition(caller, "instance")
        const one = db.prepare(`SELECT ${heldColumns} FROM instance WHERE receipt = ? AND ${sql}`)
        return receipts.flatMap((receipt) => {
          const row = one.get(receipt, ...values)
          return row === undefined ? [] : [heldOf(row)]
        })
      }),
    attributes: (receipts) =>
      readAs((caller) => {
        const { sql, values } = visibleCondition(caller, "instance")
        const one = db.prepare(`SELECT attributes FROM instance WHERE receipt = ? AND ${sql}`)
        return new Map(
          receipts.flatMap((receipt) => {
            const row = one.get(receipt, ...values)
            return row === undefined ? [] : [[receipt, attributesOf(row)] as const]
          }),
        )
      }),
    inventory: read(() => inventory.all() as unknown as ReadonlyArray<InventoryItem>),
    search: (request) => Effect.flatMap(CurrentCaller, (caller) => inTurns(search(request, caller))),
    progress: (changes) =>
      changes.length === 0
        ? Effect.void
        : Effect.flatMap(Clock.currentTimeMillis, (now) =>
            note(() => changes.forEach((change) => stages.progress(change, now))),
          ),
    isCurrent: ({ SOPInstanceUID, receipt }) => read(() => current.get(SOPInstanceUID, receipt) !== undefined),
    isNamed: (digest) => read(() => named.get(digest) !== undefined),
    setAside: (instance, stage, reason) => writeAt((now) => stages.setAside(instance, stage, reason, now)),
    setAsideList: read(() => aside.all().map(instanceOf)),
    requeue: (what) =>
      writeAt((now) =>
        stages.requeue(
          what === "set-aside"
            ? stages.setAsideReceipts()
            : "SOPInstanceUID" in what
              ? stages.receiptOf(what.SOPInstanceUID)
              : "receipts" in what
                ? what.receipts
                : stages.stuckReceipts(what.unfinishedSince),
          now,
        ),
      ),
    delete: (scope) => writeAt((now, caller) => remove(scope, caller, now)),
    outbox: (limit) =>
      readDurable(() =>
        queued.all(limit).map((row) => ({
          sequence: Number(row["sequence"]),
          subject: String(row["subject"]),
          msgID: String(row["msgID"]),
          payload: String(row["payload"]),
        })),
      ),
    published: (sequences) => note(() => sequences.forEach((sequence) => sent.run(sequence))),
    studyStatus: (uid) => readAs((caller) => Option.fromUndefinedOr(studies.status(uid, caller))),
    studyOverview: (uid) => readAs((caller) => Option.fromUndefinedOr(overview.of(uid, caller))),
    studyReferences: (uid, limit) => readAs((caller) => overview.references(uid, limit, caller)),
    unsettledStudies: readAs(overview.unsettled),
    settle: (now, quietMillis) => write(() => studies.settle(now, quietMillis)),
    complete: (uid, evidence) => writeAt((_now, caller) => studies.complete(uid, evidence, caller)),
    seriesFacts: readAs(studies.seriesFacts),
    totals: read(totals),
    putStandingRegion: (id, region, exemplar) =>
      writeAt((_now, caller) => alerts.putRegion(id, region, exemplar, caller)),
    standingRegions: readAs(alerts.regions),
    deleteStandingRegion: (id) => writeAt((_now, caller) => alerts.removeRegion(id, caller)),
    raiseAlert: (alert) => writeAt((now) => Option.fromUndefinedOr(alerts.raise(alert, now))),
    alerts: (after, limit) => readAs((caller) => alerts.after(after, limit, caller)),
    lastAlert: read(alerts.last),
  })
})

/** In `dir`/ledger.db. */
export const layer = ({ dir }: { readonly dir: string }) =>
  Layer.effect(
    Ledger,
    Effect.suspend(() => {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      return make(join(dir, "ledger.db"))
    }),
  )

/** For tests: gone with its scope. */
export const layerMemory = Layer.effect(Ledger, make(memory))
