// From neighbours of the query's slices to the stacks worth scoring: every probe has one vote per stack.
import type { SeriesInstanceUID } from "../domain/uid.ts"
import type { QueryVolume, Window } from "../rerank/Reranker.ts"
import type { Neighbour, StackId } from "../vector-index/VectorIndex.ts"

/** The nearest slice of one stack to one probe. */
interface Meeting {
  /** Row of the query volume. */
  readonly row: number
  /** mm along the stack. */
  readonly position: number
  readonly cosine: number
}

export interface Candidate extends StackId {
  readonly meetings: ReadonlyArray<Meeting>
  /** Mean cosine of the meetings, as the index has it (not centred). */
  readonly cosine: number
}

/**
 * The count-based hit table (arXiv 2405.09334): most votes first, then the nearest. A probe votes once for a stack, so
 * that a stack of thin slices does not collect votes for one place. `found`: per probed row its neighbours, best first.
 */
export const tally = (
  rows: ReadonlyArray<number>,
  found: ReadonlyArray<ReadonlyArray<Neighbour>>,
  admitted: (series: SeriesInstanceUID) => boolean,
): ReadonlyArray<Candidate> => {
  const stacks = new Map<string, StackId & { readonly meetings: Array<Meeting> }>()
  found.forEach((neighbours, probe) => {
    const row = rows[probe]!
    for (const { SeriesInstanceUID, stack, position, cosine } of neighbours) {
      if (!admitted(SeriesInstanceUID)) continue
      const key = `${SeriesInstanceUID} ${stack}`
      const entry = stacks.get(key) ?? { SeriesInstanceUID, stack, meetings: [] }
      stacks.set(key, entry)
      if (entry.meetings.at(-1)?.row !== row) entry.meetings.push({ row, position, cosine })
    }
  })
  return [...stacks.values()]
    .map(({ SeriesInstanceUID, stack, meetings }) => {
      const sum = meetings.reduce((sum, { cosine }) => sum + cosine, 0)
      return { SeriesInstanceUID, stack, meetings, cosine: sum / meetings.length }
    })
    .sort((a, b) => b.meetings.length - a.meetings.length || b.cosine - a.cosine)
}

/** The best candidate of each series. */
export const onePerSeries = (candidates: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> => {
  const seen = new Set<SeriesInstanceUID>()
  return candidates.filter(({ SeriesInstanceUID }) => !seen.has(SeriesInstanceUID) && seen.add(SeriesInstanceUID))
}

/** A first window, from the meetings alone: the query's extent, shifted as most of them have it (the median). */
export const firstWindow = ({ positions, indices }: QueryVolume, { meetings, ...candidate }: Candidate): Window => {
  const start = positions[0]!
  const shifts = meetings.map(({ row, position }) => position - (positions[row]! - start)).sort((a, b) => a - b)
  const low = shifts[shifts.length >> 1]!
  const high = low + (positions[positions.length - 1]! - start)
  return {
    SeriesInstanceUID: candidate.SeriesInstanceUID,
    stack: candidate.stack,
    low,
    high,
    meetings: meetings
      .filter(({ position }) => position >= low - 1e-3 && position <= high + 1e-3)
      .map(({ row, position, cosine }) => [indices[row]!, position, cosine] as const),
  }
}
