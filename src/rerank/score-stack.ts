// One query against many stacks: the exact best placements, skipping stacks that cannot come among the best.
import type { StackId } from "../vector-index/VectorIndex.ts"
import { evenly } from "./evenly.ts"
import type { Kernel } from "./kernel.ts"
import { lateInteraction, localise } from "./localise.ts"
import type { QueryVolume } from "./Reranker.ts"
import type { CachedStack } from "./stack-cache.ts"

/** The window a query fits best in one stack; indices as in `Scored`. */
export interface PlacedStack extends StackId {
  /** The stack's, when it was scored. */
  readonly version: string
  readonly score: number
  readonly lateInteraction: number
  readonly from: number
  readonly to: number
  /** [row of the query volume, index in the stack, cosine]. */
  readonly alignment: ReadonlyArray<readonly [number, number, number]>
}

/** Query slices that are aligned; of more, so many spread evenly. */
export const maxQuerySlices = 64

/** The rows of a query volume that take part, and what they hold. */
export const sampled = (query: QueryVolume) => {
  const { dimension, vectors, positions } = query
  const rows = evenly(positions.length, maxQuerySlices)
  const chosen = new Float32Array(rows.length * dimension)
  rows.forEach((row, at) => chosen.set(vectors.subarray(row * dimension, (row + 1) * dimension), at * dimension))
  return { rows, vectors: chosen, positions: rows.map((row) => positions[row]!) }
}

/** The `limit`-th best score so far, each series counted once. */
const leaderboard = (limit: number) => {
  const best = new Map<string, number>()
  let bar = Number.NEGATIVE_INFINITY
  return {
    bar: () => bar,
    enter: ({ SeriesInstanceUID }: StackId, score: number) => {
      if (score <= (best.get(SeriesInstanceUID) ?? Number.NEGATIVE_INFINITY)) return
      best.set(SeriesInstanceUID, score)
      if (best.size >= limit) bar = [...best.values()].sort((a, b) => b - a)[limit - 1]!
    },
  }
}

interface Waiting {
  readonly stack: CachedStack
  /** Voting slices × queries. */
  readonly values: Float32Array
  readonly late: ReturnType<typeof lateInteraction>
}

/** Similarities held back so that the most promising stacks are aligned first: 400 stacks of 300 slices for 64 of the query. */
const maxWaitingBytes = 32 * 2 ** 20

/** Stacks without voting slices are left out, and those that could not reach the `limit` best series. */
export const scoreStacks = async (
  kernel: Kernel,
  query: QueryVolume,
  mean: Float32Array,
  stacks: Iterable<CachedStack>,
  limit: number,
): Promise<Array<PlacedStack>> => {
  const { rows, vectors, positions } = sampled(query)
  const queries = rows.length
  const board = leaderboard(limit)
  // The kernel runs ahead of its answers by a chunk; these are the stacks it has taken.
  const taken: Array<CachedStack> = []
  const taking = function* () {
    for (const stack of stacks) {
      if (stack.rows.length === 0) continue
      taken.push(stack)
      yield stack
    }
  }
  const found: Array<PlacedStack> = []
  let waiting: Array<Waiting> = []
  let bytes = 0
  // The most promising first: they raise the bar under which the others need no alignment.
  const settle = (): void => {
    for (const { stack, values, late } of waiting.sort((a, b) => b.late.bound - a.late.bound)) {
      // A placement scores at the most each slice's best, or 0 where it meets none.
      if (late.bound < board.bar()) break
      const { score, from, to, alignment } = localise({ values, queries }, positions, stack.positions, query.spacing)
      board.enter(stack, score)
      found.push({
        SeriesInstanceUID: stack.SeriesInstanceUID,
        stack: stack.stack,
        version: stack.version,
        score,
        lateInteraction: late.score,
        from: stack.rows[from]!,
        to: stack.rows[to]!,
        alignment: alignment.map(([i, j, cosine]) => [rows[i]!, stack.rows[j]!, cosine] as const),
      })
    }
    waiting = []
    bytes = 0
  }
  for await (const values of kernel.similarities(vectors, taking(), mean)) {
    waiting.push({ stack: taken.shift()!, values, late: lateInteraction({ values, queries }) })
    bytes += values.byteLength
    if (bytes > maxWaitingBytes) settle()
  }
  settle()
  return found
}
