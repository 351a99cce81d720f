// Found rows as attribute maps: what is stored, and what the gateway knows of the whole (PS3.18 tables 10.6.3-3 to -5).
import type { DatabaseSync } from "node:sqlite"
import type { DicomJson } from "../domain/instance.ts"
import type { Row } from "./rows.ts"
import type { Level } from "./search-plan.ts"

const parse = (value: unknown) => JSON.parse(String(value)) as DicomJson
const value = (vr: string, ...Value: ReadonlyArray<unknown>) => (Value.length === 0 ? { vr } : { vr, Value })

const uids = (row: Row): DicomJson => ({
  "0020000D": value("UI", row["StudyInstanceUID"]),
  "0020000E": value("UI", row["SeriesInstanceUID"]),
})

/** Maps that are read at once: a few milliseconds each at most. */
const turnRows = 8

const sources = {
  study:
    "SELECT study.rowid AS id, study.StudyInstanceUID, study.attributes AS study_attributes FROM json_each(?) AS wanted CROSS JOIN study ON study.rowid = wanted.value",
  series:
    "SELECT series.StudyInstanceUID, series.SeriesInstanceUID, series.attributes AS series_attributes, series.instances, study.attributes AS study_attributes FROM json_each(?) AS wanted CROSS JOIN series ON series.rowid = wanted.value CROSS JOIN study ON study.StudyInstanceUID = series.StudyInstanceUID",
  instance:
    "SELECT instance.StudyInstanceUID, instance.SeriesInstanceUID, instance.attributes, series.instances FROM json_each(?) AS wanted CROSS JOIN instance ON instance.receipt = wanted.value CROSS JOIN series ON series.SeriesInstanceUID = instance.SeriesInstanceUID",
} as const

export const makeSearchRows = (db: DatabaseSync) => {
  const members = db.prepare("SELECT Modality, instances FROM series WHERE StudyInstanceUID = ? ORDER BY rowid")
  const select = {
    study: db.prepare(sources.study),
    series: db.prepare(sources.series),
    instance: db.prepare(sources.instance),
  }

  const wholeStudy = (uid: string): DicomJson => {
    const series = members.all(uid)
    const modalities = new Set(series.map((row) => String(row["Modality"] ?? "")).filter((modality) => modality !== ""))
    return {
      "00080061": value("CS", ...modalities),
      "00201206": value("IS", series.length),
      "00201208": value(
        "IS",
        series.reduce((sum, row) => sum + Number(row["instances"]), 0),
      ),
    }
  }

  /** Rows of one study come along many at a time: its counts are looked up once. */
  const studies = () => {
    const known = new Map<string, DicomJson>()
    return (row: Row): DicomJson => {
      const uid = String(row["StudyInstanceUID"])
      const found = known.get(uid) ?? wholeStudy(uid)
      known.set(uid, found)
      return found
    }
  }

  const wholeRow = (level: Level, row: Row, ofStudy: DicomJson): DicomJson => ({
    ...(level === "instance" ? parse(row["attributes"]) : parse(row["study_attributes"])),
    ...(level === "series" ? parse(row["series_attributes"]) : {}),
    ...(level === "study" ? {} : { ...uids(row), "00201209": value("IS", Number(row["instances"])) }),
    ...ofStudy,
    "00080056": value("CS", "ONLINE"),
  })

  /** The attribute maps of rowids, in their order; yields between turns. */
  return function* (level: Level, ids: ReadonlyArray<number>): Generator<undefined, ReadonlyArray<DicomJson>> {
    const studyOf = studies()
    const rows: Array<DicomJson> = []
    for (let at = 0; at < ids.length; at += turnRows) {
      for (const row of select[level].all(JSON.stringify(ids.slice(at, at + turnRows)))) {
        rows.push(wholeRow(level, row, studyOf(row)))
      }
      yield
    }
    return rows
  }
}
