// Stacks out of the embedding journal, read-only, from any worker thread.
import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite"
import type { SliceHeader } from "../domain/slice.ts"
import type { SeriesInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { journalPath } from "./journal-schema.ts"
import type { StackId, StackMatrix } from "./VectorIndex.ts"

/** A stack's vectors without headers; row i is slice i in patient order, as in `StackMatrix`. */
export interface StackVectors extends StackId {
  /** Journal sequence per row: tells whether two reads saw the same slices. */
  readonly sequences: Float64Array
  /** sequences.length × dimension, rows of unit length. */
  readonly vectors: Float32Array
}

/** A stack as stored: headers are JSON of `SliceHeader`, cheaper to hand to another thread than objects. */
export interface StackText extends Omit<StackMatrix, "headers" | "locals"> {
  readonly headers: ReadonlyArray<string>
}

export interface JournalReader {
  /** The stacks of a series that hold slices, most slices first. */
  readonly stacksOf: (series: SeriesInstanceUID) => ReadonlyArray<StackId>
  /**
   * Headers and vectors of one commit; `locals` is empty (see `readLocals`). Undefined when no slice is left. Headers
   * are parsed when first looked at (or when the matrix is cloned to another thread).
   */
  readonly readStack: (series: SeriesInstanceUID, stack: string) => StackMatrix | undefined
  readonly readStackText: (series: SeriesInstanceUID, stack: string) => StackText | undefined
  /** `readStack` of many, one at a time; stacks without slices are left out. */
  readonly readStacks: (stacks: Iterable<StackId>) => Generator<StackMatrix>
  /** Vectors only. */
  readonly readVectors: (stacks: Iterable<StackId>) => Generator<StackVectors>
  /** Local vectors of rows from..to, both included: rows × gridSize² × dimension, × 127; slices without are zeros. */
  readonly readLocals: (series: SeriesInstanceUID, stack: string, from: number, to: number) => Int8Array
  readonly close: () => void
}

export interface JournalReaderOptions {
  readonly dir: string
  readonly modelId: string
  readonly dimension: number
  readonly gridSize: number
}

type Row = ReadonlyArray<SQLOutputValue>

const all = (statement: StatementSync, ...parameters: ReadonlyArray<string | number>): ReadonlyArray<Row> =>
  statement.all(...parameters) as unknown as ReadonlyArray<Row>

/** Inverse of how the journal writes headers; one call for all is a fifth faster than one for each. */
export const parseHeaders = (headers: ReadonlyArray<string>): ReadonlyArray<SliceHeader> =>
  JSON.parse(`[${headers.join(",")}]`) as ReadonlyArray<SliceHeader>

/** Opens an existing journal; throws when there is none. Each read sees the latest commit. */
export const openJournalReader = ({ dir, modelId, dimension, gridSize }: JournalReaderOptions): JournalReader => {
  const db = new DatabaseSync(journalPath(dir, modelId), { readOnly: true })
  db.exec("PRAGMA mmap_size = 8589934592")
  const rows = (sql: string): StatementSync => {
    const statement = db.prepare(sql)
    statement.setReturnArrays(true)
    return statement
  }

  const stackRow = rows("SELECT id, StudyInstanceUID FROM stack WHERE SeriesInstanceUID = ? AND name = ?")
  const stackNames = rows(
    `SELECT name FROM stack JOIN slice ON slice.stack = stack.id WHERE SeriesInstanceUID = ?
     GROUP BY stack.id ORDER BY count(*) DESC, name`,
  )
  const vectorRows = rows("SELECT sequence, vector FROM vector WHERE stack = ? ORDER BY position, sequence")
  const headerRows = rows("SELECT header FROM slice WHERE stack = ? ORDER BY position, sequence")
  const localRows = rows(
    `SELECT locals FROM slice LEFT JOIN local USING (sequence) WHERE stack = ?
     ORDER BY position, sequence LIMIT ? OFFSET ?`,
  )

  const find = (series: string, stack: string) => {
    const row = all(stackRow, series, stack)[0]
    return row && { id: Number(row[0]), StudyInstanceUID: String(row[1]) as StudyInstanceUID }
  }
  const vectorsOf = (id: number) => {
    const found = all(vectorRows, id)
    const vectors = new Float32Array(found.length * dimension)
    const bytes = new Uint8Array(vectors.buffer)
    const sequences = new Float64Array(found.length)
    found.forEach(([sequence, vector], row) => {
      const blob = vector as Uint8Array
      if (blob.byteLength !== dimension * 4) throw new RangeError(`slice ${String(sequence)} has another dimension`)
      sequences[row] = Number(sequence)
      bytes.set(blob, row * dimension * 4)
    })
    return { sequences, vectors }
  }
  /** Several statements of one read must see one commit. */
  const together = <A>(read: () => A): A => {
    db.exec("BEGIN")
    try {
      return read()
    } finally {
      db.exec("COMMIT")
    }
  }

  const readStackText: JournalReader["readStackText"] = (series, stack) =>
    together(() => {
      const found = find(series, stack)
      if (found === undefined) return undefined
      const headers = all(headerRows, found.id).map(([header]) => String(header))
      if (headers.length === 0) return undefined
      const { StudyInstanceUID } = found
      return { StudyInstanceUID, SeriesInstanceUID: series, stack, headers, vectors: vectorsOf(found.id).vectors }
    })
  const readStack: JournalReader["readStack"] = (series, stack) => {
    const text = readStackText(series, stack)
    if (text === undefined) return undefined
    // Parsing takes three times as long as reading, and few stacks that are read become hits.
    let parsed: StackMatrix["headers"] | undefined
    return Object.defineProperty({ ...text, headers: [], locals: new Int8Array(0) }, "headers", {
      get: () => (parsed ??= parseHeaders(text.headers)),
      enumerable: true,
    })
  }

  return {
    stacksOf: (series) => all(stackNames, series).map(([name]) => ({ SeriesInstanceUID: series, stack: String(name) })),
    readStack,
    readStackText,
    *readStacks(stacks) {
      for (const { SeriesInstanceUID, stack } of stacks) {
        const matrix = readStack(SeriesInstanceUID, stack)
        if (matrix !== undefined) yield matrix
      }
    },
    *readVectors(stacks) {
      for (const { SeriesInstanceUID, stack } of stacks) {
        const found = find(SeriesInstanceUID, stack)
        const read = found && vectorsOf(found.id)
        if (read !== undefined && read.sequences.length > 0) yield { SeriesInstanceUID, stack, ...read }
      }
    },
    readLocals: (series, stack, from, to) =>
      together(() => {
        const found = find(series, stack)
        const first = Math.max(0, from)
        const slices = found === undefined || to < first ? [] : all(localRows, found.id, to - first + 1, first)
        const width = gridSize * gridSize * dimension
        const locals = new Int8Array(slices.length * width)
        slices.forEach(([blob], row) => {
          if (blob instanceof Uint8Array && blob.byteLength === width)
            locals.set(new Int8Array(blob.buffer, blob.byteOffset, width), row * width)
        })
        return locals
      }),
    close: () => db.close(),
  }
}
