// What a data set must and must not hold to create or change a work item, and to finish it (PS3.4 table CC.2.5-3).
import type { DicomJson } from "../domain/instance.ts"
import { code, dateTime, element, hasValue, itemsOf, named, tags, textOf, upsPush } from "./tags.ts"

/** Type 1 at N-CREATE: refused without a value. */
const required = [
  tags.ScheduledProcedureStepPriority,
  tags.ProcedureStepLabel,
  tags.ScheduledProcedureStepStartDateTime,
  tags.InputReadinessState,
  tags.ProcedureStepState,
]

/** Type 2 at N-CREATE: clients leave them out, so what is missing is added empty, and the answer says so. */
const supplied: ReadonlyArray<readonly [tag: string, vr: string]> = [
  [tags.WorklistLabel, "LO"],
  [tags.ScheduledProcessingParametersSequence, "SQ"],
  [tags.ScheduledStationNameCodeSequence, "SQ"],
  [tags.ScheduledStationClassCodeSequence, "SQ"],
  [tags.ScheduledStationGeographicLocationCodeSequence, "SQ"],
  [tags.ScheduledWorkitemCodeSequence, "SQ"],
  [tags.InputInformationSequence, "SQ"],
  [tags.PatientName, "PN"],
  [tags.PatientID, "LO"],
  [tags.IssuerOfPatientID, "LO"],
  [tags.IssuerOfPatientIDQualifiersSequence, "SQ"],
  [tags.OtherPatientIDsSequence, "SQ"],
  [tags.PatientBirthDate, "DA"],
  [tags.PatientSex, "CS"],
  [tags.AdmissionID, "LO"],
  [tags.IssuerOfAdmissionIDSequence, "SQ"],
  [tags.AdmittingDiagnosesDescription, "LO"],
  [tags.AdmittingDiagnosesCodeSequence, "SQ"],
  [tags.ReferencedRequestSequence, "SQ"],
  [tags.ProcedureStepProgressInformationSequence, "SQ"],
  [tags.UnifiedProcedureStepPerformedProcedureSequence, "SQ"],
]

/** "Shall be created empty." */
const createdEmpty = [
  tags.TransactionUID,
  tags.ProcedureStepProgressInformationSequence,
  tags.UnifiedProcedureStepPerformedProcedureSequence,
]

/** "Not allowed" at N-SET. */
const fixed = [
  tags.SOPClassUID,
  tags.SOPInstanceUID,
  tags.ProcedureStepState,
  tags.PatientName,
  tags.PatientID,
  tags.PatientBirthDate,
  tags.PatientSex,
  tags.AdmissionID,
  tags.IssuerOfAdmissionIDSequence,
  tags.AdmittingDiagnosesDescription,
  tags.AdmittingDiagnosesCodeSequence,
  tags.ReferencedRequestSequence,
  tags.ReplacedProcedureStepSequence,
]

/** Enumerated values. */
const allowed: ReadonlyArray<readonly [tag: string, values: ReadonlyArray<string>]> = [
  [tags.ScheduledProcedureStepPriority, ["HIGH", "MEDIUM", "LOW"]],
  [tags.InputReadinessState, ["READY", "UNAVAILABLE", "INCOMPLETE"]],
]

/** Sequences of codes, and sequences whose items hold one: an item must be a code (PS3.4 table CC.2.5-2a). */
const codeSequences: ReadonlyArray<string> = [
  tags.ScheduledStationNameCodeSequence,
  tags.ScheduledStationClassCodeSequence,
  tags.ScheduledStationGeographicLocationCodeSequence,
  tags.ScheduledWorkitemCodeSequence,
]

const isCode = (item: DicomJson) =>
  [tags.CodeValue, tags.LongCodeValue, tags.URNCodeValue].some((tag) => hasValue(item, tag)) &&
  hasValue(item, tags.CodeMeaning)

const malformed = (attributes: DicomJson): string | undefined => {
  for (const [tag, values] of allowed) {
    const value = textOf(attributes, tag)
    if (attributes[tag] !== undefined && !values.includes(value)) {
      return `${named(tag)} must be one of ${values.join(", ")}`
    }
  }
  for (const tag of codeSequences) {
    const items = attributes[tag]?.Value ?? []
    if (itemsOf(attributes, tag).length !== items.length || !itemsOf(attributes, tag).every(isCode)) {
      return `${named(tag)} holds an item that is not a code with its value and meaning`
    }
  }
  return undefined
}

