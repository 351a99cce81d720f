// Search transaction (PS3.18 §11.9): matching by the same rules as QIDO-RS, and the attributes that come back.
import type { DatabaseSync } from "node:sqlite"
import { parseQuery, type QidoQuery } from "../dicomweb/query.ts"
import type { DicomJson } from "../domain/instance.ts"
import { type Condition, jsonCondition, valueCondition } from "../ledger/matching.ts"
import { element, tags } from "./tags.ts"
import { visibleTo } from "./visibility.ts"

export type WorkitemQuery = QidoQuery

const limits = { defaultLimit: 1000, maxLimit: 5000 }

/** Return Key Types 1 and 2 of PS3.4 table CC.2.5-3, with the VR of those that may be empty; 1C where the item has them. */
const returned: ReadonlyArray<readonly [tag: string, vr?: string]> = [
  [tags.SpecificCharacterSet],
  [tags.SOPClassUID],
  [tags.SOPInstanceUID],
  [tags.AdmittingDiagnosesDescription, "LO"],
  [tags.AdmittingDiagnosesCodeSequence, "SQ"],
  [tags.PatientName, "PN"],
  [tags.PatientID, "LO"],
  [tags.IssuerOfPatientID, "LO"],
  [tags.IssuerOfPatientIDQualifiersSequence, "SQ"],
  [tags.OtherPatientIDsSequence, "SQ"],
  [tags.PatientBirthDate, "DA"],
  [tags.PatientSex, "CS"],
  [tags.StudyInstanceUID, "UI"],
  [tags.AdmissionID, "LO"],
  [tags.IssuerOfAdmissionIDSequence, "SQ"],
  [tags.ScheduledProcedureStepStartDateTime],
  [tags.ScheduledProcedureStepModificationDateTime],
  [tags.ExpectedCompletionDateTime],
  [tags.ScheduledWorkitemCodeSequence, "SQ"],
  [tags.InputInformationSequence, "SQ"],
  [tags.ScheduledStationNameCodeSequence, "SQ"],
  [tags.ScheduledStationClassCodeSequence, "SQ"],
  [tags.ScheduledStationGeographicLocationCodeSequence, "SQ"],
  [tags.ScheduledHumanPerformersSequence],
  [tags.InputReadinessState],
  [tags.ReferencedRequestSequence, "SQ"],
  [tags.ProcedureStepState],
  [tags.ProcedureStepProgressInformationSequence, "SQ"],
  [tags.ScheduledProcedureStepPriority],
  [tags.WorklistLabel],
  [tags.ProcedureStepLabel],
  [tags.ScheduledProcessingParametersSequence, "SQ"],
  [tags.ReplacedProcedureStepSequence],
]
const returnedTags = new Set(returned.map(([tag]) => tag))

/** The query, or a sentence that names the parameter at fault. The Transaction UID is no key: it would be told by guessing. */
export const parseWorkitemQuery = (parameters: URLSearchParams): WorkitemQuery | string => {
  const query = parseQuery(parameters, "study", { study: true, series: true }, limits)
  if (typeof query === "string") return query
  return query.match.some(({ tag }) => tag.startsWith(tags.TransactionUID))
    ? "bad query parameter TransactionUID: it cannot be searched for"
    : query
}

export const matchCondition = ({ tag, vr, value }: WorkitemQuery["match"][number]): Condition => {
  if (tag === tags.ProcedureStepState) return valueCondition("workitem.ProcedureStepState", "CS", value)
  if (tag === tags.SOPInstanceUID) return valueCondition("workitem.SOPInstanceUID", "UI", value)
  return jsonCondition("workitem.attributes", tag, vr, value)
}

/** All of several conditions. */
export const allOf = (conditions: ReadonlyArray<Condition>): Condition => ({
  sql: conditions.map(({ sql }) => `(${sql})`).join(" AND ") || "1",
  values: conditions.flatMap(({ values }) => values),
})

const projected = (item: DicomJson, fields: WorkitemQuery["fields"]): DicomJson => {
  const kept = Object.keys(item).filter((tag) => fields === "all" || fields.has(tag) || returnedTags.has(tag))
  const empty = returned.flatMap(([tag, vr]) =>
    vr === undefined || item[tag] !== undefined ? [] : [[tag, element(vr)] as const],
  )
  const pairs = [...kept.map((tag) => [tag, item[tag]!] as const), ...empty]
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export const makeSearch =
  (db: DatabaseSync) =>
  (query: WorkitemQuery, view: string): ReadonlyArray<DicomJson> => {
    if (query.limit === 0) return []
    const { sql, values } = allOf([visibleTo(view), ...query.match.map(matchCondition)])
    return db
      .prepare(`SELECT attributes FROM workitem WHERE ${sql} ORDER BY sequence LIMIT ? OFFSET ?`)
      .all(...values, query.limit, query.offset)
      .map((row) => projected(JSON.parse(String(row["attributes"])) as DicomJson, query.fields))
  }
