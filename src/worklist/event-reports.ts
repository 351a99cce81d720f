// Event reports (PS3.4 §CC.2.4) as DICOM JSON: what a subscriber is told.
import type { DicomJson } from "../domain/instance.ts"
import { element, globalSubscription, hasValue, itemsOf, tags, upsPush } from "./tags.ts"

/** Event Type IDs of PS3.4 table CC.2.4-1. */
const types = { state: 1, cancelRequested: 2, progress: 3, scpStatus: 4, assigned: 5 } as const

export interface EventReport {
  readonly type: (typeof types)[keyof typeof types]
  /** The work item, or the well-known UID where it is about all of them. */
  readonly about: string
  readonly information: DicomJson
}

const pick = (attributes: DicomJson | undefined, keys: ReadonlyArray<string>): DicomJson =>
  Object.fromEntries(keys.flatMap((tag) => (hasValue(attributes, tag) ? [[tag, attributes![tag]!]] : [])))

const cancellation = [tags.ReasonForCancellation, tags.ProcedureStepDiscontinuationReasonCodeSequence]

export const stateReport = (about: string, state: string, item: DicomJson): EventReport => ({
  type: types.state,
  about,
  information: {
    [tags.ProcedureStepState]: element("CS", state),
    [tags.InputReadinessState]: item[tags.InputReadinessState] ?? element("CS"),
    ...(state === "CANCELED"
      ? pick(itemsOf(item, tags.ProcedureStepProgressInformationSequence)[0], cancellation)
      : {}),
  },
})

export const cancelRequested = (about: string, requestingAE: string, reason: DicomJson): EventReport => ({
  type: types.cancelRequested,
  about,
  information: {
    [tags.RequestingAE]: element("AE", requestingAE),
    ...pick(reason, [...cancellation, tags.ContactURI, tags.ContactDisplayName]),
  },
})

export const progressReport = (about: string, item: DicomJson): EventReport => ({
  type: types.progress,
  about,
  information: pick(item, [tags.ProcedureStepProgressInformationSequence]),
})

/** One per scheduled performer: the report has room for one human performer only. */
export const assignedReports = (about: string, item: DicomJson): ReadonlyArray<EventReport> => {
  const station = pick(item, [tags.ScheduledStationNameCodeSequence])
  const performers = itemsOf(item, tags.ScheduledHumanPerformersSequence)
  const people = performers.map((performer) =>
    pick(performer, [tags.HumanPerformerCodeSequence, tags.HumanPerformerOrganization]),
  )
  const all = people.length > 0 ? people : [{}]
  return all
    .map((person) => ({ ...station, ...person }))
    .filter((information) => Object.keys(information).length > 0)
    .map((information) => ({ type: types.assigned, about, information }))
}

/** Subscriptions and items are kept over a restart, so it is always a warm start. */
export const scpStatus = (status: "RESTARTED" | "GOING DOWN"): EventReport => ({
  type: types.scpStatus,
  about: globalSubscription,
  information: {
    [tags.SCPStatus]: element("CS", status),
    [tags.SubscriptionListStatus]: element("CS", "WARM START"),
    [tags.UnifiedProcedureStepListStatus]: element("CS", "WARM START"),
  },
})

const changed = (before: DicomJson, after: DicomJson, keys: ReadonlyArray<string>) =>
  keys.some((tag) => JSON.stringify(before[tag]?.Value ?? []) !== JSON.stringify(after[tag]?.Value ?? []))

/** What an update is to be reported as (PS3.4 §CC.2.4.3). */
export const updateReports = (
  about: string,
  state: string,
  before: DicomJson,
  after: DicomJson,
): ReadonlyArray<EventReport> => [
  ...(changed(before, after, [tags.InputReadinessState]) ? [stateReport(about, state, after)] : []),
  ...(changed(before, after, [tags.ScheduledStationNameCodeSequence, tags.ScheduledHumanPerformersSequence])
    ? assignedReports(about, after)
    : []),
  ...(changed(before, after, [tags.ProcedureStepProgressInformationSequence]) ? [progressReport(about, after)] : []),
]

/** What goes over the wire. Message IDs are 16 bits and never 0. */
export const message = ({ type, about, information }: EventReport, id: number): string =>
  JSON.stringify({
    [tags.AffectedSOPClassUID]: element("UI", upsPush),
    [tags.MessageID]: element("US", (id % 0xffff) + 1),
    [tags.AffectedSOPInstanceUID]: element("UI", about),
    [tags.EventTypeID]: element("US", type),
    ...information,
  } satisfies DicomJson)
