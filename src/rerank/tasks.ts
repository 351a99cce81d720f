// What a re-rank thread can do; the worker module composes it with the journal, so that neither stage knows the other.
import type { SeriesInstanceUID } from "../domain/uid.ts"
import type { StackId } from "../vector-index/VectorIndex.ts"
import { openKernel } from "./kernel.ts"
import { matchBox } from "./match-box.ts"
import { bodyRectangle, boxAround, intersection, isEmpty, type Rectangle } from "./plane.ts"
import type { QueryVolume, Scored, SubVolume, Window } from "./Reranker.ts"
import { type PlacedStack, scoreStacks } from "./score-stack.ts"
import { type CachedStack, makeStackCache, type StackSource } from "./stack-cache.ts"
import { lowerBound } from "./windows.ts"

export interface ScoreJob {
  readonly query: QueryVolume
  /** 1 × dimension; zeros when nothing is to be taken off. */
  readonly mean: Float32Array
  readonly candidates: ReadonlyArray<StackId>
  readonly limit: number
}

export interface PlaceJob extends Omit<ScoreJob, "candidates" | "limit"> {
  readonly placed: ReadonlyArray<PlacedStack>
}

/** How much the box counts beside the window: both are cosines, and half a region is in its plane. */
const boxShare = 0.5

const subVolume = (
  stack: CachedStack,
  { from, to, alignment }: Pick<SubVolume, "from" | "to" | "alignment">,
  rectangle?: Rectangle,
): SubVolume => {
  const { SeriesInstanceUID, StudyInstanceUID } = stack
  const headers = stack.headers.slice(from, to + 1)
  const slices = headers.map(({ geometry }) => {
    const body = bodyRectangle(geometry)
    const inside = rectangle === undefined ? body : intersection(rectangle, body)
    return { geometry, rectangle: isEmpty(inside) ? body : inside }
  })
  const box = boxAround(slices)
  return { SeriesInstanceUID, StudyInstanceUID, stack: stack.stack, from, to, headers, box, alignment }
}

/** The tasks of a worker module, to be exported by name. `cacheBytes`: stacks kept in memory by this thread. */
export const rerankTasks = (
  source: StackSource,
  options: { readonly dimension: number; readonly cacheBytes: number },
) => {
  const kernel = openKernel(options.dimension)
  const stackOf = makeStackCache(source, options.cacheBytes)

  function* stacksOf(ids: Iterable<StackId>) {
    for (const id of ids) {
      const stack = stackOf(id)
      if (stack !== undefined) yield stack
    }
  }

  const place = async ({ query, mean }: PlaceJob, given: PlacedStack): Promise<ReadonlyArray<Scored>> => {
    const stack = stackOf(given)
    if (stack === undefined) return []
    // It changed since it was scored: indices have moved.
    const placed =
      stack.version === given.version ? given : (await scoreStacks(await kernel, query, mean, [stack], 1))[0]
    if (placed === undefined) return []
    const matched =
      query.boxVectors.length === 0 ? undefined : await matchBox(await kernel, source, query, mean, stack, placed)
    const alignment = placed.alignment.map(([row, index, cosine]) => [query.indices[row]!, index, cosine] as const)
    const score = matched === undefined ? placed.score : (1 - boxShare) * placed.score + boxShare * matched.score
    return [
      {
        ...subVolume(stack, { ...placed, alignment }, matched?.rectangle),
        score: Math.max(-1, Math.min(1, score)),
        lateInteraction: placed.lateInteraction,
      },
    ]
  }

  return {
    ready: async (): Promise<void> => void (await kernel),
    score: async ({ query, mean, candidates, limit }: ScoreJob): Promise<ReadonlyArray<PlacedStack>> =>
      scoreStacks(await kernel, query, mean, stacksOf(candidates), limit),
    place: async (job: PlaceJob): Promise<ReadonlyArray<Scored>> => {
      const scored: Array<Scored> = []
      for (const placed of job.placed) scored.push(...(await place(job, placed)))
      return scored
    },
    outline: (windows: ReadonlyArray<Window>): ReadonlyArray<SubVolume> =>
      windows.flatMap((window) => {
        const stack = stackOf(window)
        if (stack === undefined) return []
        const positions = stack.headers.map(({ geometry }) => geometry.position)
        const at = (mm: number) => Math.min(positions.length - 1, lowerBound(positions, mm - 1e-3))
        const alignment = window.meetings.map(([i, mm, cosine]) => [i, at(mm), cosine] as const)
        return [subVolume(stack, { from: at(window.low), to: at(window.high), alignment })]
      }),
    stacksOf: (series: ReadonlyArray<SeriesInstanceUID>): ReadonlyArray<StackId> => series.flatMap(source.stacksOf),
  }
}
