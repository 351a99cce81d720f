// QIDO-RS searches over the ledger (PS3.18 §10.6), as attribute maps in a stable order.
import type { DatabaseSync } from "node:sqlite"
import type { Caller } from "../domain/caller.ts"
import type { DicomJson } from "../domain/instance.ts"
import { columns, seriesTags, studyTags } from "./attributes.ts"
import type { Search } from "./Ledger.ts"
import { type Condition, jsonCondition, valueCondition } from "./matching.ts"
import { type Row, visibleCondition } from "./rows.ts"

const isTag = /^[0-9A-F]{8}(\.[0-9A-F]{8})?$/

const tables = {
  study: "study",
  series: "series JOIN study USING (StudyInstanceUID)",
  instance:
    "instance JOIN series ON series.SeriesInstanceUID = instance.SeriesInstanceUID JOIN study ON study.StudyInstanceUID = instance.StudyInstanceUID",
} as const

/** First come, first listed; rowid of a study is its first instance's turn. */
const order = { study: "study.rowid", series: "series.rowid", instance: "instance.receipt" } as const

const levels = ["study", "series", "instance"] as const

/** An attribute of a lower level holds for a study or series when one of its members has it. */
const below = (level: Search["level"], condition: Condition, table: "series" | "instance"): Condition => {
  const from =
    table === "series"
      ? "series WHERE series.StudyInstanceUID = study.StudyInstanceUID"
      : level === "study"
        ? "instance WHERE instance.StudyInstanceUID = study.StudyInstanceUID"
        : "instance WHERE instance.SeriesInstanceUID = series.SeriesInstanceUID"
  return { sql: `EXISTS (SELECT 1 FROM ${from} AND ${condition.sql})`, values: condition.values }
}

const tableOf = (tag: string) => {
  const top = tag.slice(0, 8)
  return studyTags.has(top) ? "study" : seriesTags.has(top) ? "series" : "instance"
}

const matchCondition = (level: Search["level"], { tag, vr, value }: Search["match"][number]): Condition => {
  if (!isTag.test(tag)) return { sql: "0", values: [] }
  if (tag === "00080061") {
    // ModalitiesInStudy: any of the study's series.
    const { sql, values } = valueCondition("inner_series.Modality", "CS", value)
    return {
      sql: `EXISTS (SELECT 1 FROM series AS inner_series WHERE inner_series.StudyInstanceUID = study.StudyInstanceUID AND ${sql})`,
      values,
    }
  }
  const column = columns[tag]
  const table = column?.table ?? tableOf(tag)
  const condition =
    column === undefined
      ? jsonCondition(`${table}.attributes`, tag, vr, value)
      : valueCondition(`${column.table}.${column.name}`, vr, value)
  return levels.indexOf(table) > levels.indexOf(level) && table !== "study" ? below(level, condition, table) : condition
}

const ofScope = (search: Search): ReadonlyArray<Condition> =>
  (
    [
      [`${search.level}.StudyInstanceUID = ?`, search.StudyInstanceUID],
      [`${search.level}.SeriesInstanceUID = ?`, search.SeriesInstanceUID],
      [`${search.level}.SOPInstanceUID = ?`, search.SOPInstanceUID],
    ] as const
  ).flatMap(([sql, uid]) => (uid === undefined ? [] : [{ sql, values: [uid] }]))

const parse = (value: unknown) => JSON.parse(String(value)) as DicomJson
const value = (vr: string, ...Value: ReadonlyArray<unknown>) => ({ vr, Value })

export const makeSearch = (db: DatabaseSync) => {
  const studyCounts = db.prepare(
    "SELECT count(*) AS series, sum(instances) AS instances, json_group_array(DISTINCT Modality) AS modalities FROM series WHERE StudyInstanceUID = ?",
  )
  const studyOf = (row: Row): DicomJson => {
    const counts = studyCounts.get(String(row["StudyInstanceUID"]))
    return {
      ...parse(row["study_attributes"]),
      "00080056": value("CS", "ONLINE"),
      "00080061": value(
        "CS",
        ...(JSON.parse(String(counts?.["modalities"] ?? "[]")) as ReadonlyArray<string>).filter(Boolean),
      ),
      "00201206": value("IS", Number(counts?.["series"] ?? 0)),
      "00201208": value("IS", Number(counts?.["instances"] ?? 0)),
    }
  }
  const seriesOf = (row: Row): DicomJson => ({
    ...parse(row["series_attributes"]),
    "0020000D": value("UI", row["StudyInstanceUID"]),
    "00201209": value("IS", Number(row["instances"])),
  })
  const select = {
    study: "study.StudyInstanceUID, study.attributes AS study_attributes",
    series:
      "series.StudyInstanceUID, series.attributes AS series_attributes, series.instances, study.attributes AS study_attributes",
    instance: "instance.attributes, series.instances",
  } as const
  const answer = {
    study: studyOf,
    // The study's attributes come along, so that /series alone tells whose it is.
    series: (row: Row): DicomJson => ({ ...parse(row["study_attributes"]), ...seriesOf(row) }),
    instance: (row: Row): DicomJson => parse(row["attributes"]),
  } as const

  return (search: Search, caller: Caller): ReadonlyArray<DicomJson> => {
    const { level, match, limit, offset } = search
    const conditions = [
      visibleCondition(caller, level),
      ...ofScope(search),
      ...match.map((one) => matchCondition(level, one)),
    ]
    const where = conditions.map(({ sql }) => `(${sql})`).join(" AND ") || "1"
    return db
      .prepare(`SELECT ${select[level]} FROM ${tables[level]} WHERE ${where} ORDER BY ${order[level]} LIMIT ? OFFSET ?`)
      .all(...conditions.flatMap(({ values }) => values), limit, offset)
      .map(answer[level])
  }
}
