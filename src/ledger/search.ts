// QIDO-RS searches over the ledger (PS3.18 §10.6): studies first, then their series, then their instances.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import type { DicomJson } from "../domain/instance.ts"
import type { Search, SearchPage } from "./Ledger.ts"
import { all, type Condition } from "./matching.ts"
import { type Level, type LevelPlan, type MapFilter, type Plan, planOf } from "./search-plan.ts"
import { makeSearchRows } from "./search-rows.ts"

/** Matches beyond the page that are counted where each has to be looked at. */
const counted = 10_000
/** How many rows are looked at in one go: some milliseconds. */
const turn = { fewest: 4, maps: 200, characters: 2 ** 20, rows: 5000 }

/** Yields between turns; whoever drives it may stop it there. */
type Searching<A> = Generator<undefined, A>

interface Found {
  /** In order. */
  readonly ids: ReadonlyArray<number>
  /** False: there are more. */
  readonly exact: boolean
}

interface Page {
  readonly ids: ReadonlyArray<number>
  /** Of all pages. */
  readonly total: number
  readonly exact: boolean
}

const ids = (of: ReadonlyArray<number>): Condition => ({
  sql: "(SELECT value FROM json_each(?))",
  values: [JSON.stringify(of)],
})

const within = (column: string, of: ReadonlyArray<number>): Condition => {
  const { sql, values } = ids(of)
  return { sql: `${column} IN ${sql}`, values }
}

const asks = ({ conditions, maps }: LevelPlan) => conditions.length > 0 || maps !== undefined

/** Some member has these columns; what is in its map is looked at later. */
const existing = (plan: Plan, level: "study" | "series"): ReadonlyArray<Condition> => {
  const below = [...(level === "study" ? plan.series.conditions : []), ...plan.instance.conditions]
  if (below.length === 0) return []
  const { sql, values } = all(below)
  const instances = plan.instance.conditions.length > 0
  const join = "JOIN instance ON instance.SeriesInstanceUID = series.SeriesInstanceUID"
  const from =
    level === "series"
      ? "instance WHERE instance.SeriesInstanceUID = series.SeriesInstanceUID"
      : `series ${instances ? join : ""} WHERE series.StudyInstanceUID = study.StudyInstanceUID`
  return [{ sql: `EXISTS (SELECT 1 FROM ${from} AND ${sql})`, values }]
}

const pageOf = ({ ids: found, exact }: Found, { offset, limit }: Search): Page => ({
  ids: found.slice(offset, offset + limit),
  total: found.length,
  exact,
})

const ascending = <A extends number | ReadonlyArray<number>>(a: A, b: A): number =>
  typeof a === "number" || typeof b === "number" ? Number(a) - Number(b) : a[0]! - b[0]! || a[1]! - b[1]!

