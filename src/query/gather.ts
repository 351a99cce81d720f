// Candidates out of the index: probe with the query's slices, ask for more neighbours while the filter leaves too few.
import * as Effect from "effect/Effect"
import type { SeriesInstanceUID } from "../domain/uid.ts"
import { evenly } from "../rerank/evenly.ts"
import { Reranker, type QueryVolume } from "../rerank/Reranker.ts"
import { type StackId, VectorIndex } from "../vector-index/VectorIndex.ts"
import { type Candidate, onePerSeries, tally } from "./candidates.ts"

/** Slices of the query that probe the index, evenly spread. */
const maxProbes = 32
/** Neighbours per probe: at first, and at the most. The query's own series and what the filter drops use some up. */
const neighbours = { first: 128, most: 2048 } as const

export interface Gathered {
  /** What the probes found, best first. */
  readonly voted: ReadonlyArray<Candidate>
  /** What is to be scored. */
  readonly stacks: ReadonlyArray<StackId>
}

/** `series`: those that may answer; `wanted`: series with votes that are enough; `most`: stacks that are scored. */
export const gather = Effect.fn("query.gather")(function* (
  query: QueryVolume,
  series: ReadonlySet<SeriesInstanceUID>,
  { wanted, most }: { readonly wanted: number; readonly most: number },
) {
  const index = yield* VectorIndex
  const { dimension, vectors, positions } = query
  const rows = evenly(positions.length, maxProbes)
  const probes = new Float32Array(rows.length * dimension)
  rows.forEach((row, at) => probes.set(vectors.subarray(row * dimension, (row + 1) * dimension), at * dimension))
  // So few that all of them are scored: nothing hangs on the probes.
  const few = series.size <= most
  const enough = few ? 0 : Math.min(wanted, series.size)
  const probe = Effect.fnUntraced(function* (k: number) {
    const found = yield* index.search(probes.slice(), k)
    const voted = tally(rows, found, (uid) => series.has(uid)).slice(0, most)
    // Fewer than asked for: the index has no more.
    return { voted, done: onePerSeries(voted).length >= enough || found.every(({ length }) => length < k) }
  })
  let k: number = neighbours.first
  let { voted, done } = yield* probe(k)
  while (!done && k < neighbours.most) {
    k *= 4
    ;({ voted, done } = yield* probe(Math.min(k, neighbours.most)))
  }
  if (!few) return { voted, stacks: voted } satisfies Gathered
  const known = new Set(voted.map(({ SeriesInstanceUID, stack }) => `${SeriesInstanceUID} ${stack}`))
  const others = (yield* (yield* Reranker).stacks([...series])).filter(
    ({ SeriesInstanceUID, stack }) => !known.has(`${SeriesInstanceUID} ${stack}`),
  )
  return { voted, stacks: [...voted, ...others].slice(0, most) } satisfies Gathered
})
