// What the index finds of volumes that came slice by slice, against an exact search.
import { assert, it } from "@effect/vitest"
import { emptyGraph } from "../../src/vector-index/graph.ts"

const dimension = 64

/** Uniform in ±0.5, the same for every run. */
const makeRandom = () => {
  let state = 7
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5
}

/** Slices that differ little from the one before, in volumes that have nothing in common: the hardest case of order. */
const volumes = (count: number, length: number, random: () => number) => {
  const rows: Array<Float32Array> = []
  for (let volume = 0; volume < count; volume++) {
    let at = new Float32Array(dimension).map(random)
    for (let slice = 0; slice < length; slice++) {
      at = at.map((x) => x + 0.1 * random())
      const size = Math.hypot(...at)
      rows.push(at.map((x) => x / size))
    }
  }
  return rows
}

const journalOf = (rows: ReadonlyArray<Float32Array>) => ({
  votersAfter: (sequence: number, limit: number) => {
    const next = rows.slice(sequence, sequence + limit)
    const vectors = new Float32Array(next.length * dimension)
    next.forEach((row, i) => vectors.set(row, i * dimension))
    const keys = BigUint64Array.from(next, (_, i) => BigInt(sequence + i + 1))
    return { keys, vectors, last: sequence + next.length, done: next.length < limit }
  },
})

it("finds nine of ten true neighbours although near-duplicates came in order", () => {
  const random = makeRandom()
  const rows = volumes(50, 200, random)
  const graph = emptyGraph(dimension)
  assert.isTrue(graph.advance(journalOf(rows), 60_000))
  let hits = 0
  const queries = 40
  for (let q = 0; q < queries; q++) {
    const like = rows[Math.floor((random() + 0.5) * rows.length)] ?? new Float32Array(dimension)
    const query = like.map((x) => x + 0.4 * random())
    const cosines = rows.map((row, i) => [i + 1, row.reduce((sum, x, d) => sum + x * (query[d] ?? 0), 0)] as const)
    const truth = new Set(
      cosines
        .toSorted((a, b) => b[1] - a[1])
        .slice(0, 10)
        .map(([key]) => key),
    )
    hits += [...graph.search(query, 10).keys].filter((key) => truth.has(Number(key))).length
  }
  assert.isAtLeast(hits / (queries * 10), 0.9)
})
