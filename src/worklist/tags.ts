// Tags of the Unified Procedure Step (PS3.3 §C.30) that the worklist itself reads or writes, by keyword, and the values in them.
import type { DicomJson } from "../domain/instance.ts"

export const tags = {
  AffectedSOPClassUID: "00000002",
  MessageID: "00000110",
  AffectedSOPInstanceUID: "00001000",
  EventTypeID: "00001002",
  SpecificCharacterSet: "00080005",
  SOPClassUID: "00080016",
  SOPInstanceUID: "00080018",
  CodeValue: "00080100",
  CodingSchemeDesignator: "00080102",
  CodeMeaning: "00080104",
  LongCodeValue: "00080119",
  URNCodeValue: "00080120",
  AdmittingDiagnosesDescription: "00081080",
  AdmittingDiagnosesCodeSequence: "00081084",
  ReferencedSOPClassUID: "00081150",
  ReferencedSOPInstanceUID: "00081155",
  RetrieveURL: "00081190",
  TransactionUID: "00081195",
  ReferencedSOPSequence: "00081199",
  PatientName: "00100010",
  PatientID: "00100020",
  IssuerOfPatientID: "00100021",
  IssuerOfPatientIDQualifiersSequence: "00100024",
  PatientBirthDate: "00100030",
  PatientSex: "00100040",
  OtherPatientIDsSequence: "00101002",
  StudyInstanceUID: "0020000D",
  SeriesInstanceUID: "0020000E",
  AdmissionID: "00380010",
  IssuerOfAdmissionIDSequence: "00380014",
  ScheduledProcedureStepStartDateTime: "00404005",
  CommentsOnTheScheduledProcedureStep: "00400400",
  HumanPerformerCodeSequence: "00404009",
  ScheduledProcedureStepModificationDateTime: "00404010",
  ExpectedCompletionDateTime: "00404011",
  ScheduledWorkitemCodeSequence: "00404018",
  PerformedWorkitemCodeSequence: "00404019",
  InputInformationSequence: "00404021",
  ScheduledStationNameCodeSequence: "00404025",
  ScheduledStationClassCodeSequence: "00404026",
  ScheduledStationGeographicLocationCodeSequence: "00404027",
  PerformedStationNameCodeSequence: "00404028",
  OutputInformationSequence: "00404033",
  ScheduledHumanPerformersSequence: "00404034",
  HumanPerformerOrganization: "00404036",
  InputReadinessState: "00404041",
  PerformedProcedureStepStartDateTime: "00404050",
  PerformedProcedureStepEndDateTime: "00404051",
  ProcedureStepCancellationDateTime: "00404052",
  ReferencedRequestSequence: "0040A370",
  TypeOfInstances: "0040E020",
  WADORSRetrievalSequence: "0040E025",
  ProcedureStepState: "00741000",
  ProcedureStepProgressInformationSequence: "00741002",
  ProcedureStepProgress: "00741004",
  ProcedureStepProgressDescription: "00741006",
  ProcedureStepCommunicationsURISequence: "00741008",
  ContactURI: "0074100A",
  ContactDisplayName: "0074100C",
  ProcedureStepDiscontinuationReasonCodeSequence: "0074100E",
  ScheduledProcedureStepPriority: "00741200",
  WorklistLabel: "00741202",
  ProcedureStepLabel: "00741204",
  ScheduledProcessingParametersSequence: "00741210",
  UnifiedProcedureStepPerformedProcedureSequence: "00741216",
  ReplacedProcedureStepSequence: "00741224",
  RequestingAE: "00741236",
  ReasonForCancellation: "00741238",
  SCPStatus: "00741242",
  SubscriptionListStatus: "00741244",
  UnifiedProcedureStepListStatus: "00741246",
} as const
export type Keyword = keyof typeof tags

const keywords = new Map<string, string>(Object.entries(tags).map(([keyword, tag]) => [tag, keyword]))

/** As a person reads it: "ProcedureStepLabel (00741204)". */
export const named = (tag: string) => {
  const keyword = keywords.get(tag)
  return keyword === undefined ? tag : `${keyword} (${tag})`
}

/** Every work item is an instance of the UPS Push SOP Class (PS3.4 §CC.3.1). */
export const upsPush = "1.2.840.10008.5.1.4.34.6.1"

/** Well-known UIDs of subscriptions to all work items, and to those that match a filter (PS3.4 §CC.2.3.2). */
export const globalSubscription = "1.2.840.10008.5.1.4.34.5"
export const filteredSubscription = "1.2.840.10008.5.1.4.34.5.1"

type Element = DicomJson[string]

export const element = (vr: string, ...Value: ReadonlyArray<unknown>): Element =>
  Value.length === 0 ? { vr } : { vr, Value }

/** First value that is text; "" without one. */
export const textOf = (attributes: DicomJson | undefined, tag: string): string => {
  const value = attributes?.[tag]?.Value?.[0]
  return typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : ""
}

/** Items of a sequence. */
export const itemsOf = (attributes: DicomJson | undefined, tag: string): ReadonlyArray<DicomJson> =>
  (attributes?.[tag]?.Value ?? []).filter(
    (item): item is DicomJson => typeof item === "object" && item !== null && !Array.isArray(item),
  )

/** True when the attribute has at least one value that says something. */
export const hasValue = (attributes: DicomJson | undefined, tag: string): boolean =>
  (attributes?.[tag]?.Value ?? []).some((value) => value !== null && value !== "")

export const code = (value: string, scheme: string, meaning: string): DicomJson => ({
  [tags.CodeValue]: element("SH", value),
  [tags.CodingSchemeDesignator]: element("SH", scheme),
  [tags.CodeMeaning]: element("LO", meaning),
})

/** DT with its offset (PS3.5 §6.2). */
export const dateTime = (millis: number): string => `${new Date(millis).toISOString().replace(/[-:TZ]/g, "")}+0000`
