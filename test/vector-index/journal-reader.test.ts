// Reading stacks from a journal: patient order, latest commit, local vectors by range, damage refused.
import { assert, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { SeriesInstanceUID } from "../../src/domain/uid.ts"
import { openJournalReader } from "../../src/vector-index/journal-reader.ts"
import { journalPath, journalSchema } from "../../src/vector-index/journal-schema.ts"

const series = "1.2.3" as SeriesInstanceUID
const dimension = 4

const journal = () => {
  const dir = mkdtempSync(join(tmpdir(), "journal-"))
  mkdirSync(join(dir, "model"))
  const db = new DatabaseSync(journalPath(dir, "model"))
  db.exec(journalSchema)
  const put = (stack: string, position: number, values: ReadonlyArray<number>, locals?: number) => {
    db.prepare("INSERT OR IGNORE INTO stack VALUES (NULL, '1.2', ?, ?)").run(series, stack)
    const id = Number(db.prepare("SELECT id FROM stack WHERE name = ?").get(stack)?.["id"])
    const { lastInsertRowid } = db
      .prepare("INSERT INTO slice VALUES (NULL, ?, ?, ?, 1, 1, 0, ?)")
      .run(id, position, `1.${stack}.${position}`, JSON.stringify({ FrameNumber: 1, geometry: { position } }))
    const blob = new Uint8Array(new Float32Array(values).buffer)
    db.prepare("INSERT INTO vector VALUES (?, ?, ?, ?)").run(id, position, lastInsertRowid, blob)
    if (locals !== undefined)
      db.prepare("INSERT INTO local VALUES (?, ?)").run(lastInsertRowid, new Uint8Array(4 * dimension).fill(locals))
  }
  return { db, put, open: () => openJournalReader({ dir, modelId: "model", dimension, gridSize: 2 }) }
}

it("gives slices in patient order, and every read sees the latest commit", () => {
  const { put, open } = journal()
  put("a", 5, [0, 1, 0, 0])
  put("a", -2, [1, 0, 0, 0])
  const reader = open()
  const before = reader.readStack(series, "a")
  assert.deepStrictEqual([...(before?.vectors ?? [])], [1, 0, 0, 0, 0, 1, 0, 0])
  assert.deepStrictEqual(
    before?.headers.map((header) => header.geometry.position),
    [-2, 5],
  )
  put("a", 0, [0, 0, 1, 0])
  const [vectors] = [...reader.readVectors([{ SeriesInstanceUID: series, stack: "a" }])]
  assert.deepStrictEqual([...(vectors?.vectors ?? [])], [1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0])
  assert.deepStrictEqual([...(vectors?.sequences ?? [])], [2, 3, 1])
  reader.close()
})

it("lists the largest stack first and leaves out what is not there", () => {
  const { db, put, open } = journal()
  put("a", 0, [1, 0, 0, 0])
  put("b", 0, [1, 0, 0, 0])
  put("b", 1, [1, 0, 0, 0])
  put("gone", 0, [1, 0, 0, 0])
  db.exec("DELETE FROM slice WHERE SOPInstanceUID = '1.gone.0'; DELETE FROM vector WHERE sequence = 4")
  const reader = open()
  const ids = ["gone", "never", "a"].map((stack) => ({ SeriesInstanceUID: series, stack }))
  assert.deepStrictEqual(
    reader.stacksOf(series).map(({ stack }) => stack),
    ["b", "a"],
  )
  assert.deepStrictEqual(
    [...reader.readStacks(ids)].map(({ stack }) => stack),
    ["a"],
  )
  assert.deepStrictEqual(
    [...reader.readVectors(ids)].map(({ stack }) => stack),
    ["a"],
  )
  reader.close()
})

it("reads local vectors of a range, both ends included, zeros where a slice has none", () => {
  const { put, open } = journal()
  put("a", 0, [1, 0, 0, 0], 10)
  put("a", 1, [1, 0, 0, 0])
  put("a", 2, [1, 0, 0, 0], 30)
  const reader = open()
  const locals = reader.readLocals(series, "a", 1, 9)
  assert.strictEqual(locals.length, 2 * 4 * dimension)
  assert.strictEqual(locals[0], 0)
  assert.strictEqual(locals[4 * dimension], 30)
  assert.strictEqual(reader.readLocals(series, "a", 2, 1).length, 0)
  reader.close()
})

it("refuses a vector of another dimension", () => {
  const { put, open } = journal()
  put("a", 0, [1, 0, 0])
  const reader = open()
  assert.throws(() => reader.readStack(series, "a"), RangeError)
  reader.close()
})
