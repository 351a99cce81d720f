// What a search asks of studies, series and instances, each as SQL over columns and as a test of attribute maps.
import type { Caller } from "../domain/caller.ts"
import type { DicomJson } from "../domain/instance.ts"
import { type Column, columns, seriesTags, studyTags } from "./attributes.ts"
import type { Search } from "./Ledger.ts"
import {
  all,
  columnCondition,
  type Condition,
  isOneOf,
  type Key,
  mapMatcher,
  momentCondition,
  nameCondition,
  textCondition,
} from "./matching.ts"

export type Level = Search["level"]

/** Attributes that are not in a column: maps that pass `sql` as text must still pass `matches`. */
export interface MapFilter {
  readonly sql: Condition
  readonly matches: (map: DicomJson) => boolean
}

export interface LevelPlan {
  readonly conditions: ReadonlyArray<Condition>
  readonly maps?: MapFilter
}

export type Plan = Readonly<Record<Level, LevelPlan>>

/** Attributes that no object has: the gateway knows them (PS3.4 §C.3.4). */
const derived: Readonly<Record<string, readonly [Level, string]>> = {
  "00080056": ["study", "'ONLINE'"],
  "00201206": [
    "study",
    "CAST((SELECT count(*) FROM series AS counted WHERE counted.StudyInstanceUID = study.StudyInstanceUID) AS TEXT)",
  ],
  "00201208": [
    "study",
    "CAST((SELECT sum(instances) FROM series AS counted WHERE counted.StudyInstanceUID = study.StudyInstanceUID) AS TEXT)",
  ],
  "00201209": ["series", "CAST(series.instances AS TEXT)"],
}

const inStudy = (from: string, { sql, values }: Condition): Condition => ({
  sql: `EXISTS (SELECT 1 FROM ${from} WHERE member.StudyInstanceUID = study.StudyInstanceUID AND (${sql}))`,
  values,
})

/** Lists over what a study holds: any of it. */
const collected: Readonly<Record<string, (tests: Key["tests"]) => Condition>> = {
  "00080061": (tests) => inStudy("series AS member", columnCondition("member.Modality", tests)),
  "00080062": (tests) =>
    inStudy("series AS member JOIN instance USING (SeriesInstanceUID)", columnCondition("instance.SOPClassUID", tests)),
}

const nameOf = ({ table, name }: Column) => `${table}.${name}`

const columnOf = (key: Key): readonly [Level, Condition] | undefined => {
  const { tag, tests, time } = key
  const gathered = collected[tag]
  if (gathered !== undefined) return ["study", gathered(tests)]
  const known = derived[tag]
  if (known !== undefined) return [known[0], columnCondition(known[1], tests)]
  const column = columns[tag]
  if (column === undefined) return undefined
  if (time !== undefined) {
    const second = columns[time]
    return second === undefined ? undefined : [column.table, momentCondition(nameOf(column), nameOf(second), tests)]
  }
  return [column.table, (column.vr === "PN" ? nameCondition : columnCondition)(nameOf(column), tests)]
}

const levelOf = (tag: string): Level => {
  const top = tag.slice(0, 8)
  return studyTags.has(top) ? "study" : seriesTags.has(top) ? "series" : "instance"
}

const mapsOf = (keys: ReadonlyArray<Key>, level: Level): MapFilter | undefined => {
  const own = keys.filter((key) => columnOf(key) === undefined && levelOf(key.tag) === level)
  return own.length === 0
    ? undefined
    : {
        sql: all(own.flatMap((key) => textCondition(`${level}.attributes`, key))),
        matches: mapMatcher(own),
      }
}

/** UIDs of a lower level lead to the higher one by its index. */
const narrowed = (keys: ReadonlyArray<Key>): Record<"study" | "series", ReadonlyArray<Condition>> => {
  const of = (tag: string) =>
    keys.flatMap((key) =>
      key.tag === tag ? key.tests.flatMap((test) => (test.kind === "equals" ? test.values : [])) : [],
    )
  const within = (wanted: string, from: "series" | "instance", uid: string, values: ReadonlyArray<string>) => {
    if (values.length === 0) return []
    const found = isOneOf(`${from}.${uid}`, values)
    const column = wanted.split(".")[1]
    return [{ sql: `${wanted} IN (SELECT ${column} FROM ${from} WHERE ${found.sql})`, values: found.values }]
  }
  return {
    study: [
      ...within("study.StudyInstanceUID", "series", "SeriesInstanceUID", of("0020000E")),
      ...within("study.StudyInstanceUID", "instance", "SOPInstanceUID", of("00080018")),
    ],
    series: within("series.SeriesInstanceUID", "instance", "SOPInstanceUID", of("00080018")),
  }
}

const equal = (tag: string, uid: string | undefined): ReadonlyArray<Key> =>
  uid === undefined ? [] : [{ tag, vr: "UI", tests: [{ kind: "equals", values: [uid] }] }]

/** `+`: not by the index of origins, where another leads to fewer rows. */
const visible = ({ origins }: Caller, others: boolean): ReadonlyArray<Condition> =>
  origins === "all" ? [] : [isOneOf(others ? "+study.origin" : "study.origin", [...origins])]

export const planOf = (search: Search, caller: Caller): Plan => {
  const keys = [
    ...equal("0020000D", search.StudyInstanceUID),
    ...equal("0020000E", search.SeriesInstanceUID),
    ...equal("00080018", search.SOPInstanceUID),
    ...search.match,
  ]
  const found = keys.flatMap((key) => {
    const column = columnOf(key)
    return column === undefined ? [] : [column]
  })
  const own = (level: Level) => found.flatMap(([table, condition]) => (table === level ? [condition] : []))
  const above = narrowed(keys)
  const conditions = {
    study: [...own("study"), ...above.study],
    series: [...own("series"), ...above.series],
    instance: own("instance"),
  }
  const plan = (level: Level, more: ReadonlyArray<Condition> = []): LevelPlan => {
    const maps = mapsOf(keys, level)
    return { conditions: [...conditions[level], ...more], ...(maps === undefined ? {} : { maps }) }
  }
  return {
    study: plan("study", visible(caller, conditions.study.length > 0)),
    series: plan("series"),
    instance: plan("instance"),
  }
}
