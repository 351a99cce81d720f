// The embedding journal as its one writer sees it: every change is one durable transaction.
import { dirname } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { makeDurableFolder } from "../disk/durable-folder.ts"
import type { Receipt } from "../domain/instance.ts"
import type { SliceHeader } from "../domain/slice.ts"
import { addRemovedInstance, hasRemovedInstance, journalPath, journalSchema } from "./journal-schema.ts"
import type { SeriesInstanceUID, SOPInstanceUID } from "../domain/uid.ts"

/** Slices on their way to the thread that owns the journal: n headers as JSON, n rows of numbers. */
export interface PackedSlices {
  readonly headers: ReadonlyArray<string>
  /** n × dimension. */
  readonly vectors: Float32Array
  /** Bytes of `locals` that belong to each slice, 0 or all of gridSize² × dimension. */
  readonly localLengths: Int32Array
  readonly locals: Int8Array
}

export interface Removal {
  readonly SOPInstanceUID: SOPInstanceUID
  readonly receipt: Receipt
}

/** What the journal holds. `change` grows with every slice added or removed. */
export interface Totals {
  readonly change: number
  readonly slices: number
  /** Slices that are not blank. */
  readonly voting: number
}

export interface JournalOptions {
  readonly dir: string
  readonly modelId: string
  readonly dimension: number
}

/** The journal was written with vectors of another length. */
export class OtherDimension extends Error {}

