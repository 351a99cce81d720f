// What the gateway's own work says of itself: data sets of its work items (PS3.4 table CC.2.5-3).
import type { Alert } from "../domain/alert.ts"
import type { DicomJson } from "../domain/instance.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import type { InstanceReference, StudyOverview } from "../ledger/Ledger.ts"
import { code, dateTime, element, tags } from "./tags.ts"

/** Instances that an item names one by one. */
export const maxReferences = 2000

/** CID 9231 of PS3.16. */
const imageProcessing = code("110001", "DCM", "Image Processing")
const interpretation = code("110005", "DCM", "Interpretation")
const station = code("REGION-GATEWAY", "99GATEWAY", "Region gateway")

const patient: ReadonlyArray<string> = [
  tags.PatientName,
  tags.PatientID,
  tags.IssuerOfPatientID,
  tags.PatientBirthDate,
  tags.PatientSex,
]

/** Referenced Instances and Access Macro (PS3.3 table 10-3b), one item a series. `base`: of the service, where it is known. */
export const referenced = (
  study: StudyInstanceUID,
  references: ReadonlyArray<Omit<InstanceReference, "stage">>,
  base: string | undefined,
): DicomJson[string] => {
  const series = Map.groupBy(references, ({ SeriesInstanceUID }) => SeriesInstanceUID)
  const items = Array.from(series, ([uid, instances]) => ({
    [tags.TypeOfInstances]: element("CS", "DICOM"),
    [tags.StudyInstanceUID]: element("UI", study),
    [tags.SeriesInstanceUID]: element("UI", uid),
    [tags.ReferencedSOPSequence]: element(
      "SQ",
      ...instances.map(({ SOPClassUID, SOPInstanceUID }) => ({
        [tags.ReferencedSOPClassUID]: element("UI", SOPClassUID),
        [tags.ReferencedSOPInstanceUID]: element("UI", SOPInstanceUID),
      })),
    ),
    ...(base === undefined
      ? {}
      : {
          [tags.WADORSRetrievalSequence]: element("SQ", {
            [tags.RetrieveURL]: element("UR", `${base}/studies/${study}/series/${uid}`),
          }),
        }),
  }))
  return element("SQ", ...items)
}

interface Work {
  readonly label: string
  readonly worklist: string
  readonly workitem: DicomJson
  readonly input: DicomJson[string]
  readonly more?: DicomJson
}

const workOn = (study: StudyInstanceUID, overview: StudyOverview, work: Work, now: number): DicomJson => ({
  ...Object.fromEntries(
    patient.flatMap((tag) => {
      const value = overview.attributes[tag]
      return value === undefined ? [] : [[tag, value]]
    }),
  ),
  [tags.StudyInstanceUID]: element("UI", study),
  [tags.ProcedureStepState]: element("CS", "SCHEDULED"),
  [tags.InputReadinessState]: element("CS", "READY"),
  [tags.ScheduledProcedureStepPriority]: element("CS", "MEDIUM"),
  [tags.ScheduledProcedureStepStartDateTime]: element("DT", dateTime(now)),
  [tags.ProcedureStepLabel]: element("LO", work.label),
  [tags.WorklistLabel]: element("LO", work.worklist),
  [tags.ScheduledWorkitemCodeSequence]: element("SQ", work.workitem),
  [tags.InputInformationSequence]: work.input,
  ...work.more,
})

export const indexing = (study: StudyInstanceUID, overview: StudyOverview, input: DicomJson[string], now: number) =>
  workOn(
    study,
    overview,
    {
      label: "Index study for region search",
      worklist: "Region gateway: indexing",
      workitem: imageProcessing,
      input,
      more: { [tags.ScheduledStationNameCodeSequence]: element("SQ", station) },
    },
    now,
  )

export const review = (alert: Alert, overview: StudyOverview, input: DicomJson[string], now: number) =>
  workOn(
    alert.StudyInstanceUID,
    overview,
    {
      label: "Review similar case",
      worklist: "Region gateway: alerts",
      workitem: interpretation,
      input,
      more: {
        [tags.CommentsOnTheScheduledProcedureStep]: element(
          "LT",
          `${alert.label}: similarity ${alert.hit.score.toFixed(2)}, slices ${alert.hit.slices.from.index} to ${alert.hit.slices.to.index}`,
        ),
      },
    },
    now,
  )

/** ProcedureStepProgress in percent, and in words. */
export const progress = ({ instances, unfinished }: StudyOverview): DicomJson => {
  const done = instances - unfinished
  return {
    [tags.ProcedureStepProgressInformationSequence]: element("SQ", {
      [tags.ProcedureStepProgress]: element("DS", instances === 0 ? 0 : Math.floor((100 * done) / instances)),
      [tags.ProcedureStepProgressDescription]: element("ST", `${done} of ${instances} instances`),
    }),
  }
}

/** `started`: DT of the claim. */
export const indexed = (
  overview: StudyOverview,
  started: string,
  input: DicomJson[string],
  output: DicomJson[string],
  now: number,
): DicomJson => ({
  ...progress(overview),
  [tags.InputInformationSequence]: input,
  [tags.UnifiedProcedureStepPerformedProcedureSequence]: element("SQ", {
    [tags.PerformedStationNameCodeSequence]: element("SQ", station),
    [tags.PerformedWorkitemCodeSequence]: element("SQ", imageProcessing),
    [tags.PerformedProcedureStepStartDateTime]: element("DT", started),
    [tags.PerformedProcedureStepEndDateTime]: element("DT", dateTime(now)),
    [tags.OutputInformationSequence]: output,
  }),
})
