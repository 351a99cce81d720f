// Two volumes by their cosines: who gets a query's votes, and which slices of a volume answer it, by each method.
import { interval } from "../domain/overlap.ts"
import type { Hit } from "../domain/hit.ts"
import type { Kernel } from "../rerank/kernel.ts"
import type { Embedded } from "./embedded.ts"
import type { Structure } from "./truth.ts"

/** Cosines of one pair of volumes, and per query row its best. */
export interface Meeting {
  readonly other: Embedded
  /** other's rows × query's rows. */
  readonly cosines: Float32Array
  readonly best: Float32Array
  readonly at: Int32Array
}

export const meet = async (kernel: Kernel, query: Embedded, others: ReadonlyArray<Embedded>) => {
  const rows = query.planes.length
  const zero = new Float32Array(query.dimension)
  const meetings: Array<Meeting> = []
  for await (const view of kernel.similarities(query.vectors, others, zero)) {
    const other = others[meetings.length]!
    const cosines = view.slice()
    const best = new Float32Array(rows).fill(-2)
    const at = new Int32Array(rows)
    for (let j = 0, n = 0; j < other.planes.length; j++) {
      for (let i = 0; i < rows; i++, n++) {
        if (cosines[n]! > best[i]!) {
          best[i] = cosines[n]!
          at[i] = j
        }
      }
    }
    meetings.push({ other, cosines, best, at })
  }
  return meetings
}

export const shows = (structure: Structure | undefined, embedded: Embedded, row: number) =>
  structure?.planes.has(embedded.planes[row]!) === true

/** Votes per meeting: each row gives one to the volume of its nearest slice. Best first; ties by the sum of cosines. */
export const count = (rows: ReadonlyArray<number>, meetings: ReadonlyArray<Meeting>) => {
  const votes = meetings.map((meeting) => ({ meeting, votes: 0, sum: 0 }))
  for (const i of rows) {
    const nearest = votes.reduce((a, b) => (b.meeting.best[i]! > a.meeting.best[i]! ? b : a))
    nearest.votes++
    nearest.sum += nearest.meeting.best[i]!
  }
  return votes.sort((a, b) => b.votes - a.votes || b.sum - a.sum)
}

/** Σ max cos over all volumes, not only those that got a vote: the paper's re-ranking at its best. */
export const lateInteraction = (rows: ReadonlyArray<number>, meetings: ReadonlyArray<Meeting>) =>
  meetings
    .map((meeting) => ({ meeting, sum: rows.reduce((sum, i) => sum + meeting.best[i]!, 0) }))
    .sort((a, b) => b.sum - a.sum)

/** The slices of a volume that rows met, the best first. */
export const contributed = (rows: ReadonlyArray<number>, { best, at }: Meeting) => {
  const scores = new Map<number, number>()
  for (const i of rows) scores.set(at[i]!, Math.max(scores.get(at[i]!) ?? -2, best[i]!))
  return [...scores].sort((a, b) => b[1] - a[1]).map(([row]) => row)
}

/** All slices of a volume by their best cosine to a row. */
export const ranked = (rows: ReadonlyArray<number>, { other, cosines, best }: Meeting) =>
  Array.from(other.planes, (_, j) => ({
    j,
    cosine: rows.reduce((most, i) => Math.max(most, cosines[j * best.length + i]!), -2),
  }))
    .sort((a, b) => b.cosine - a.cosine)
    .map(({ j }) => j)

/** The hit's slices by their cosine, then its other slices, then the nearest outside its range. */
export const rankedByHit = (hit: Hit, { indices }: Embedded) => {
  const { from, to } = hit.slices
  const rows = Array.from(indices, (_, row) => row)
  const inside = rows.filter((row) => indices[row]! >= from.index && indices[row]! <= to.index)
  const rowOf = new Map(inside.map((row) => [indices[row]!, row]))
  const scores = new Map<number, number>()
  for (const [, index, cosine] of hit.alignment) {
    const row = rowOf.get(index)
    if (row !== undefined) scores.set(row, Math.max(scores.get(row) ?? -2, cosine))
  }
  const aligned = [...scores].sort((x, y) => y[1] - x[1]).map(([row]) => row)
  const [low, high] = [inside[0] ?? 0, inside.at(-1) ?? 0]
  const outside = rows
    .filter((row) => row < low || row > high)
    .sort((x, y) => Math.min(Math.abs(x - low), Math.abs(x - high)) - Math.min(Math.abs(y - low), Math.abs(y - high)))
  return { low, high, aligned, all: [...aligned, ...inside.filter((row) => !scores.has(row)), ...outside] }
}

export const rangeOf = (rows: ReadonlyArray<number>, { positions }: Embedded, half: number) => {
  const at = rows.map((row) => positions[row]!)
  return interval(Math.min(...at) - half, Math.max(...at) + half)
}

/** mm that one slice stands for: half of it lies on either side. */
export const halfSlice = ({ positions }: Embedded) => {
  const gaps = Array.from(positions.subarray(1), (mm, n) => mm - positions[n]!).sort((a, b) => a - b)
  return (gaps[gaps.length >> 1] ?? 1) / 2
}

export const rowsOf = (structure: Structure, embedded: Embedded) =>
  Array.from(embedded.planes, (_, row) => row).filter((row) => shows(structure, embedded, row))

/** The rows at the same relative height. */
export const projected = (rows: ReadonlyArray<number>, query: Embedded, other: Embedded) => {
  const scale = (other.planes.length - 1) / Math.max(1, query.planes.length - 1)
  const [a, b] = [Math.round(rows[0]! * scale), Math.round(rows.at(-1)! * scale)]
  return Array.from({ length: b - a + 1 }, (_, n) => a + n)
}
