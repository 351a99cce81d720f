// What a re-rank thread can do; the worker module composes it with the journal, so that neither stage knows the other.
import type { SliceHeader } from "../domain/slice.ts"
import type { SeriesInstanceUID } from "../domain/uid.ts"
import type { StackId } from "../vector-index/VectorIndex.ts"
import { type Kernel, openKernel } from "./kernel.ts"
import { matchBox } from "./match-box.ts"
import { bodyRectangle, boxAround, intersection, isEmpty, type Rectangle } from "./plane.ts"
import type { QueryVolume, Scored, SubVolume, Window } from "./Reranker.ts"
import { type PlacedStack, scoreStacks } from "./score-stack.ts"
import { type CachedStack, makeStackCache, restricted, type StackSource } from "./stack-cache.ts"
import { lowerBound } from "./windows.ts"

export interface ScoreJob {
  readonly query: QueryVolume
  /** 1 × dimension; zeros when nothing is to be taken off. */
  readonly mean: Float32Array
  /** Slices of these instances only (receipts, ascending); of all when absent. */
  readonly only?: Float64Array | undefined
  readonly candidates: ReadonlyArray<StackId>
  readonly limit: number
}

export interface PlaceJob extends Omit<ScoreJob, "candidates" | "limit"> {
  readonly placed: ReadonlyArray<PlacedStack>
}

/** How much the box counts beside the window: both are cosines, and half a region is in its plane. */
const boxShare = 0.5

type Range = Pick<SubVolume, "SeriesInstanceUID" | "stack" | "from" | "to" | "alignment">

/** `headers`: of the range's slices, at least one. */
const subVolume = (
  { SeriesInstanceUID, stack, from, to, alignment }: Range,
  headers: ReadonlyArray<SliceHeader>,
  rectangle?: Rectangle,
): SubVolume => {
  const slices = headers.map(({ geometry }) => {
    const body = bodyRectangle(geometry)
    const inside = rectangle === undefined ? body : intersection(rectangle, body)
    return { geometry, rectangle: isEmpty(inside) ? body : inside }
  })
  const { StudyInstanceUID } = headers[0]!.instance
  return { SeriesInstanceUID, StudyInstanceUID, stack, from, to, headers, box: boxAround(slices), alignment }
}

/** The tasks of a worker module, to be exported by name. `cacheBytes`: stacks kept in memory by this thread. */
export const rerankTasks = (
  source: StackSource,
  options: { readonly dimension: number; readonly cacheBytes: number },
) => {
  let opened: Promise<Kernel> | undefined
  // Within a task, not while the module loads: a thread must not be stopped here, and only tasks are waited for.
  const kernel = () => (opened ??= openKernel(options.dimension))
  const stackOf = makeStackCache(source, options.cacheBytes)

  const within = (stack: CachedStack, only: Float64Array | undefined) =>
    only === undefined ? stack : restricted(stack, only)

  function* stacksOf(ids: Iterable<StackId>, only: Float64Array | undefined) {
    for (const id of ids) {
      const stack = stackOf(id)
      if (stack !== undefined) yield within(stack, only)
    }
  }

  const place = async ({ query, mean, only }: PlaceJob, given: PlacedStack): Promise<ReadonlyArray<Scored>> => {
    const stack = stackOf(given)
    if (stack === undefined) return []
    // It changed since it was scored: indices have moved.
    const placed =
      stack.version === given.version
        ? given
        : (await scoreStacks(await kernel(), query, mean, [within(stack, only)], 1))[0]
    if (placed === undefined) return []
    const sequences = stack.sequences.subarray(placed.from, placed.to + 1)
    const headers = source.headers(sequences)
    if (headers === undefined) return []
    const matched =
      query.boxVectors.length === 0
        ? undefined
        : await matchBox(await kernel(), source, query, mean, headers, sequences, placed)
    const alignment = placed.alignment.map(([row, index, cosine]) => [query.indices[row]!, index, cosine] as const)
    const score = matched === undefined ? placed.score : (1 - boxShare) * placed.score + boxShare * matched.score
    return [
      {
        ...subVolume({ ...placed, alignment }, headers, matched?.rectangle),
        score: Math.max(-1, Math.min(1, score)),
        lateInteraction: placed.lateInteraction,
      },
    ]
  }

  return {
    ready: async (): Promise<void> => void (await kernel()),
    score: async ({ query, mean, only, candidates, limit }: ScoreJob): Promise<ReadonlyArray<PlacedStack>> =>
      scoreStacks(await kernel(), query, mean, stacksOf(candidates, only), limit),
    place: async (job: PlaceJob): Promise<ReadonlyArray<Scored>> => {
      const scored: Array<Scored> = []
      for (const placed of job.placed) scored.push(...(await place(job, placed)))
      return scored
    },
    outline: (windows: ReadonlyArray<Window>): ReadonlyArray<SubVolume> =>
      windows.flatMap((window) => {
        const slices = source.slices(window)
        if (slices === undefined) return []
        const { positions, sequences } = slices
        const at = (mm: number) => Math.min(positions.length - 1, lowerBound(positions, mm - 1e-3))
        const [from, to] = [at(window.low), at(window.high)]
        const headers = source.headers(sequences.subarray(from, to + 1))
        if (headers === undefined || headers.length === 0) return []
        const alignment = window.meetings.map(([i, mm, cosine]) => [i, at(mm), cosine] as const)
        return [subVolume({ ...window, from, to, alignment }, headers)]
      }),
    stacksOf: (series: ReadonlyArray<SeriesInstanceUID>): ReadonlyArray<StackId> => series.flatMap(source.stacksOf),
  }
}
