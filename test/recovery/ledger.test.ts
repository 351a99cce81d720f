// A ledger that is damaged between two runs: everything answered is back, byte for byte, and what was deleted stays away.
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { writeBackup } from "../../src/ledger/backups.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import { layer as sqliteLedger } from "../../src/ledger/sqlite-ledger.ts"
import { unknownOrigin } from "../../src/recovery/readmit.ts"
import { salvage } from "../../src/recovery/salvage.ts"
import { newInstance, receiptOf } from "../support/instances.ts"
import { killedAfter, ledgerFile, object, remove, restarted, store } from "./archive.fixture.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "recovery-"))),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true })),
)

const kept = [object(1, 1), object(1, 2), object(2, 1), object(3, 1)]
const expected = new Map(["1.1.1.1", "1.1.1.2", "1.2.1.1", "1.3.1.1"].map((uid, i) => [uid, kept[i]!] as const))

/** Two studies of two origins; one instance deleted, one deleted and sent again. */
const work = Effect.gen(function* () {
  yield* store(kept[0]!, "radiology")
  yield* store(object(1, 3), "radiology")
  yield* store(kept[2]!, "cardiology")
  yield* store(kept[3]!, "first")
  yield* remove("1.3.1.1")
  yield* store(kept[3]!, "second")
  yield* remove("1.1.1.3")
  yield* store(kept[1]!, "elsewhere")
})
const origins = new Map([
  ["1.1", "radiology"],
  ["1.2", "cardiology"],
  ["1.3", "second"],
])

const backUp = (dir: string, segment: number) => {
  mkdirSync(join(dir, "backup"), { recursive: true })
  writeBackup({ source: ledgerFile(dir), dir: join(dir, "backup"), name: "ledger", table: "meta", segment })
}
const dropLog = (dir: string) => rmSync(`${ledgerFile(dir)}-wal`, { force: true })

const damages: ReadonlyArray<readonly [string, (dir: string) => void]> = [
  ["the file is gone", (dir) => rmSync(ledgerFile(dir))],
  ["the folder is gone", (dir) => rmSync(join(dir, "ledger"), { recursive: true })],
  [
    "the file is empty",
    (dir) => {
      truncateSync(ledgerFile(dir), 0)
      dropLog(dir)
    },
  ],
  [
    "the file is cut",
    (dir) => {
      truncateSync(ledgerFile(dir), 10_000)
      dropLog(dir)
    },
  ],
  [
    "the file is noise",
    (dir) => {
      writeFileSync(ledgerFile(dir), Buffer.alloc(65_536, "noise"))
      dropLog(dir)
    },
  ],
  ["the log is gone", dropLog],
  ["the log is cut", (dir) => truncateSync(`${ledgerFile(dir)}-wal`, 20_000)],
  ["the log is noise", (dir) => writeFileSync(`${ledgerFile(dir)}-wal`, Buffer.alloc(40_000, "noise"))],
]

it.effect(
  "a damaged ledger is made whole, with a copy and without; a whole one is left alone",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporary
      const [first, killed, copied] = [join(dir, "first"), join(dir, "killed"), join(dir, "copied")]
      yield* killedAfter(first, killed, work)
      const beforeCopy = store(object(1, 4), "radiology").pipe(
        Effect.andThen(Effect.sync(() => backUp(`${first}-2`, 1))),
        Effect.andThen(remove("1.1.1.4")),
      )
      yield* killedAfter(`${first}-2`, copied, Effect.andThen(beforeCopy, work))

      for (const [name, damage] of damages) {
        for (const from of name.startsWith("the file is") ? [killed, copied] : [copied]) {
          const what = `${name}, ${from === copied ? "with" : "without"} a copy`
          const folder = join(dir, what)
          execFileSync("cp", ["-a", from, folder])
          damage(folder)
          const { report, stored, origins: found } = yield* restarted(folder)
          assert.deepStrictEqual(stored, expected, what)
          assert.deepStrictEqual(found, origins, what)
          assert.deepStrictEqual(report?.lost, [], what)
          if (name !== "the file is cut") continue
          const again = yield* restarted(folder)
          assert.isUndefined(again.report)
          assert.deepStrictEqual(again.stored, expected)
        }
      }

      for (const folder of [first, killed]) {
        const { report, stored } = yield* restarted(folder)
        assert.isUndefined(report)
        assert.deepStrictEqual(stored, expected)
        const db = new DatabaseSync(ledgerFile(folder), { readOnly: true })
        assert.isBelow(
          Number(db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'instance'").get()?.["seq"]),
          100,
        )
        db.close()
      }
    }).pipe(Effect.scoped),
  240_000,
)

