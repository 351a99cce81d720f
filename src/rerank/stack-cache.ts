// Stacks in the memory of a worker, least recently used out first; a stack that changed in the journal is read again.
import type { SliceHeader } from "../domain/slice.ts"
import type { SeriesInstanceUID } from "../domain/uid.ts"
import type { StackId } from "../vector-index/VectorIndex.ts"
import { evenly } from "./evenly.ts"
import { lowerBound } from "./windows.ts"

/** One stack's slices in patient order. */
export interface Slices {
  /** Number of each slice: given once, never again. */
  readonly sequences: Float64Array
  /** mm along the normal. */
  readonly positions: Float64Array
  /** 1: nothing but background. */
  readonly blank: Uint8Array
  /** Receipt of each slice's instance. */
  readonly receipts: Float64Array
}

export interface SliceVectors extends Slices {
  /** slices × dimension, unit length. */
  readonly vectors: Float32Array
}

/** Where a worker has its stacks from. Every call sees the latest commit; undefined when there is nothing (any more). */
export interface StackSource {
  /** Differs whenever the stack's slices do. Cheap: asked for every candidate. */
  readonly version: (id: StackId) => string | undefined
  readonly slices: (id: StackId) => Slices | undefined
  /** Slices and vectors of one commit. */
  readonly read: (id: StackId) => SliceVectors | undefined
  /** Undefined as soon as one of the slices is gone. Parsing is slow: only of what is answered. */
  readonly headers: (sequences: Float64Array) => ReadonlyArray<SliceHeader> | undefined
  /** int8 × 127 per slice; empty for slices without. */
  readonly locals: (sequences: Float64Array) => ReadonlyArray<Int8Array>
  /** Most slices first. */
  readonly stacksOf: (series: SeriesInstanceUID) => ReadonlyArray<StackId>
}

export interface CachedStack extends StackId {
  readonly version: string
  /** Of all slices. */
  readonly sequences: Float64Array
  readonly receipts: Float64Array
  /** Of the slices that vote: row i of `vectors` is slice `rows[i]`, at `positions[i]` mm. */
  readonly vectors: Float32Array
  readonly rows: Int32Array
  readonly positions: Float64Array
}

/** Voting slices of one stack, evenly spread when it has more: bounds the work and memory of one candidate. */
const maxVoting = 4096

const voting = ({ SeriesInstanceUID, stack }: StackId, slices: SliceVectors, version: string): CachedStack => {
  const { sequences, vectors, receipts } = slices
  const dimension = vectors.length / sequences.length
  const seen = Array.from(slices.blank.keys()).filter((index) => slices.blank[index] === 0)
  const rows = Int32Array.from(evenly(seen.length, maxVoting), (at) => seen[at]!)
  const compact = rows.length === sequences.length ? vectors : new Float32Array(rows.length * dimension)
  if (compact !== vectors) {
    rows.forEach((row, at) => compact.set(vectors.subarray(row * dimension, (row + 1) * dimension), at * dimension))
  }
  const positions = Float64Array.from(rows, (row) => slices.positions[row]!)
  return { SeriesInstanceUID, stack, version, sequences, receipts, vectors: compact, rows, positions }
}

/** The stack as if it had only the slices of these instances (receipts, ascending). */
export const restricted = (stack: CachedStack, only: Float64Array): CachedStack => {
  const kept = Array.from(stack.rows.keys()).filter((at) => includes(only, stack.receipts[stack.rows[at]!]!))
  if (kept.length === stack.rows.length) return stack
  const dimension = stack.vectors.length / stack.rows.length
  const vectors = new Float32Array(kept.length * dimension)
  kept.forEach((row, at) => vectors.set(stack.vectors.subarray(row * dimension, (row + 1) * dimension), at * dimension))
  return {
    ...stack,
    vectors,
    rows: Int32Array.from(kept, (at) => stack.rows[at]!),
    positions: Float64Array.from(kept, (at) => stack.positions[at]!),
  }
}

const bytesOf = ({ vectors, sequences, receipts, rows, positions }: CachedStack) =>
  vectors.byteLength + receipts.byteLength + sequences.byteLength + rows.byteLength + positions.byteLength

const includes = (ascending: Float64Array, value: number) => ascending[lowerBound(ascending, value)] === value

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
    const slices = version === undefined ? undefined : source.read(id)
    if (slices === undefined || version === undefined) return undefined
    // Read after its version was: if it changed in between, the next look finds another version and reads again.
    const fresh = voting(id, slices, version)
    held.set(key, fresh)
    bytes += bytesOf(fresh)
    for (const oldest of held.keys()) {
      if (bytes <= maxBytes || oldest === key) break
      drop(oldest)
    }
    return fresh
  }
}
