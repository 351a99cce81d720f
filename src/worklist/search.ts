// Search transaction (PS3.18 §11.9): matching by the same rules as QIDO-RS, and the attributes that come back.
import type { DatabaseSync } from "node:sqlite"
import { parametersOf } from "../dicomweb/parameters.ts"
import { parseQuery, type QidoQuery } from "../dicomweb/query.ts"
import { project } from "../dicomweb/return-fields.ts"
import type { DicomJson } from "../domain/instance.ts"
import { all, type Condition, isOneOf, type Key, mapMatcher, textCondition } from "../ledger/matching.ts"
import { tags } from "./tags.ts"
import { visibleTo } from "./visibility.ts"

export type WorkitemQuery = QidoQuery

const limits = { defaultLimit: 1000, maxLimit: 5000 }

/** Return Key Types 1 and 2 of PS3.4 table CC.2.5-3, with the VR of those that may be empty; 1C where the item has them. */
const returned: ReadonlyArray<readonly [tag: string, vr: string | undefined]> = [
  [tags.SpecificCharacterSet, undefined],
  [tags.SOPClassUID, undefined],
  [tags.SOPInstanceUID, undefined],
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
  [tags.ScheduledProcedureStepStartDateTime, undefined],
  [tags.ScheduledProcedureStepModificationDateTime, undefined],
  [tags.ExpectedCompletionDateTime, undefined],
  [tags.ScheduledWorkitemCodeSequence, "SQ"],
  [tags.InputInformationSequence, "SQ"],
  [tags.ScheduledStationNameCodeSequence, "SQ"],
  [tags.ScheduledStationClassCodeSequence, "SQ"],
  [tags.ScheduledStationGeographicLocationCodeSequence, "SQ"],
  [tags.ScheduledHumanPerformersSequence, undefined],
  [tags.InputReadinessState, undefined],
  [tags.ReferencedRequestSequence, "SQ"],
  [tags.ProcedureStepState, undefined],
  [tags.ProcedureStepProgressInformationSequence, "SQ"],
  [tags.ScheduledProcedureStepPriority, undefined],
  [tags.WorklistLabel, undefined],
  [tags.ProcedureStepLabel, undefined],
  [tags.ScheduledProcessingParametersSequence, "SQ"],
  [tags.ReplacedProcedureStepSequence, undefined],
]

/** The query, or a sentence that names the parameter at fault. The Transaction UID is no key: it would be told by guessing. */
export const parseWorkitemQuery = (url: string): WorkitemQuery | string => {
  const given = parametersOf(url)
  if (typeof given === "string") return given
  const query = parseQuery(given, "study", { study: true, series: true }, limits)
  if (typeof query === "string") return query
  return query.match.some(({ tag }) => tag.startsWith(tags.TransactionUID))
    ? "bad query parameter TransactionUID: it cannot be searched for"
    : query
}

const columns: Readonly<Record<string, string>> = {
  [tags.ProcedureStepState]: "workitem.ProcedureStepState",
  [tags.SOPInstanceUID]: "workitem.SOPInstanceUID",
}

/** What rules out most items before their attributes are read. */
const narrowing = (key: Key): ReadonlyArray<Condition> => {
  const column = columns[key.tag]
  const values = key.tests.flatMap((test) => (test.kind === "equals" ? test.values : []))
  if (column !== undefined && key.tests.every(({ kind }) => kind === "equals")) return [isOneOf(column, values)]
  return key.tag.includes(".") ? [] : textCondition("workitem.attributes", key)
}

/** Items read between two turns of whoever shares the thread. */
const batch = 200
/** Counted beyond the page, for the answer's warning. */
const countedBeyond = 1000

export interface WorkitemPage {
  readonly matches: ReadonlyArray<DicomJson>
  /** Matches behind the page, as far as they were counted. */
  readonly remaining: number
}

/** Also known to QIDO-RS: answered where the item has it. */
const whereKnown = (tag: string): readonly [string, string | undefined] => [tag, undefined]

/** To be driven turn by turn. */
export const makeSearch = (db: DatabaseSync) =>
  function* (query: WorkitemQuery, view: string): Generator<undefined, WorkitemPage> {
    const { sql, values } = all([visibleTo(view), ...query.match.flatMap(narrowing)])
    const page = db.prepare(
      `SELECT sequence, attributes FROM workitem WHERE sequence > ? AND ${sql} ORDER BY sequence LIMIT ?`,
    )
    const isMatch = mapMatcher(query.match)
    const fields = { ...query.fields, whole: new Map([...query.fields.whole.keys()].map(whereKnown).concat(returned)) }
    const end = query.offset + query.limit
    const matches: Array<DicomJson> = []
    let found = 0
    for (let last = 0; ;) {
      const rows = page.all(last, ...values, batch)
      for (const row of rows) {
        last = Number(row["sequence"])
        const attributes = JSON.parse(String(row["attributes"])) as DicomJson
        if (!isMatch(attributes)) continue
        if (found >= query.offset && found < end) matches.push(project(attributes, fields))
        found++
      }
      if (rows.length < batch || found >= end + countedBeyond) break
      yield undefined
    }
    return { matches, remaining: Math.max(0, found - end) }
  }
