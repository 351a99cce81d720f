// One query volume against all others: counting, the paper's re-ranking and the baselines, from one matrix of cosines each.
import type { Hit } from "../domain/hit.ts"
import { evenly } from "../rerank/evenly.ts"
import type { Kernel } from "../rerank/kernel.ts"
import { structureOf, verdict, type Level } from "./eligible.ts"
import type { Embedded } from "./embedded.ts"
import { boxOverlap, intervalOverlap } from "../domain/overlap.ts"
import {
  contributed,
  count,
  halfSlice,
  lateInteraction,
  meet,
  type Meeting,
  projected,
  rangeOf,
  ranked,
  rankedByHit,
  rowsOf,
  shows,
} from "./rankings.ts"
import type { Structure } from "./truth.ts"

/** Contributing slices that are judged (arXiv 2405.09334, localization ratio). */
export const contributing = 15

type Method = "counting" | "paper" | "ours"
/** 1 or 0 per method, or a share; absent where a method gave no answer to judge. */
export type Judged = Partial<Record<Method | "position" | "chance" | "ceiling", number>>

/** The localisation in one volume that shows the structure. */
export interface Pair {
  readonly volume: string
  readonly across: boolean
  /** Share of the best 15 slices that show it. */
  readonly best: Judged
  /** Share of the contributing slices (15 at the most) that show it. */
  readonly ratio: Judged
  /** Along the body. */
  readonly zIoU: Judged
  readonly iou: Judged
}

export interface Answered {
  readonly level: Level
  readonly structure: string
  readonly scope: "all" | "across"
  readonly eligible: number
  readonly volume: Judged
  readonly region: Judged
  readonly localized: Judged
  readonly slice: Judged
}

export interface Evaluation {
  readonly volume: string
  readonly subject: string
  readonly answers: ReadonlyArray<Answered>
  readonly pairs: ReadonlyArray<Pair & { readonly level: Level; readonly structure: string }>
}

/** What the gateway answered, by Series Instance UID in rank order. */
export interface GatewayAnswers {
  readonly volume: ReadonlyMap<string, Hit>
  /** Structure → answer. */
  readonly regions: ReadonlyMap<string, ReadonlyMap<string, Hit>>
  /** `${structure} ${plane}` → answer. */
  readonly slices: ReadonlyMap<string, ReadonlyMap<string, Hit>>
}

const share = (of: number, all: number) => (all === 0 ? 0 : of / all)

/** Slices of a region that are asked one by one. */
const askedSlices = 5

/** Some of a structure's rows, spread evenly: every method answers for the same. */
export const askedOf = (rows: ReadonlyArray<number>): ReadonlyArray<number> =>
  evenly(rows.length, askedSlices).map((n) => rows[n]!)

const pairOf = (
  query: Embedded,
  rows: ReadonlyArray<number>,
  meeting: Meeting,
  structure: Structure,
  hit: Hit | undefined,
): Pair => {
  const { other } = meeting
  const half = halfSlice(other)
  const right = (list: ReadonlyArray<number>) =>
    share(list.filter((row) => shows(structure, other, row)).length, list.length)
  const truthRows = rowsOf(structure, other)
  const truth = rangeOf(truthRows, other, half)
  const most = Math.min(contributing, other.planes.length)
  const met = contributed(rows, meeting)
  const own = hit && rankedByHit(hit, other)
  const projection = projected(rows, query, other)
  return {
    volume: other.volume.name,
    across: query.volume.source !== other.volume.source,
    best: {
      paper: right(ranked(rows, meeting).slice(0, most)),
      ...(own && { ours: right(own.all.slice(0, most)) }),
      chance: share(truthRows.length, other.planes.length),
      ceiling: share(Math.min(most, truthRows.length), most),
    },
    ratio: {
      paper: right(met.slice(0, contributing)),
      ...(own && { ours: right(own.aligned.slice(0, contributing)) }),
      position: right(projection),
      chance: share(truthRows.length, other.planes.length),
    },
    zIoU: {
      paper: intervalOverlap(rangeOf(met, other, half), truth),
      ...(own && { ours: intervalOverlap(rangeOf([own.low, own.high], other, half), truth) }),
      position: intervalOverlap(rangeOf(projection, other, half), truth),
      chance: intervalOverlap(rangeOf([0, other.planes.length - 1], other, half), truth),
    },
    iou: hit === undefined ? {} : { ours: boxOverlap(hit.box, structure.box) },
  }
}

