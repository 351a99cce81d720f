// One query volume against all others: counting, the paper's re-ranking and the baselines, from one matrix of cosines each.
import type { Hit } from "../domain/hit.ts"
import type { Kernel } from "../rerank/kernel.ts"
import { structureOf, verdict, type Level } from "./eligible.ts"
import type { Embedded } from "./embedded.ts"
import { boxOverlap, interval, intervalOverlap } from "../domain/overlap.ts"
import type { Structure } from "./truth.ts"

/** Contributing slices that are judged (arXiv 2405.09334, localization ratio). */
export const contributing = 15

export const methods = ["counting", "paper", "ours"] as const
export type Method = (typeof methods)[number]
/** 1 or 0 per method, or a share; absent where a method gave no answer to judge. */
export type Judged = Partial<Record<Method | "position" | "chance" | "ceiling" | "slab", number>>

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

/** Cosines of one pair of volumes, and per query row its best. */
interface Meeting {
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

const shows = (structure: Structure | undefined, embedded: Embedded, row: number) =>
  structure?.planes.has(embedded.planes[row]!) === true

const share = (of: number, all: number) => (all === 0 ? 0 : of / all)

/** At most so many of them, spread evenly, ends included. */
export const spread = (values: ReadonlyArray<number>, most: number): ReadonlyArray<number> =>
  values.length <= most
    ? values
    : Array.from({ length: most }, (_, n) => values[Math.round((n * (values.length - 1)) / (most - 1))]!)

/** Slices of a region that are asked one by one. */
export const askedSlices = 5

/** Votes per meeting: each row gives one to the volume of its nearest slice. Best first; ties by the sum of cosines. */
const count = (rows: ReadonlyArray<number>, meetings: ReadonlyArray<Meeting>) => {
  const votes = meetings.map((meeting) => ({ meeting, votes: 0, sum: 0 }))
  for (const i of rows) {
    const nearest = votes.reduce((a, b) => (b.meeting.best[i]! > a.meeting.best[i]! ? b : a))
    nearest.votes++
    nearest.sum += nearest.meeting.best[i]!
  }
  return votes.sort((a, b) => b.votes - a.votes || b.sum - a.sum)
}

/** Σ max cos over all volumes, not only those that got a vote: the paper's re-ranking at its best. */
const lateInteraction = (rows: ReadonlyArray<number>, meetings: ReadonlyArray<Meeting>) =>
  meetings
    .map((meeting) => ({ meeting, sum: rows.reduce((sum, i) => sum + meeting.best[i]!, 0) }))
    .sort((a, b) => b.sum - a.sum)

/** The slices of a volume that rows met, the best first. */
const contributed = (rows: ReadonlyArray<number>, { best, at }: Meeting) => {
  const scores = new Map<number, number>()
  for (const i of rows) scores.set(at[i]!, Math.max(scores.get(at[i]!) ?? -2, best[i]!))
  return [...scores].sort((a, b) => b[1] - a[1]).map(([row]) => row)
}

/** All slices of a volume by their best cosine to a row. */
const ranked = (rows: ReadonlyArray<number>, { other, cosines, best }: Meeting) =>
  Array.from(other.planes, (_, j) => ({
    j,
    cosine: rows.reduce((most, i) => Math.max(most, cosines[j * best.length + i]!), -2),
  }))
    .sort((a, b) => b.cosine - a.cosine)
    .map(({ j }) => j)

/** The hit's slices by their cosine, then its other slices, then the nearest outside its range. */
const rankedByHit = (hit: Hit, { indices }: Embedded) => {
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

const rangeOf = (rows: ReadonlyArray<number>, { positions }: Embedded, half: number) => {
  const at = rows.map((row) => positions[row]!)
  return interval(Math.min(...at) - half, Math.max(...at) + half)
}

/** mm that one slice stands for: half of it lies on either side. */
const halfSlice = ({ positions }: Embedded) => {
  const gaps = Array.from(positions.subarray(1), (mm, n) => mm - positions[n]!).sort((a, b) => a - b)
  return (gaps[gaps.length >> 1] ?? 1) / 2
}

const rowsOf = (structure: Structure, embedded: Embedded) =>
  Array.from(embedded.planes, (_, row) => row).filter((row) => shows(structure, embedded, row))

/** The rows at the same relative height. */
const projected = (rows: ReadonlyArray<number>, query: Embedded, other: Embedded) => {
  const scale = (other.planes.length - 1) / Math.max(1, query.planes.length - 1)
  const [a, b] = [Math.round(rows[0]! * scale), Math.round(rows.at(-1)! * scale)]
  return Array.from({ length: b - a + 1 }, (_, n) => a + n)
}

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

  const asked = spread(rows, askedSlices)
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