it.effect("a study's versions go on from what the damaged ledger still tells", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const [lost, copy] = [join(dir, "lost"), join(dir, "copy")]
    const { StudyInstanceUID } = newInstance(1, 1, 1)
    /** Another instance makes another version. */
    const version = (n: number) =>
      Effect.gen(function* () {
        const ledger = yield* Ledger
        const one = newInstance(1, 1, n)
        const receipt = receiptOf((yield* ledger.accept([one]))[0])
        yield* ledger.progress([{ ...one, receipt, stage: "stored-only" }])
        yield* ledger.complete(StudyInstanceUID)
        yield* ledger.settle({ quietMillis: 1000, maxWaitMillis: 1000 })
        return Option.getOrThrow(yield* ledger.studyOverview(StudyInstanceUID)).version
      })
    const inLedger = <A, E>(folder: string, run: Effect.Effect<A, E, Ledger>) =>
      Effect.provide(run, sqliteLedger({ dir: folder }))
    assert.strictEqual(yield* inLedger(lost, version(1)), 1)
    execFileSync("cp", ["-a", lost, copy])
    assert.strictEqual(yield* inLedger(lost, version(2)), 2)
    const restored = new DatabaseSync(join(copy, "ledger.db"))
    restored.exec("PRAGMA foreign_keys = ON")
    salvage(join(lost, "ledger.db"), restored)
    restored.close()
    assert.strictEqual(yield* inLedger(copy, version(3)), 3)
  }),
)

it.effect("without copy and receipt log studies come back for unrestricted callers only", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const [first, killed] = [join(dir, "first"), join(dir, "killed")]
    yield* killedAfter(first, killed, work)
    rmSync(join(killed, "ledger"), { recursive: true })
    rmSync(join(killed, "backup"), { recursive: true })
    const { report, stored, origins: found } = yield* restarted(killed)
    assert.deepStrictEqual(stored, expected)
    assert.deepStrictEqual([...new Set(found.values())], [unknownOrigin])
    assert.strictEqual(report?.unknownOrigin, 3)
  }).pipe(Effect.scoped),
)

it.effect("a recovery that was interrupted goes on", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const [first, killed] = [join(dir, "first"), join(dir, "killed")]
    yield* killedAfter(first, killed, work)
    rmSync(join(killed, "backup"), { recursive: true })
    // The new ledger is there and empty, and its files were not looked through yet.
    rmSync(join(killed, "ledger"), { recursive: true })
    mkdirSync(join(killed, "ledger"))
    const empty = join(dir, "empty")
    yield* restarted(empty)
    execFileSync("cp", [ledgerFile(empty), ledgerFile(killed)])
    writeFileSync(join(killed, "ledger", "recovering.json"), JSON.stringify({ reason: "it is empty" }))
    assert.deepStrictEqual((yield* restarted(killed)).stored, expected)
    assert.notInclude(readdirSync(join(killed, "ledger")), "recovering.json")
  }).pipe(Effect.scoped),
)

it.effect("missing files are refused with one sentence that names the way on", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const [first, killed] = [join(dir, "first"), join(dir, "killed")]
    yield* killedAfter(first, killed, work)
    rmSync(join(killed, "blobs"), { recursive: true })
    const refused = yield* Effect.flip(restarted(killed))
    assert.match(
      String((refused as Error).message),
      /names 4 instances but .*blobs is not there or empty.*recover --data/,
    )
    assert.notInclude(readdirSync(killed), "blobs")
  }).pipe(Effect.scoped),
)

it.effect("deleted rows leave the copies too", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const [first, killed] = [join(dir, "first"), join(dir, "killed")]
    const { purgeBackups } = yield* Effect.promise(() => import("../../src/ledger/backups.ts"))
    yield* killedAfter(
      first,
      killed,
      Effect.andThen(
        store(object(7, 1)),
        Effect.sync(() => backUp(first, 1)),
      ),
    )
    const copy = join(first, "backup", "ledger-000001.db")
    assert.include(readFileSync(copy, "latin1"), "Patient^7")
    purgeBackups(join(first, "backup"), { receipts: [1], studies: [] })
    assert.notInclude(readFileSync(copy, "latin1"), "Patient^7")
  }).pipe(Effect.scoped),
)
