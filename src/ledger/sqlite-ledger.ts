// The ledger on SQLite: reads at once, writes through one queue with group commit.
import { open } from "node:fs/promises"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { makeDurableFolder } from "../disk/durable-folder.ts"
import * as Schedule from "effect/Schedule"
import { type Caller, CurrentCaller } from "../domain/caller.ts"
import { StudyState } from "../domain/study.ts"
import { makeAccept, makeOutbox, type Moment } from "./accept.ts"
import { makeAlertStore } from "./alert-store.ts"
import { makeDelete } from "./delete.ts"
import { makeDeletions } from "./deletions.ts"
import { makeExpectations } from "./expectations.ts"
import { makeHolds } from "./holds.ts"
import { Ledger, type LedgerTotals } from "./Ledger.ts"
import { countEvents, startCounters } from "./ledger-metrics.ts"
import { makeMatchedVersions } from "./matched-versions.ts"
import { makeModelRecords, ModelRecords } from "./model-records.ts"
import { openDatabase } from "./open-database.ts"
import { makeRetention } from "./retention.ts"
import {
  attributesOf,
  heldColumns,
  heldOf,
  instanceOf,
  inventoryItemOf,
  scopeCondition,
  visibleCondition,
} from "./rows.ts"
import { migrations } from "./schema.ts"
import { makeTurns } from "./search-turns.ts"
import { makeScrub } from "./scrub.ts"
import { makeOverview } from "./study-overview.ts"
import { makeSearch } from "./search.ts"
import { makeSeriesFacts } from "./series-facts.ts"
import { makeSetAside } from "./set-aside.ts"
import { makeStages } from "./stages.ts"
import { makeSteadyTime } from "./steady-time.ts"
import { makeStudies } from "./studies.ts"
import { makeStudyStatus } from "./study-status.ts"
import { ledgerError, makeWriter } from "./writer.ts"