/** Why this cannot become a work item; undefined when it can. */
export const createProblem = (attributes: DicomJson): string | undefined => {
  const missing = required.find((tag) => !hasValue(attributes, tag))
  if (missing !== undefined) return `${named(missing)} is missing`
  const state = textOf(attributes, tags.ProcedureStepState)
  if (state !== "SCHEDULED") return `${named(tags.ProcedureStepState)} must be SCHEDULED in a new work item`
  const early = createdEmpty.find((tag) => (attributes[tag]?.Value?.length ?? 0) > 0)
  if (early !== undefined) return `${named(early)} must be empty in a new work item`
  const sopClass = textOf(attributes, tags.SOPClassUID)
  if (sopClass !== "" && sopClass !== upsPush) return `${named(tags.SOPClassUID)} must be ${upsPush}`
  return malformed(attributes)
}

/** A new item as it is kept, and whether anything was added to what the client sent. */
export const asCreated = (attributes: DicomJson, uid: string, now: number) => {
  const added = supplied.filter(([tag]) => attributes[tag] === undefined)
  const { [tags.TransactionUID]: _, ...rest } = attributes
  const item: DicomJson = {
    ...Object.fromEntries(added.map(([tag, vr]) => [tag, element(vr)])),
    ...rest,
    // Type 2/1: the provider gives it a value.
    ...(hasValue(attributes, tags.WorklistLabel) ? {} : { [tags.WorklistLabel]: element("LO", "Default") }),
    [tags.SpecificCharacterSet]: element("CS", "ISO_IR 192"),
    [tags.SOPClassUID]: element("UI", upsPush),
    [tags.SOPInstanceUID]: element("UI", uid),
    [tags.ScheduledProcedureStepModificationDateTime]: element("DT", dateTime(now)),
  }
  return { item, modified: added.length > 0 || !hasValue(attributes, tags.WorklistLabel) }
}

/** Why these changes are refused; undefined when they are not. */
export const updateProblem = (changes: DicomJson): string | undefined => {
  const forbidden = fixed.find((tag) => changes[tag] !== undefined)
  if (forbidden !== undefined) return `${named(forbidden)} cannot be changed`
  const emptied = required.find((tag) => changes[tag] !== undefined && !hasValue(changes, tag))
  if (emptied !== undefined) return `${named(emptied)} cannot be emptied`
  return malformed(changes)
}

export const asUpdated = (item: DicomJson, changes: DicomJson, now: number): DicomJson => {
  const { [tags.TransactionUID]: _, ...rest } = changes
  return {
    ...item,
    ...rest,
    [tags.SpecificCharacterSet]: element("CS", "ISO_IR 192"),
    [tags.ScheduledProcedureStepModificationDateTime]: element("DT", dateTime(now)),
  }
}

/** Final state code P: must have a value before COMPLETED. The output sequence may have no items. */
const performed = [
  tags.PerformedStationNameCodeSequence,
  tags.PerformedProcedureStepStartDateTime,
  tags.PerformedWorkitemCodeSequence,
  tags.PerformedProcedureStepEndDateTime,
]

/** The attribute that keeps the item from being COMPLETED (PS3.4 §CC.2.5.1.1). */
export const completionProblem = (item: DicomJson): string | undefined => {
  const sequence = tags.UnifiedProcedureStepPerformedProcedureSequence
  const [first] = itemsOf(item, sequence)
  if (first === undefined) return `${named(sequence)} is missing`
  const missing = performed.find((tag) => !hasValue(first, tag))
  return missing === undefined ? undefined : `${named(missing)} is missing in ${named(sequence)}`
}

const unspecified = code("110513", "DCM", "Discontinued for unspecified reason")

/** Final state code X: what CANCELED needs and the performer did not say is filled in, as the table asks of the provider. */
export const asCanceled = (item: DicomJson, reason: DicomJson, now: number): DicomJson => {
  const sequence = tags.ProcedureStepProgressInformationSequence
  const discontinuation = tags.ProcedureStepDiscontinuationReasonCodeSequence
  const [progress = {}, ...others] = itemsOf(item, sequence)
  const contact = Object.fromEntries(
    [tags.ContactURI, tags.ContactDisplayName].flatMap((tag) => {
      const value = reason[tag]
      return value === undefined ? [] : [[tag, value]]
    }),
  )
  const said = Object.fromEntries(
    [tags.ReasonForCancellation, discontinuation].flatMap((tag) =>
      hasValue(reason, tag) ? [[tag, reason[tag]!]] : [],
    ),
  )
  const merged: DicomJson = {
    ...progress,
    ...said,
    ...(Object.keys(contact).length === 0
      ? {}
      : { [tags.ProcedureStepCommunicationsURISequence]: element("SQ", contact) }),
  }
  const filled: DicomJson = {
    ...(hasValue(merged, tags.ProcedureStepCancellationDateTime)
      ? {}
      : { [tags.ProcedureStepCancellationDateTime]: element("DT", dateTime(now)) }),
    ...(hasValue(merged, discontinuation) ? {} : { [discontinuation]: element("SQ", unspecified) }),
  }
  return { ...item, [sequence]: element("SQ", { ...merged, ...filled }, ...others) }
}
