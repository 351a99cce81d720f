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

/** Keys of fillers: no sequence of the journal comes near. */
const fillerKey = 1n << 62n
const fillerKeys = (from: number, to: number): BigUint64Array =>
  BigUint64Array.from({ length: to - from }, (_, n) => fillerKey + BigInt(from + n))

/** Opposite to where the slices lie, so that no search comes by; not all alike, or they would be an island. */
const fillerVectors = (count: number, mean: Float32Array): Float32Array => {
  const size = Math.hypot(...mean) || 1
  const spread = 0.2 / Math.sqrt(mean.length)
  return Float32Array.from({ length: count * mean.length }, (_, at) => {
    const noise = Math.sin((at + 1) * 78.233) + Math.sin((at + 1) * 12.9898)
    return spread * noise - (mean[at % mean.length] ?? 0) / size
  })
}

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
  /**
   * usearch only marks a removed vector: it would stay in memory, and in every file saved, until a new one takes its
   * place. So a filler takes it at once, and gives way to the next slice. `mean`: of the slices that stay.
   */
  readonly remove: (sequences: ReadonlyArray<number>, mean: Float32Array) => void
  /** Places that hold fillers. */
  readonly fillers: () => number
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

/** Where a graph starts: in the journal, and with what it lost and filled before. */
type Start = { readonly cursor: number; readonly removed: number; readonly fillers: number }

const wrap = (index: Index, dimension: number, start: Start): Graph => {
  let { cursor, removed, fillers } = start
  const size = () => Number(index.size()) - fillers
  /** The places given free are the next to be taken. */
  const dropFillers = (count: number) => {
    const dropped = Math.min(fillers, count)
    if (dropped > 0) index.remove(fillerKeys(fillers - dropped, fillers))
    fillers -= dropped
  }
  /** Of each query's places the first k that are no fillers. */
  const withoutFillers = (found: Found, k: number): Found => {
    const width = found.keys.length / found.counts.length
    const keys = new BigUint64Array(found.counts.length * k)
    const distances = new Float32Array(keys.length)
    const counts = found.counts.map((taken, query) => {
      let kept = 0
      for (let at = query * width; at < query * width + taken && kept < k; at++) {
        const key = found.keys[at] ?? fillerKey
        if (key >= fillerKey) continue
        keys[query * k + kept] = key
        distances[query * k + kept++] = found.distances[at] ?? 0
      }
      return kept
    })
    return { keys, distances, counts }
  }
  return {
    cursor: () => cursor,
    size,
    bytes: () => Number(index.capacity()) * 16 + Number(index.size()) * (2 * dimension + 260),
    advance: (journal, milliseconds) => {
      const deadline = performance.now() + milliseconds
      for (;;) {
        const { keys, vectors, last, done } = journal.votersAfter(cursor, chunk)
        dropFillers(keys.length)
        if (keys.length > 0) index.add(keys, vectors, threads)
        cursor = last
        if (done) return true
        if (performance.now() > deadline) return false
      }
    },
    remove: (sequences, mean) => {
      const gone = index.remove(BigUint64Array.from(sequences, BigInt)) as ReadonlyArray<number>
      const places = gone.reduce((sum, count) => sum + count, 0)
      if (places === 0) return
      removed += places
      index.add(fillerKeys(fillers, fillers + places), fillerVectors(places, mean), threads)
      fillers += places
    },
    fillers: () => fillers,
    removed: () => removed,
    worn: () => removed > Math.max(wornAbove, size() * wornShare),
    search: (vectors, wanted) => {
      const n = vectors.length / dimension
      const k = Math.min(wanted, size(), Math.ceil(maxPlaces / Math.max(1, n)))
      if (k === 0 || n === 0)
        return { keys: new BigUint64Array(0), distances: new Float32Array(0), counts: Array<number>(n).fill(0) }
      // An array of rows is answered as a batch also when it is one.
      // Among few slices fillers are neighbours too.
      const found = index.search([vectors], k + Math.min(fillers, expansion.search), threads)
      const counts = n === 1 ? [found.keys.length] : Array.from(found.counts, Number)
      const all = { keys: found.keys, distances: found.distances, counts }
      return fillers === 0 ? all : withoutFillers(all, k)
    },
    holds: (keys) => (index.contains(keys) as ReadonlyArray<boolean>).reduce((sum, held) => sum + (held ? 1 : 0), 0),
    save: (path) => index.save(path),
  }
}

export const emptyGraph = (dimension: number): Graph =>
  wrap(empty(dimension), dimension, { cursor: 0, removed: 0, fillers: 0 })

/** Throws when usearch cannot read the file or it holds vectors of another length. */
export const loadGraph = (path: string, dimension: number, start: Start): Graph => {
  const index = empty(dimension)
  index.load(path)
  if (Number(index.dimensions()) !== dimension) throw new RangeError("the file holds vectors of another length")
  return wrap(index, dimension, start)
}
