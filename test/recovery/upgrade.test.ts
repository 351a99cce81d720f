// Data folders of other gateways: older ones are copied and migrated, newer ones refused untouched, one in use refused.
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { openDatabase } from "../../src/ledger/open-database.ts"
import { migrations } from "../../src/ledger/schema.ts"
import { storage } from "../../src/recovery/storage.ts"
import { ledgerFile, object, restarted } from "./archive.fixture.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "upgrade-"))),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true })),
)

/** A folder as a gateway of ledger format n left it, with one instance. */
const olderFolder = (dir: string, format: number) => {
  const bytes = object(1, 1)
  const digest = createHash("sha256").update(bytes).digest("hex")
  const blob = join(dir, "blobs", digest.slice(0, 2), digest)
  mkdirSync(dirname(blob), { recursive: true })
  writeFileSync(blob, bytes)
  mkdirSync(dirname(ledgerFile(dir)), { recursive: true })
  const db = openDatabase(ledgerFile(dir), migrations.slice(0, format))
  const attributes = JSON.stringify({ "00100010": { vr: "PN", Value: [{ Alphabetic: "Patient^1" }] } })
  db.prepare(
    "INSERT INTO study (StudyInstanceUID, PatientName, patient, attributes, lastReceived) VALUES ('1.1', 'x', '', ?, 0)",
  ).run(attributes)
  db.exec("INSERT INTO series (SeriesInstanceUID, StudyInstanceUID, attributes) VALUES ('1.1.1', '1.1', '{}')")
  db.prepare(
    `INSERT INTO instance (SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID, SOPClassUID, TransferSyntaxUID, digest,
      bytes, attributes, stageSince) VALUES ('1.1.1.1', '1.1.1', '1.1', '1.2', '1.2', ?, ?, ?, 0)`,
  ).run(digest, bytes.length, attributes)
  db.close()
  return bytes
}

const files = (dir: string) =>
  new Map(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith("-shm"))
      .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), "latin1")] as const),
  )

it.effect(
  "folders of every earlier ledger format are copied, migrated and read",
  () =>
    Effect.gen(function* () {
      const dir = yield* temporary
      for (let format = 1; format < migrations.length; format++) {
        const folder = join(dir, String(format))
        const bytes = olderFolder(folder, format)
        const { report, stored } = yield* restarted(folder)
        assert.isUndefined(report)
        assert.deepStrictEqual(stored, new Map([["1.1.1.1", bytes]]))
        const copy = new DatabaseSync(join(folder, "backup", "ledger-000000.db"), { readOnly: true })
        assert.strictEqual(copy.prepare("SELECT value FROM meta WHERE key = 'format_version'").get()?.["value"], format)
        copy.close()
        assert.include(readFileSync(join(folder, "format.json"), "utf8"), '"format":1')
      }
    }).pipe(Effect.scoped),
  120_000,
)

it.effect("a migration that was cut short left everything as it was", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const bytes = olderFolder(dir, 3)
    // What a process that dies in the middle leaves: changes without a commit.
    assert.throws(() => openDatabase(ledgerFile(dir), [...migrations.slice(0, 4), "SELECT * FROM nothing"]))
    assert.deepStrictEqual((yield* restarted(dir)).stored, new Map([["1.1.1.1", bytes]]))
  }).pipe(Effect.scoped),
)

it.effect("what a later gateway wrote is refused with both versions, and nothing is changed", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    yield* restarted(dir)
    const format = join(dir, "format.json")
    const own = readFileSync(format, "utf8")
    writeFileSync(format, JSON.stringify({ format: 99, gateway: "9.9.0" }))
    const before = files(dir)
    const later = yield* Effect.flip(restarted(dir))
    assert.match(
      String((later as Error).message),
      /written by gateway 9\.9\.0 \(folder format 99\); this is gateway \d/,
    )
    assert.deepStrictEqual(files(dir), before)

    writeFileSync(format, own)
    const db = new DatabaseSync(ledgerFile(dir))
    db.exec("UPDATE meta SET value = 99 WHERE key = 'format_version'; PRAGMA journal_mode = DELETE")
    db.close()
    const laterLedger = files(dir)
    assert.match(String(((yield* Effect.flip(restarted(dir))) as Error).message), /ledger format 99/)
    assert.deepStrictEqual(files(dir), laterLedger)
    assert.isFalse(existsSync(`${ledgerFile(dir)}-wal`))
  }).pipe(Effect.scoped),
)

it.effect("a folder in use is refused to a second gateway", () =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const refused = yield* Effect.flip(restarted(dir)).pipe(Effect.provide(storage(dir)))
    assert.match(String((refused as Error).message), /is in use by another gateway/)
  }).pipe(Effect.scoped),
)