const makeTotals = (db: DatabaseSync) => {
  const tally = db.prepare("SELECT name, value FROM tally")
  const stage = db.prepare(
    "SELECT count(*) AS pending, min(stageSince) AS oldest FROM instance WHERE stage = ? AND stage IN ('accepted', 'decoded', 'embedded')",
  )
  const outbox = db.prepare("SELECT count(*) AS pending, min(queuedAt) AS oldest FROM outbox INDEXED BY outbox_queued")
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
      studies: Object.fromEntries(
        StudyState.literals.map((state) => [state, counts.get(`study-${state}`) ?? 0]),
      ) as LedgerTotals["studies"],
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
  const steady = yield* makeSteadyTime(db)
  yield* startCounters
  const moment = Effect.map(Clock.currentTimeMillis, (now): Moment => ({ now, steady: steady.now() }))
  /** Gives the job the moment it was asked for, and who asked. */
  const writeAt = <A>(job: (now: number, caller: Caller, moment: Moment) => A) =>
    Effect.gen(function* () {
      const at = yield* moment
      const caller = yield* CurrentCaller
      return yield* write(() => job(at.now, caller, at))
    })
  /** Reads what the caller may see. */
  const readAs = <A>(query: (caller: Caller) => A) =>
    Effect.flatMap(CurrentCaller, (caller) => read(() => query(caller)))

  const outbox = makeOutbox(db)
  const expectations = makeExpectations(db)
  const stages = makeStages(db, outbox)
  const accept = makeAccept(db, outbox, expectations, stages.requeue)
  const studies = makeStudies(db, outbox, expectations)
  const status = makeStudyStatus(db)
  const matchedVersions = makeMatchedVersions(db)
  const aside = makeSetAside(db)
  const overview = makeOverview(db)
  const alerts = makeAlertStore(db, outbox)
  const remove = makeDelete(db, outbox)
  const search = makeSearch(db)
  const inTurns = makeTurns()
  const deletions = makeDeletions(db)
  const holds = makeHolds(db)
  const retention = makeRetention(db)
  let searching = 0
  // Searches name rows by numbers that writing the file anew gives again.
  const scrub = makeScrub(db, path, () => searching === 0)
  const totals = makeTotals(db)
  const inventory = db.prepare(
    `SELECT receipt, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, digest, bytes, stage, reason, indexed
     FROM instance WHERE SOPInstanceUID > ? ORDER BY SOPInstanceUID LIMIT ?`,
  )
  const current = db.prepare("SELECT 1 FROM instance WHERE SOPInstanceUID = ? AND receipt = ?")
  const deleted = db.prepare("SELECT 1 FROM deletion WHERE receipt = ?")
  const named = db.prepare("SELECT 1 FROM instance WHERE digest = ? LIMIT 1")
  const queued = db.prepare("SELECT sequence, subject, msgID, payload FROM outbox ORDER BY sequence LIMIT ?")
  const sent = db.prepare("DELETE FROM outbox WHERE sequence = ?")

  // What passed since the last note is taken back by a crash: then studies wait so much longer.
  yield* note(steady.keep).pipe(Effect.ignore, Effect.repeat(Schedule.spaced("5 seconds")), Effect.forkScoped)

  const ledger = Ledger.of({
    accept: (instances, expected) => writeAt((_now, caller, moment) => accept(instances, expected, caller, moment)),
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
    inventoryAfter: (uid, limit) => read(() => inventory.all(uid, limit).map(inventoryItemOf)),
    search: (request) =>
      Effect.acquireUseRelease(
        Effect.sync(() => void searching++),
        () => Effect.flatMap(CurrentCaller, (caller) => inTurns(search(request, caller))),
        () => Effect.sync(() => void searching--),
      ),
    progress: (changes) =>
      changes.length === 0
        ? Effect.void
        : Effect.flatMap(moment, (at) => note(() => changes.forEach((change) => stages.progress(change, at)))),
    isCurrent: ({ SOPInstanceUID, receipt }) => read(() => current.get(SOPInstanceUID, receipt) !== undefined),
    isDeleted: (receipt) => read(() => deleted.get(receipt) !== undefined),
    // What a delete has just taken is gone for good only once that is on disk.
    isNamed: (digest) =>
      Effect.flatMap(
        read(() => named.get(digest) !== undefined),
        (is) => (is ? Effect.succeed(true) : readDurable(() => named.get(digest) !== undefined)),
      ),
    setAside: (instance, stage, reason) =>
      Effect.flatMap(
        writeAt((_now, _caller, at) => stages.setAside(instance, stage, reason, at)),
        (done) => countEvents("setAside", done ? 1 : 0),
      ),
    setAsideList: (filter, after, limit) => read(() => aside.list(filter, after, limit)),
    requeueSetAside: (filter, after, limit) =>
      writeAt((now) => {
        const receipts = aside.receipts(filter, after, limit)
        stages.requeue(receipts, now)
        return receipts
      }),
    requeue: (what) =>
      writeAt((now) =>
        stages.requeue("receipts" in what ? what.receipts : stages.stuckReceipts(what.unfinishedSince, now), now),
      ),
    delete: (scope, cause = "request") =>
      Effect.tap(
        writeAt((now, caller) => remove(scope, caller, cause, now)),
        ({ instances }) => Effect.sync(() => (instances.length > 0 ? scrub.due() : undefined)),
      ),
    deletedUnder: (uid) => readAs((caller) => deletions.of(uid, caller)),
    deletedStudies: (limit, offset) => readAs((caller) => deletions.list(limit, offset, caller)),
    deletionsAfter: (sequence, limit) => read(() => deletions.after(sequence, limit)),
    remains: (found) => readAs((caller) => ({ ...deletions.remains(found, caller), logged: scrub.isDue() })),
    scrub: read(scrub.run),
    putHold: (uid, reason) => writeAt((now, caller) => holds.put(uid, reason, caller, now)),
    removeHold: (uid) => writeAt((_now, caller) => holds.remove(uid, caller)),
    hold: (uid) => readAs((caller) => holds.get(uid, caller)),
    holds: (limit, offset) => readAs((caller) => holds.list(limit, offset, caller)),
    oldest: (from, older, limit) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => read(() => retention.oldest(from, older, limit, now))),
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
    studyStatus: (uid, page) => readAs((caller) => Option.fromUndefinedOr(status(uid, page, caller, steady.now()))),
    studyOverview: (uid) => readAs((caller) => Option.fromUndefinedOr(overview.of(uid, caller))),
    studyReferences: (uid, limit) => readAs((caller) => overview.references(uid, limit, caller)),
    unsettledStudies: readAs(overview.unsettled),
    settle: (rules) =>
      Effect.flatMap(
        read(() => studies.isDue(rules, steady.now())),
        (due) => (due ? writeAt((now) => studies.settle(rules, steady.now(), now)) : Effect.succeed([])),
      ).pipe(Effect.tap((ready) => countEvents("ready", ready.length))),
    announceAgain: (limit) =>
      Effect.flatMap(read(studies.isUnannounced), (due) =>
        due ? writeAt((now) => studies.announceAgain(limit, now)) : Effect.succeed(0),
      ),
    complete: (uid) => writeAt((_now, caller, { steady }) => studies.complete(uid, steady, caller)),
    expect: (uid, expectation) => writeAt((_now, caller) => expectations.expect(uid, expectation, caller)),
    seriesFacts: readAs(makeSeriesFacts(db)),
    totals: read(totals),
    putStandingRegion: (id, region, exemplar) =>
      writeAt((_now, caller) => alerts.putRegion(id, region, exemplar, caller)),
    standingRegions: readAs(alerts.regions),
    deleteStandingRegion: (id) => writeAt((_now, caller) => alerts.removeRegion(id, caller)),
    unmatched: (uid, version) => read(() => Option.fromUndefinedOr(matchedVersions.unmatched(uid, version))),
    matched: (uid, version, revision) => write(() => matchedVersions.matched(uid, version, revision)),
    covered: (uid, after, version) => read(() => matchedVersions.covered(uid, after, version)),
    raiseAlert: (alert) =>
      Effect.tap(
        writeAt((now) => Option.fromUndefinedOr(alerts.raise(alert, now))),
        (raised) => countEvents("alerts", Option.isSome(raised) ? 1 : 0),
      ),
    alerts: (after, limit) => readAs((caller) => alerts.after(after, limit, caller)),
    lastAlert: read(alerts.last),
  })
  return Context.make(Ledger, ledger).pipe(Context.add(ModelRecords, makeModelRecords(db, { read, write, note })))
})

/** In `dir`/ledger.db. */
export const layer = ({ dir }: { readonly dir: string }) =>
  Layer.effectContext(
    Effect.suspend(() => {
      makeDurableFolder(dir)
      return make(join(dir, "ledger.db"))
    }),
  )

/** For tests: gone with its scope. */
export const layerMemory = Layer.effectContext(make(memory))