const bytesOf = (array: Float32Array | Float64Array | Int8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** A copy of its own, aligned as the array type wants. */
const copyOf = (blob: unknown): ArrayBuffer => {
  const { buffer, byteOffset, byteLength } = blob as Uint8Array
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
}

/** Opens or creates the journal. All functions throw what SQLite throws; then nothing has changed. */
export const openJournal = ({ dir, modelId, dimension }: JournalOptions) => {
  const path = journalPath(dir, modelId)
  makeDurableFolder(dirname(path))
  const db = new DatabaseSync(path, { timeout: 5000 })
  const transaction = <A>(change: () => A): A => {
    db.exec("BEGIN IMMEDIATE")
    try {
      const result = change()
      db.exec("COMMIT")
      return result
    } catch (cause) {
      // A full disk has rolled back already.
      if (db.isTransaction) db.exec("ROLLBACK")
      throw cause
    }
  }
  try {
    db.exec(journalSchema)
    if (db.prepare(hasRemovedInstance).get() === undefined) db.exec(addRemovedInstance)
    db.prepare("INSERT OR IGNORE INTO total VALUES (1, ?, 0, 0, 0, ?)").run(
      dimension,
      new Uint8Array(new Float64Array(dimension).buffer),
    )
    const known = Number(db.prepare("SELECT dimension FROM total").get()?.["dimension"])
    if (known !== dimension)
      throw new OtherDimension(`the journal holds ${known}-d vectors, the model gives ${dimension}-d`)
  } catch (cause) {
    db.close()
    throw cause
  }

  const totals = db.prepare("SELECT change, slices, voting, sum FROM total")
  const saveTotals = db.prepare("UPDATE total SET change = ?, slices = ?, voting = ?, sum = ?")
  const tombstone = db.prepare("SELECT receipt FROM tombstone WHERE SOPInstanceUID = ?")
  const bury = db.prepare(
    "INSERT INTO tombstone VALUES (?, ?) ON CONFLICT DO UPDATE SET receipt = max(receipt, excluded.receipt)",
  )
  const receiptOf = db.prepare("SELECT max(receipt) AS receipt FROM slice WHERE SOPInstanceUID = ?")
  const framesOf = db.prepare("SELECT count(*) AS frames FROM slice WHERE SOPInstanceUID = ? AND receipt = ?")
  const addStack = db.prepare("INSERT OR IGNORE INTO stack VALUES (NULL, ?, ?, ?)")
  const stackOf = db.prepare("SELECT id FROM stack WHERE SeriesInstanceUID = ? AND name = ?")
  const addSlice = db.prepare("INSERT OR IGNORE INTO slice VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)")
  const addVector = db.prepare("INSERT INTO vector VALUES (?, ?, ?, ?)")
  const addLocals = db.prepare("INSERT INTO local VALUES (?, ?)")
  const doomed = db.prepare(
    `SELECT sequence, stack, blank, vector FROM slice JOIN vector USING (stack, position, sequence)
     WHERE SOPInstanceUID = ? AND receipt <= ?`,
  )
  const dropVector = db.prepare(
    `DELETE FROM vector WHERE (stack, position, sequence) IN
     (SELECT stack, position, sequence FROM slice WHERE sequence = ?)`,
  )
  const dropSlice = db.prepare("DELETE FROM slice WHERE sequence = ?")
  const dropLocals = db.prepare("DELETE FROM local WHERE sequence = ?")
  const dropStack = db.prepare(
    "DELETE FROM stack WHERE id = ? AND NOT EXISTS (SELECT 1 FROM slice WHERE slice.stack = stack.id)",
  )
  const noteRemoved = db.prepare("INSERT INTO removed VALUES (NULL, ?, ?)")
  const voters = db.prepare(
    `SELECT sequence, vector FROM slice JOIN vector USING (stack, position, sequence)
     WHERE sequence > ? AND blank = 0 ORDER BY sequence LIMIT ?`,
  )
  voters.setReturnArrays(true)
  const instancesAfter = db.prepare(
    `SELECT SOPInstanceUID, max(receipt) AS receipt, count(*) AS frames FROM slice WHERE SOPInstanceUID > ?
     GROUP BY SOPInstanceUID ORDER BY SOPInstanceUID LIMIT ?`,
  )
  const highest = db.prepare("SELECT max(sequence) AS sequence FROM slice")
  const keysUpTo = db.prepare("SELECT sequence FROM slice WHERE blank = 0 AND sequence <= ? ORDER BY sequence")
  keysUpTo.setReturnArrays(true)
  const describe = db.prepare(
    `SELECT SeriesInstanceUID, name, SOPInstanceUID, FrameNumber, position FROM slice JOIN stack ON stack.id = slice.stack
     WHERE sequence = ?`,
  )
  describe.setReturnArrays(true)

  const readTotals = () => {
    const row = totals.get()
    const sum = new Float64Array(copyOf(row?.["sum"]))
    return { change: Number(row?.["change"]), slices: Number(row?.["slices"]), voting: Number(row?.["voting"]), sum }
  }
  type Running = ReturnType<typeof readTotals>
  const count = (running: Running, sign: 1 | -1, blank: boolean, vector: Float32Array) => {
    running.change++
    running.slices += sign
    if (blank) return
    running.voting += sign
    // Exact zeros while empty.
    if (running.voting === 0) running.sum.fill(0)
    else for (let i = 0; i < dimension; i++) running.sum[i] = (running.sum[i] ?? 0) + sign * (vector[i] ?? 0)
  }
  /** Rows of an instance up to a receipt; answers their sequences. */
  const drop = (running: Running, uid: string, receipt: number): ReadonlyArray<number> => {
    const stacks = new Set<number>()
    const sequences = doomed.all(uid, receipt).map((row) => {
      const sequence = Number(row["sequence"])
      count(running, -1, row["blank"] === 1, new Float32Array(copyOf(row["vector"])))
      dropVector.run(sequence)
      dropSlice.run(sequence)
      dropLocals.run(sequence)
      noteRemoved.run(sequence, uid)
      stacks.add(Number(row["stack"]))
      return sequence
    })
    for (const stack of stacks) dropStack.run(stack)
    return sequences
  }
  const counted = <A>(change: (running: Running) => A): A =>
    transaction(() => {
      const running = readTotals()
      const before = running.change
      const result = change(running)
      if (running.change !== before)
        saveTotals.run(running.change, running.slices, running.voting, bytesOf(running.sum))
      return result
    })

  return {
    /**
     * A newer receipt replaces the rows of an older one; older and removed receipts are ignored. Answers the frames
     * held per (instance, receipt) named, in order of first mention, and the sequences that were replaced.
     */
    add: ({ headers, vectors, localLengths, locals }: PackedSlices) =>
      counted((running) => {
        const replaced: Array<number> = []
        const named = new Map<string, Removal>()
        let localOffset = 0
        headers.forEach((text, row) => {
          const { instance, FrameNumber, geometry } = JSON.parse(text) as SliceHeader
          const { SOPInstanceUID, receipt } = instance
          const localsOf = locals.subarray(localOffset, (localOffset += localLengths[row] ?? 0))
          named.set(`${SOPInstanceUID} ${receipt}`, instance)
          if (Number(tombstone.get(SOPInstanceUID)?.["receipt"] ?? -1) >= receipt) return
          const held = receiptOf.get(SOPInstanceUID)?.["receipt"] ?? receipt
          if (Number(held) > receipt) return
          if (Number(held) < receipt)
            for (const sequence of drop(running, SOPInstanceUID, Number(held))) replaced.push(sequence)
          addStack.run(instance.StudyInstanceUID, instance.SeriesInstanceUID, geometry.stack)
          const stack = Number(stackOf.get(instance.SeriesInstanceUID, geometry.stack)?.["id"])
          const { position, blank } = geometry
          const inserted = addSlice.run(stack, position, SOPInstanceUID, FrameNumber, receipt, blank ? 1 : 0, text)
          if (inserted.changes === 0) return
          const vector = vectors.subarray(row * dimension, (row + 1) * dimension)
          addVector.run(stack, position, inserted.lastInsertRowid, bytesOf(vector))
          if (localsOf.length > 0) addLocals.run(inserted.lastInsertRowid, bytesOf(localsOf))
          count(running, 1, blank, vector)
        })
        const frames = Array.from(named.values(), ({ SOPInstanceUID, receipt }) => ({
          SOPInstanceUID,
          receipt,
          frames: Number(framesOf.get(SOPInstanceUID, receipt)?.["frames"]),
        }))
        return { frames, replaced }
      }),
    /** Receipts up to the one named are gone and stay away. Answers the sequences removed. */
    remove: (removals: ReadonlyArray<Removal>): ReadonlyArray<number> =>
      counted((running) =>
        removals.flatMap(({ SOPInstanceUID, receipt }) => {
          bury.run(SOPInstanceUID, receipt)
          return drop(running, SOPInstanceUID, receipt)
        }),
      ),
    /** The ledger's deletion up to which `remove` was told of all; 0 when it never said so. */
    buriedUpTo: (): number => Number(db.prepare("SELECT upTo FROM buried").get()?.["upTo"] ?? 0),
    buried: (upTo: number): void => void db.prepare("INSERT OR REPLACE INTO buried VALUES (1, ?)").run(upTo),
    /** Slices that are still there of receipts up to the ones named, and removed ones that a snapshot may hold. */
    traces: (removals: ReadonlyArray<Removal>) => {
      const left = db.prepare("SELECT count(*) AS slices FROM slice WHERE SOPInstanceUID = ? AND receipt <= ?")
      const named = new Set<string>(removals.map(({ SOPInstanceUID }) => SOPInstanceUID))
      const unsaved = db.prepare("SELECT sequence, SOPInstanceUID FROM removed ORDER BY change").all()
      return {
        slices: removals.reduce((sum, { SOPInstanceUID, receipt }) => {
          return sum + Number(left.get(SOPInstanceUID, receipt)?.["slices"])
        }, 0),
        unsaved: unsaved
          .filter((row) => row["SOPInstanceUID"] === "" || named.has(String(row["SOPInstanceUID"])))
          .map((row) => Number(row["sequence"])),
      }
    },
    /** Empties the log, which keeps what was deleted; false while somebody reads from it. */
    emptyLog: (): boolean => {
      db.exec("PRAGMA busy_timeout = 50")
      try {
        return db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] === 0
      } finally {
        db.exec("PRAGMA busy_timeout = 5000")
      }
    },
    totals: (): Totals => {
      const { change, slices, voting } = readTotals()
      return { change, slices, voting }
    },
    mean: (): Float32Array => {
      const { sum, voting } = readTotals()
      return Float32Array.from(sum, (value) => value / Math.max(1, voting))
    },
    /** The next slices that vote after a sequence; `last` is where to go on, `done` when nothing is left. */
    votersAfter: (sequence: number, limit: number) => {
      const rows = voters.all(sequence, limit) as unknown as ReadonlyArray<readonly [number, Uint8Array]>
      const keys = BigUint64Array.from(rows, ([key]) => BigInt(key))
      const vectors = new Float32Array(rows.length * dimension)
      const bytes = bytesOf(vectors)
      rows.forEach(([, vector], row) => bytes.set(vector, row * dimension * 4))
      const done = rows.length < limit
      const last = done ? Math.max(sequence, Number(highest.get()?.["sequence"] ?? 0)) : (rows.at(-1)?.[0] ?? sequence)
      return { keys, vectors, last, done }
    },
    /** Sequences of all voting slices up to one. */
    keys: (upTo: number): BigUint64Array => {
      const keys = new BigUint64Array(readTotals().voting)
      let held = 0
      for (const row of keysUpTo.iterate(upTo) as unknown as Iterable<readonly [number]>) keys[held++] = BigInt(row[0])
      return keys.slice(0, held)
    },
    /** Undefined when the slice is gone. */
    describe: (sequence: number) =>
      describe.get(sequence) as unknown as readonly [string, string, string, number, number] | undefined,
    /** Slices removed since the last durable snapshot, and the number to forget them by. */
    removedSlices: () => {
      const rows = db.prepare("SELECT change, sequence FROM removed ORDER BY change").all()
      return { sequences: rows.map((row) => Number(row["sequence"])), upTo: Number(rows.at(-1)?.["change"] ?? 0) }
    },
    forgetRemoved: (upTo: number): void => void db.prepare("DELETE FROM removed WHERE change <= ?").run(upTo),
    /** The next instances after a UID in the order of their UIDs. */
    instancesAfter: (uid: string, limit: number) =>
      instancesAfter.all(uid, limit).map((row) => ({
        SOPInstanceUID: String(row["SOPInstanceUID"]) as SOPInstanceUID,
        receipt: Number(row["receipt"]) as Receipt,
        frames: Number(row["frames"]),
      })),
    /** Frames held of each (instance, receipt), in order. */
    held: (instances: ReadonlyArray<Removal>): ReadonlyArray<number> =>
      instances.map(({ SOPInstanceUID, receipt }) => Number(framesOf.get(SOPInstanceUID, receipt)?.["frames"] ?? 0)),
    /** Frames held of each series. */
    series: (): ReadonlyArray<readonly [SeriesInstanceUID, number]> =>
      db
        .prepare(
          "SELECT SeriesInstanceUID, count(*) AS frames FROM slice JOIN stack ON stack.id = slice.stack GROUP BY SeriesInstanceUID",
        )
        .all()
        .map((row) => [String(row["SeriesInstanceUID"]) as SeriesInstanceUID, Number(row["frames"])] as const),
    close: (): void => db.close(),
  }
}
export type Journal = ReturnType<typeof openJournal>
