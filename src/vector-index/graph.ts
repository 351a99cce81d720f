// The usearch index as a cache of the journal: it knows up to which sequence it has read.
import { Index, MetricKind, ScalarKind } from "usearch"
import type { Journal } from "./journal.ts"

/** usearch refuses a search with more threads than the last add had, and reserves for the threads of the first. */
const threads = 1
/** Slices between two looks at the clock: 10–20 ms of adding. */
const chunk = 64
/**
 * Slices of a volume arrive in order and are near-duplicates: with 128 and 128 a new slice meets only its own volume,
 * which becomes an island that searches from elsewhere do not reach. Recall@10 of 20,000 slices of unlike volumes was
 * 0.80 with those, 0.93 with 256 and 256, 0.98 with 512 and 256, 0.997 with these at 0.4 ms a query.
 */
const expansion = { add: 256, search: 512 } as const

/** Most neighbours of one search, all queries together. */
const maxPlaces = 1_000_000

/** A graph is worn when more than this share of its places, and more than so many, were removed. */
const wornShare = 0.05
const wornAbove = 1000

const empty = (dimension: number): Index =>
  new Index({
    dimensions: dimension,
    metric: MetricKind.Cos,
    quantization: ScalarKind.F16,
    connectivity: 16,
    expansion_add: expansion.add,
    expansion_search: expansion.search,
    multi: false,
  })

/** Neighbours of n queries, k places each; `counts` says how many are taken. */
export interface Found {
  readonly keys: BigUint64Array
  readonly distances: Float32Array
  readonly counts: ReadonlyArray<number>
}

export interface Graph {
  /** All voting slices of the journal up to this sequence are in, none after. */
  readonly cursor: () => number
  readonly size: () => number
  /** Resident bytes: f16 vectors, and what a node of connectivity 16 takes beside (measured). */
  readonly bytes: () => number
  /** Reads on in the journal for about so long; true when nothing is left to read. */
  readonly advance: (journal: Pick<Journal, "votersAfter">, milliseconds: number) => boolean
  readonly remove: (sequences: ReadonlyArray<number>) => void
  /** Slices removed in its life. usearch gives their places to new slices, whose links then fit badly. */
  readonly removed: () => number
  /** So many places were given anew that it should be built anew: recall@10 falls below 0.9 at about a third. */
  readonly worn: () => boolean
  readonly search: (vectors: Float32Array, k: number) => Found
  /** How many of these keys it holds. */
  readonly holds: (keys: BigUint64Array) => number
  /** Plain usearch file: neither synced nor renamed into place. */
  readonly save: (path: string) => void
}

const wrap = (index: Index, dimension: number, start: { cursor: number; removed: number }): Graph => {
  let { cursor, removed } = start
  const size = () => Number(index.size())
  return {
    cursor: () => cursor,
    size,
    bytes: () => Number(index.capacity()) * 16 + size() * (2 * dimension + 260),
    advance: (journal, milliseconds) => {
      const deadline = performance.now() + milliseconds
      for (;;) {
        const { keys, vectors, last, done } = journal.votersAfter(cursor, chunk)
        if (keys.length > 0) index.add(keys, vectors, threads)
        cursor = last
        if (done) return true
        if (performance.now() > deadline) return false
      }
    },
    remove: (sequences) => {
      const gone = index.remove(BigUint64Array.from(sequences, BigInt)) as ReadonlyArray<number>
      removed += gone.reduce((sum, places) => sum + places, 0)
    },
    removed: () => removed,
    worn: () => removed > Math.max(wornAbove, size() * wornShare),
    search: (vectors, wanted) => {
      const n = vectors.length / dimension
      const k = Math.min(wanted, size(), Math.ceil(maxPlaces / Math.max(1, n)))
      if (k === 0 || n === 0)
        return { keys: new BigUint64Array(0), distances: new Float32Array(0), counts: Array<number>(n).fill(0) }
      // An array of rows is answered as a batch also when it is one.
      const found = index.search([vectors], k, threads)
      return n === 1
        ? { keys: found.keys, distances: found.distances, counts: [found.keys.length] }
        : { keys: found.keys, distances: found.distances, counts: Array.from(found.counts, Number) }
    },
    holds: (keys) => (index.contains(keys) as ReadonlyArray<boolean>).reduce((sum, held) => sum + (held ? 1 : 0), 0),
    save: (path) => index.save(path),
  }
}

export const emptyGraph = (dimension: number): Graph => wrap(empty(dimension), dimension, { cursor: 0, removed: 0 })

/** Throws when usearch cannot read the file or it holds vectors of another length. */
export const loadGraph = (path: string, dimension: number, start: { cursor: number; removed: number }): Graph => {
  const index = empty(dimension)
  index.load(path)
  if (Number(index.dimensions()) !== dimension) throw new RangeError("the file holds vectors of another length")
  return wrap(index, dimension, start)
}
