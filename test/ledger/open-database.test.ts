// Format version of the ledger file: older is migrated, newer is refused untouched.
import { assert, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NewerFormat, openDatabase } from "../../src/ledger/open-database.ts"

it("migrates an older file, keeps its rows, refuses a newer one", () => {
  const dir = mkdtempSync(join(tmpdir(), "ledger-"))
  try {
    const path = join(dir, "ledger.db")
    const first = "CREATE TABLE a (x INTEGER)"
    const one = openDatabase(path, [first])
    one.exec("INSERT INTO a VALUES (7)")
    one.close()
    const two = openDatabase(path, [first, "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 3"])
    assert.deepStrictEqual({ ...two.prepare("SELECT x, y FROM a").get() }, { x: 7, y: 3 })
    two.close()
    assert.throws(() => openDatabase(path, [first]), NewerFormat)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