/** Everything about one structure of the query, in one scope. */
const answerOf = (
  query: Embedded,
  level: Level,
  structure: Structure,
  rows: ReadonlyArray<number>,
  scope: Answered["scope"],
  eligible: ReadonlyArray<{ readonly meeting: Meeting; readonly target: Structure | undefined }>,
  answers: GatewayAnswers,
): Answered => {
  const targets = new Map(eligible.map(({ meeting, target }) => [meeting, target]))
  const meetings = eligible.map(({ meeting }) => meeting)
  const everything = Array.from(query.planes, (_, row) => row)
  const one = (right: boolean) => (right ? 1 : 0)
  const top = (order: ReadonlyArray<{ readonly meeting: Meeting }>) => order[0]!.meeting
  const first = (hits: ReadonlyMap<string, Hit> | undefined) => {
    if (hits === undefined) return undefined
    const bySeries = new Map(meetings.map((meeting) => [meeting.other.truth.SeriesInstanceUID, meeting]))
    for (const [series, hit] of hits) {
      const meeting = bySeries.get(series)
      if (meeting !== undefined) return { meeting, hit }
    }
    return undefined
  }
  const positives = [...targets.values()].filter((target) => target !== undefined).length
  const chance = share(positives, meetings.length)

  const [counted, late] = [count(rows, meetings), lateInteraction(rows, meetings)]
  const [countedAll, lateAll] = [count(everything, meetings), lateInteraction(everything, meetings)]
  const [ourRegion, ourVolume] = [first(answers.regions.get(structure.name)), first(answers.volume)]
  const right = (meeting: Meeting) => targets.get(meeting) !== undefined
  const localised = (meeting: Meeting) =>
    contributed(rows, meeting).some((row) => shows(targets.get(meeting), meeting.other, row))

  const asked = askedOf(rows)
  const sliced = asked.map((row) => {
    const nearest = meetings.reduce((a, b) => (b.best[row]! > a.best[row]! ? b : a))
    const ours = first(answers.slices.get(`${structure.name} ${query.planes[row]!}`))
    const ourRow = ours && rankedByHit(ours.hit, ours.meeting.other).all[0]
    return {
      counting: one(shows(targets.get(nearest), nearest.other, nearest.at[row]!)),
      ...(ours && { ours: one(shows(targets.get(ours.meeting), ours.meeting.other, ourRow ?? 0)) }),
      position:
        meetings.filter((meeting) =>
          shows(targets.get(meeting), meeting.other, projected([row], query, meeting.other)[0]!),
        ).length / meetings.length,
    }
  })
  const averaged = (key: "counting" | "ours" | "position") => {
    const values = sliced.flatMap((judged) => (judged[key] === undefined ? [] : [judged[key]]))
    return values.length === 0 ? {} : { [key]: values.reduce((a, b) => a + b, 0) / values.length }
  }
  const slices = meetings.reduce((sum, { other }) => sum + other.planes.length, 0)
  const showing = eligible.reduce(
    (sum, { meeting, target }) => sum + (target ? rowsOf(target, meeting.other).length : 0),
    0,
  )

  return {
    level,
    structure: structure.name,
    scope,
    eligible: meetings.length,
    volume: {
      counting: one(right(top(countedAll))),
      paper: one(right(top(lateAll))),
      ...(ourVolume && { ours: one(right(ourVolume.meeting)) }),
      chance,
    },
    region: {
      counting: one(right(top(counted))),
      paper: one(right(top(late))),
      ...(ourRegion && { ours: one(right(ourRegion.meeting)) }),
      chance,
    },
    localized: {
      counting: one(localised(top(counted))),
      paper: one(localised(top(late))),
      ...(ourRegion && {
        ours: one(
          rankedByHit(ourRegion.hit, ourRegion.meeting.other).aligned.some((row) =>
            shows(targets.get(ourRegion.meeting), ourRegion.meeting.other, row),
          ),
        ),
      }),
      position:
        meetings.filter((meeting) =>
          projected(rows, query, meeting.other).some((row) => shows(targets.get(meeting), meeting.other, row)),
        ).length / meetings.length,
      chance,
    },
    slice: {
      ...averaged("counting"),
      ...averaged("ours"),
      ...averaged("position"),
      chance: share(showing, slices),
    },
  }
}

/** Leave-one-subject-out, or the train split where the collection names one. */
export const evaluate = async (
  kernel: Kernel,
  query: Embedded,
  collection: ReadonlyArray<Embedded>,
  labelled: Readonly<Record<Level, ReadonlyMap<string, ReadonlySet<string>>>>,
  answers: Readonly<Record<Level, GatewayAnswers>>,
): Promise<Evaluation> => {
  const others = collection.filter(
    ({ volume }) =>
      volume.subject !== query.volume.subject && (query.volume.split === undefined || volume.split === "train"),
  )
  const meetings = await meet(kernel, query, others)
  const found: { answers: Array<Answered>; pairs: Array<Evaluation["pairs"][number]> } = { answers: [], pairs: [] }
  for (const level of ["coarse", "fine"] as const) {
    for (const structure of query.truth[level]) {
      const rows = rowsOf(structure, query)
      if (rows.length === 0) continue
      const judged = meetings.flatMap((meeting) => {
        const said = verdict(meeting.other, level, structure.name, labelled[level])
        return said === "unknown" ? [] : [{ meeting, target: structureOf(meeting.other.truth, level, structure.name) }]
      })
      for (const scope of ["all", "across"] as const) {
        const eligible = judged.filter(
          ({ meeting }) => scope === "all" || meeting.other.volume.source !== query.volume.source,
        )
        if (!eligible.some(({ target }) => target !== undefined)) continue
        found.answers.push(answerOf(query, level, structure, rows, scope, eligible, answers[level]))
      }
      for (const { meeting, target } of judged) {
        if (target === undefined || rowsOf(target, meeting.other).length === 0) continue
        const hit = answers[level].regions.get(structure.name)?.get(meeting.other.truth.SeriesInstanceUID)
        found.pairs.push({ level, structure: structure.name, ...pairOf(query, rows, meeting, target, hit) })
      }
    }
  }
  return { volume: query.volume.name, subject: query.volume.subject, ...found }
}
