// Reading stacks from a journal: patient order, latest commit, local vectors by range, damage refused.
import { afterEach, assert, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import type { Receipt } from "../../src/domain/instance.ts"
import type { SeriesInstanceUID, SOPInstanceUID } from "../../src/domain/uid.ts"
import { openJournal } from "../../src/vector-index/journal.ts"
import { openJournalReader } from "../../src/vector-index/journal-reader.ts"
import { journalPath } from "../../src/vector-index/journal-schema.ts"

const series = "1.2.3" as SeriesInstanceUID
const dimension = 4
const cleanups: Array<() => void> = []
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()))

/** A journal and its writer; readers opened through it are closed with it. */
const journal = () => {
  const dir = mkdtempSync(join(tmpdir(), "journal-"))
  const writer = openJournal({ dir, modelId: "model", dimension })
  const put = (stack: string, position: number, values: ReadonlyArray<number>, locals?: number) =>
    writer.add({
      headers: [
        JSON.stringify({
          instance: {
            receipt: 1,
            StudyInstanceUID: "1.2",
            SeriesInstanceUID: series,
            SOPInstanceUID: `1.${stack}.${position}`,
          },
          FrameNumber: 1,
          geometry: { stack, position, blank: false },
        }),
      ],
      vectors: Float32Array.from(values),
      localLengths: Int32Array.of(locals === undefined ? 0 : 4 * dimension),
      locals: new Int8Array(locals === undefined ? 0 : 4 * dimension).fill(locals ?? 0),
    })
  const remove = (stack: string, position: number) =>
    writer.remove([{ SOPInstanceUID: `1.${stack}.${position}` as SOPInstanceUID, receipt: 1 as Receipt }])
  const open = () => {
    const reader = openJournalReader({ dir, modelId: "model", dimension, gridSize: 2 })
    cleanups.unshift(reader.close)
    return reader
  }
  cleanups.push(writer.close, () => rmSync(dir, { recursive: true }))
  return { dir, put, remove, open }
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
})

it("lists the largest stack first and leaves out what is not there", () => {
  const { put, remove, open } = journal()
  put("a", 0, [1, 0, 0, 0])
  put("b", 0, [1, 0, 0, 0])
  put("b", 1, [1, 0, 0, 0])
  put("gone", 0, [1, 0, 0, 0])
  remove("gone", 0)
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
})

it("refuses a vector of another dimension", () => {
  const { dir, put, open } = journal()
  put("a", 0, [1, 0, 0, 0])
  const other = new DatabaseSync(journalPath(dir, "model"))
  other.exec("UPDATE vector SET vector = x'00000000'")
  other.close()
  assert.throws(() => open().readStack(series, "a"), RangeError)
})
