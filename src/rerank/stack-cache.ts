// Stacks in the memory of a worker, least recently used out first; a stack that changed in the journal is read again.
import type { SliceHeader } from "../domain/slice.ts"
import type { SeriesInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { StackId, StackMatrix } from "../vector-index/VectorIndex.ts"
import { evenly } from "./evenly.ts"

/** Where a worker has its stacks from. */
export interface StackSource {
  /** Differs whenever the stack's slices do; undefined when it has none (any more). */
  readonly version: (id: StackId) => string | undefined
  readonly read: (id: StackId) => StackMatrix | undefined
  /** Local vectors of slice `index` (int8 × 127). */
  readonly locals: (id: StackId, index: number) => Int8Array
  /** Most slices first. */
  readonly stacksOf: (series: SeriesInstanceUID) => ReadonlyArray<StackId>
}

export interface CachedStack extends StackId {
  readonly StudyInstanceUID: StudyInstanceUID
  readonly headers: ReadonlyArray<SliceHeader>
  readonly version: string
  /** Of the slices that vote: row i of `vectors` is slice `rows[i]`, at `positions[i]` mm. */
  readonly vectors: Float32Array
  readonly rows: Int32Array
  readonly positions: Float64Array
}

/** Voting slices of one stack, evenly spread when it has more: bounds the work and memory of one candidate. */
const maxVoting = 4096
/** Heap of a parsed header, about. */
const headerBytes = 1500

const voting = (matrix: StackMatrix, version: string): CachedStack => {
  const { headers, vectors, SeriesInstanceUID, StudyInstanceUID, stack } = matrix
  const dimension = vectors.length / headers.length
  const seen = headers.flatMap(({ geometry }, index) => (geometry.blank ? [] : [index]))
  const rows = Int32Array.from(evenly(seen.length, maxVoting), (at) => seen[at]!)
  const compact = rows.length === headers.length ? vectors : new Float32Array(rows.length * dimension)
  if (compact !== vectors) {
    rows.forEach((row, at) => compact.set(vectors.subarray(row * dimension, (row + 1) * dimension), at * dimension))
  }
  const positions = Float64Array.from(rows, (row) => headers[row]!.geometry.position)
  return { SeriesInstanceUID, StudyInstanceUID, stack, headers, version, vectors: compact, rows, positions }
}

const bytesOf = ({ headers, vectors }: CachedStack) => headers.length * headerBytes + vectors.byteLength

export const makeStackCache = (source: StackSource, maxBytes: number) => {
  const held = new Map<string, CachedStack>()
  let bytes = 0
  const drop = (key: string) => {
    const old = held.get(key)
    if (old !== undefined && held.delete(key)) bytes -= bytesOf(old)
  }
  /** The stack as the journal has it now; undefined when it has no slices. */
  return (id: StackId): CachedStack | undefined => {
    const key = `${id.SeriesInstanceUID} ${id.stack}`
    const version = source.version(id)
    const known = held.get(key)
    if (known !== undefined && known.version === version) {
      held.delete(key)
      held.set(key, known)
      return known
    }
    drop(key)
    const matrix = version === undefined ? undefined : source.read(id)
    if (matrix === undefined || version === undefined) return undefined
    // Read after its version was: if it changed in between, the next look finds another version and reads again.
    const fresh = voting(matrix, version)
    held.set(key, fresh)
    bytes += bytesOf(fresh)
    for (const oldest of held.keys()) {
      if (bytes <= maxBytes || oldest === key) break
      drop(oldest)
    }
    return fresh
  }
}
