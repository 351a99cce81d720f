// A fixed set of region searches over the core studies, and how far their answers may differ from an undisturbed run's.
import type { Hit, SearchAnswer } from "../../src/domain/hit.ts"
import { coreDate, families, type Study } from "./instances.ts"

/**
 * Scores: vectors come out of the model in batches that depend on the moment, and centring subtracts a running mean; both
 * move a cosine by some millionths. Beyond that nothing may differ: among so few slices the index (512 candidates a probe)
 * sees all of them, and the re-ranking is exact.
 */
export const scoreTolerance = 1e-3
/** Box edges are cut where similarities cross a bound: a cell of the 7 × 7 grid may fall to either side. */
export const boxTolerance = 64 / 7 + 1

export type Answers = ReadonlyMap<string, ReadonlyArray<Hit>>

const requests = (core: ReadonlyArray<Study>) =>
  core.slice(0, families).flatMap(({ StudyInstanceUID, SeriesInstanceUID }, n) => {
    const of = { StudyInstanceUID, SeriesInstanceUID, k: 20, filter: { StudyDate: { from: coreDate } } }
    return [
      [`whole series of family ${n}`, of],
      [`slices of family ${n}`, { ...of, region: { slices: { from: 1, to: 3 } } }],
      [`box in family ${n}`, { ...of, region: { box: { min: [12, 12, 2], max: [44, 44, 11] } } }],
    ] as const
  })

export const searchAll = async (url: string, core: ReadonlyArray<Study>): Promise<Answers> => {
  const answers = new Map<string, ReadonlyArray<Hit>>()
  for (const [name, request] of requests(core)) {
    const response = await fetch(`${url}/api/regions/search`, {
      method: "POST",
      body: JSON.stringify(request),
      headers: { "content-type": "application/json" },
    })
    if (!response.ok) throw new Error(`search for ${name}: ${response.status} ${await response.text()}`)
    answers.set(name, ((await response.json()) as SearchAnswer).hits)
  }
  return answers
}

const near = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) =>
  a.every((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) <= boxTolerance)

const difference = (was: Hit, is: Hit): string | undefined => {
  if (Math.abs(was.score - is.score) > scoreTolerance) return `score ${is.score} instead of ${was.score}`
  if (was.slices.count !== is.slices.count) return `${is.slices.count} slices instead of ${was.slices.count}`
  if (was.slices.from.SOPInstanceUID !== is.slices.from.SOPInstanceUID) return "another first slice"
  if (was.slices.to.SOPInstanceUID !== is.slices.to.SOPInstanceUID) return "another last slice"
  if (!near(was.box.min, is.box.min) || !near(was.box.max, is.box.max))
    return `box ${JSON.stringify(is.box)} instead of ${JSON.stringify(was.box)}`
  return undefined
}

/** A sentence for each difference; hits of equal score may change places. */
export const differences = (expected: Answers, found: Answers): ReadonlyArray<string> =>
  [...expected].flatMap(([name, hits]) => {
    const here = new Map((found.get(name) ?? []).map((hit) => [String(hit.SeriesInstanceUID), hit]))
    if ((found.get(name) ?? []).length !== here.size) return [`${name}: a series is found twice`]
    const wrong = hits.flatMap((hit) => {
      const other = here.get(hit.SeriesInstanceUID)
      const what = other === undefined ? "is not found" : difference(hit, other)
      return what === undefined ? [] : [`${name}: ${hit.SeriesInstanceUID} ${what}`]
    })
    const known = new Set(hits.map(({ SeriesInstanceUID }) => String(SeriesInstanceUID)))
    return [...wrong, ...[...here.keys()].filter((uid) => !known.has(uid)).map((uid) => `${name}: ${uid} is new`)]
  })