export const makeSearch = (db: DatabaseSync) => {
  const rowsOf = makeSearchRows(db)

  /**
   * Numbers, or rows of them, ascending. One JSON text is far cheaper than a row each, and sorting them here leaves
   * SQLite free to read an index instead of the long rows.
   */
  const list = <A extends number | ReadonlyArray<number>>(
    value: string,
    from: string,
    where: ReadonlyArray<Condition>,
  ): ReadonlyArray<A> => {
    const { sql, values } = all(where)
    const found = db.prepare(`SELECT json_group_array(${value}) AS list FROM ${from} WHERE ${sql}`).get(...values)
    return (JSON.parse(String(found?.["list"])) as Array<A>).sort(ascending)
  }

  /** Those whose attribute maps pass, in their order. */
  const passing = function* (level: Level, from: ReadonlyArray<number>, maps: MapFilter | undefined) {
    if (maps === undefined) return from
    const statement = db.prepare(
      `SELECT ${level}.rowid AS id, ${level}.attributes FROM json_each(?) AS wanted CROSS JOIN ${level} ON ${level}.rowid = wanted.value WHERE ${maps.sql.sql}`,
    )
    const kept: Array<number> = []
    // Maps of enhanced objects are hundreds of kilobytes, others a few: as many as were cheap before.
    let size = turn.fewest
    for (let at = 0; at < from.length;) {
      let read = 0
      for (const row of statement.all(JSON.stringify(from.slice(at, at + size)), ...maps.sql.values)) {
        const text = String(row["attributes"])
        read += text.length
        if (maps.matches(JSON.parse(text) as DicomJson)) kept.push(Number(row["id"]))
      }
      yield
      at += size
      size = Math.min(turn.maps, Math.max(turn.fewest, read > turn.characters ? size / 2 : size * 2))
    }
    return kept
  }

  /** Whether a study or series has a member that passes, down to the lowest level that is asked about. */
  const hasMember = function* (plan: Plan, level: "study" | "series", id: number): Searching<boolean> {
    const below = level === "study" ? "series" : "instance"
    const parent = level === "study" ? "StudyInstanceUID" : "SeriesInstanceUID"
    const own = { sql: `${below}.${parent} = (SELECT ${parent} FROM ${level} WHERE rowid = ${id})`, values: [] }
    const members = list<number>(`${below}.rowid`, below, [own, ...plan[below].conditions])
    const deeper = below === "series" && asks(plan.instance)
    for (let at = 0; at < members.length; at += turn.maps) {
      const kept = yield* passing(below, members.slice(at, at + turn.maps), plan[below].maps)
      if (!deeper && kept.length > 0) return true
      for (const member of deeper ? kept : []) if (yield* hasMember(plan, "series", member)) return true
    }
    return false
  }

  /** The candidates that pass all that is not in columns, until there are more than enough. */
  const filtered = function* (
    plan: Plan,
    level: "study" | "series",
    candidates: ReadonlyArray<number>,
    enough: number,
    below: boolean,
  ): Searching<Found> {
    const deep = below && ((level === "study" && plan.series.maps !== undefined) || plan.instance.maps !== undefined)
    const { maps } = plan[level]
    if (maps === undefined && !deep) return { ids: candidates, exact: true }
    const kept: Array<number> = []
    let at = 0
    for (; at < candidates.length && kept.length <= enough; at += turn.maps) {
      for (const id of yield* passing(level, candidates.slice(at, at + turn.maps), maps)) {
        if (!deep || (yield* hasMember(plan, level, id))) kept.push(id)
      }
    }
    return { ids: kept, exact: at >= candidates.length }
  }

  const studies = function* (plan: Plan, enough: number, below: boolean): Searching<Found> {
    const where = [...plan.study.conditions, ...(below ? existing(plan, "study") : [])]
    return yield* filtered(plan, "study", list<number>("study.rowid", "study", where), enough, below)
  }

  /** The series by columns, of the studies that pass. */
  const seriesList = function* <A extends number | readonly [number, number]>(
    value: string,
    plan: Plan,
    below: boolean,
  ): Searching<ReadonlyArray<A>> {
    const where = [...plan.series.conditions, ...(below ? existing(plan, "series") : [])]
    if (!asks(plan.study)) return list<A>(value, "series", where)
    const passed =
      plan.study.maps === undefined
        ? all(plan.study.conditions)
        : within("study.rowid", (yield* studies(plan, Number.POSITIVE_INFINITY, false)).ids)
    const ofStudies = {
      sql: `series.StudyInstanceUID IN (SELECT study.StudyInstanceUID FROM study WHERE ${passed.sql})`,
      values: passed.values,
    }
    return list<A>(value, "series", [ofStudies, ...where])
  }

  const series = function* (plan: Plan, enough: number): Searching<Found> {
    const candidates = yield* seriesList<number>("series.rowid", plan, true)
    return yield* filtered(plan, "series", candidates, enough, true)
  }

  /** With nothing asked of instances, the series' counts say where a page begins. */
  const countedPage = (sizes: ReadonlyArray<readonly [number, number]>, { offset, limit }: Search): Page => {
    const page: Array<number> = []
    const statement = db.prepare(
      "SELECT receipt FROM instance WHERE SeriesInstanceUID = (SELECT SeriesInstanceUID FROM series WHERE rowid = ?) ORDER BY receipt LIMIT ? OFFSET ?",
    )
    let total = 0
    for (const [id, instances] of sizes) {
      const skip = Math.max(0, offset - total)
      if (skip < instances && page.length < limit) {
        page.push(...statement.all(id, limit - page.length, skip).map((row) => Number(row["receipt"])))
      }
      total += instances
    }
    return { ids: page, total, exact: true }
  }

  const instances = function* (plan: Plan, search: Search, enough: number): Searching<Page> {
    const sizes = yield* seriesList<readonly [number, number]>(
      "json_array(series.rowid, series.instances)",
      plan,
      false,
    )
    const candidates = sizes.map(([id]) => id)
    const passed = new Set((yield* filtered(plan, "series", candidates, Number.POSITIVE_INFINITY, false)).ids)
    const left = sizes.filter(([id]) => passed.has(id))
    if (!asks(plan.instance)) return countedPage(left, search)
    const kept: Array<number> = []
    let at = 0
    while (at < left.length && kept.length <= enough) {
      const batch: Array<number> = []
      for (let rows = 0; at < left.length && rows < turn.rows; at++) {
        const [id, size] = left[at]!
        batch.push(id)
        rows += size
      }
      const { sql, values } = ids(batch)
      const from = `${sql} AS wanted CROSS JOIN series ON series.rowid = wanted.value CROSS JOIN instance ON instance.SeriesInstanceUID = series.SeriesInstanceUID`
      const where = [{ sql: "1", values }, ...plan.instance.conditions]
      const receipts = list<readonly [number, number]>("json_array(series.rowid, instance.receipt)", from, where)
      yield
      for (const id of yield* passing(
        "instance",
        receipts.map(([, receipt]) => receipt),
        plan.instance.maps,
      ))
        kept.push(id)
    }
    return pageOf({ ids: kept, exact: at >= left.length }, search)
  }

  return function* (search: Search, caller: Caller): Searching<SearchPage> {
    const { level, offset, limit } = search
    const plan = planOf(search, caller)
    const enough = offset + limit + counted
    const page =
      level === "instance"
        ? yield* instances(plan, search, enough)
        : pageOf(level === "study" ? yield* studies(plan, enough, true) : yield* series(plan, enough), search)
    return {
      matches: yield* rowsOf(level, page.ids),
      remaining: Math.max(0, page.total - offset - page.ids.length),
      exact: page.exact,
    }
  }
}
