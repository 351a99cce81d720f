// The gateway's own work on the worklist: indexing of each study's version, and a case to review for each alert. What is
// to be there is read from the ledger each time, so nothing is missed or doubled over a restart.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { uidOf } from "../src/convert/uid.ts"
import type { Alert } from "../src/domain/alert.ts"
import type { StudyInstanceUID } from "../src/domain/uid.ts"
import { AlertRaised, InstanceDeleted, StudyReady } from "../src/events/events.ts"
import { type Delivery, Nats } from "../src/events/Nats.ts"
import { Ledger, type StudyOverview } from "../src/ledger/Ledger.ts"
import { indexed, indexing, maxReferences, progress, referenced, review } from "../src/worklist/own-work.ts"
import { tags, textOf } from "../src/worklist/tags.ts"
import { unknownOrigin } from "../src/worklist/visibility.ts"
import { Worklist } from "../src/worklist/Worklist.ts"

export interface WorklistStreamOptions {
  /** How long finished items stay. */
  readonly keep: Duration.Duration
  /** Base of the DICOMweb service, for links; none where only requests tell it. */
  readonly base?: string | undefined
}

/** Studies looked after at a time: their commits are one. */
const together = 16

const subjectOf = (study: StudyInstanceUID, version: number) => `index:${study}:${version}`
const versionOf = (subject: string) => Number(subject.slice(subject.lastIndexOf(":") + 1))

const make = Effect.fnUntraced(function* ({ keep, base }: WorklistStreamOptions) {
  const ledger = yield* Ledger
  const nats = yield* Nats
  const worklist = yield* Worklist

  /** Deleted while its item was made: the event of that may have come before. */
  const unlessDeleted = Effect.fnUntraced(function* (study: StudyInstanceUID) {
    if (Option.isNone(yield* ledger.studyOverview(study))) yield* worklist.studyDeleted(study)
  })

  const begin = Effect.fnUntraced(function* (study: StudyInstanceUID, overview: StudyOverview, version: number) {
    const subject = subjectOf(study, version)
    const before = yield* worklist.ownState(subject)
    // Deleted and sent again between two looks: by somebody else, or a version still to come was finished before.
    const anothers = before !== undefined && before.origin !== overview.origin
    const open = before?.state === "SCHEDULED" || before?.state === "IN PROGRESS"
    if (anothers || (before !== undefined && !open && overview.version < version)) yield* worklist.studyDeleted(study)
    else if (before !== undefined) return
    const now = yield* Clock.currentTimeMillis
    const input = referenced(study, yield* ledger.studyReferences(study, maxReferences), base)
    yield* worklist.studyArrived(study, overview.origin)
    yield* worklist.putOwn(
      {
        subject,
        uid: uidOf("workitem", subject, now),
        attributes: indexing(study, overview, input, now),
        owner: { origin: overview.origin, StudyInstanceUID: study, studyOrigin: overview.origin },
      },
      true,
    )
    yield* unlessDeleted(study)
  })

  const finish = Effect.fnUntraced(function* (uid: string, study: StudyInstanceUID, overview: StudyOverview) {
    const references = yield* ledger.studyReferences(study, maxReferences)
    const started = textOf(yield* worklist.retrieve(uid), tags.ScheduledProcedureStepStartDateTime)
    const searchable = references.filter(({ stage }) => stage === "indexed")
    const input = referenced(study, references, base)
    const output = referenced(study, searchable, base)
    yield* worklist.completeOwn(uid, indexed(overview, started, input, output, yield* Clock.currentTimeMillis))
  })

  /** Each study that is not ready has its item; each item in progress goes with its study. */
  const follow = Effect.gen(function* () {
    yield* Effect.forEach(
      yield* ledger.unsettledStudies,
      (study) =>
        Effect.flatMap(ledger.studyOverview(study), (found) =>
          Option.isNone(found) ? Effect.void : begin(study, found.value, found.value.version + 1),
        ),
      { concurrency: together, discard: true },
    )
    yield* Effect.forEach(
      yield* worklist.running,
      ({ uid, subject, StudyInstanceUID, origin }) =>
        Effect.flatMap(ledger.studyOverview(StudyInstanceUID), (found) => {
          if (Option.isNone(found) || found.value.origin !== origin) return worklist.studyDeleted(StudyInstanceUID)
          const { value } = found
          return value.version >= versionOf(subject)
            ? finish(uid, StudyInstanceUID, value)
            : worklist.reportOwn(uid, progress(value))
        }),
      { concurrency: together, discard: true },
    )
  })

  /** A study that was ready before anybody looked has its item all the same. */
  const becameReady = Effect.fnUntraced(function* ({ StudyInstanceUID, version }: StudyReady) {
    const found = yield* ledger.studyOverview(StudyInstanceUID)
    if (Option.isNone(found) || found.value.version < version) return
    yield* begin(StudyInstanceUID, found.value, version)
  })

  /** Whose study the standing region was drawn on: the item names the region, so that study must be visible too. */
  const drawnOrigin = Effect.fnUntraced(function* ({ standingRegion }: Alert) {
    const rule = (yield* ledger.standingRegions).find(({ id }) => id === standingRegion)
    if (rule === undefined) return unknownOrigin
    const found = yield* ledger.studyOverview(rule.region.StudyInstanceUID)
    return Option.isNone(found) ? unknownOrigin : found.value.origin
  })

  const raised = Effect.fnUntraced(function* ({ alert }: AlertRaised) {
    const { StudyInstanceUID, hit } = alert
    const found = yield* ledger.studyOverview(StudyInstanceUID)
    if (Option.isNone(found)) return
    const { value: overview } = found
    const ends = new Set([hit.slices.from.SOPInstanceUID, hit.slices.to.SOPInstanceUID])
    const instances = yield* Effect.forEach(ends, (uid) => ledger.instance(uid))
    const now = yield* Clock.currentTimeMillis
    const subject = `review:${alert.id}`
    yield* worklist.putOwn(
      {
        subject,
        uid: uidOf("workitem", subject, now),
        attributes: review(alert, overview, referenced(StudyInstanceUID, instances.flatMap(Option.toArray), base), now),
        owner: {
          origin: overview.origin,
          StudyInstanceUID,
          studyOrigin: overview.origin,
          alsoOrigin: yield* drawnOrigin(alert),
        },
      },
      false,
    )
    yield* unlessDeleted(StudyInstanceUID)
  })

  const deleted = Effect.fnUntraced(function* ({ StudyInstanceUID }: InstanceDeleted) {
    const found = yield* ledger.studyOverview(StudyInstanceUID)
    yield* Option.isNone(found)
      ? worklist.studyDeleted(StudyInstanceUID)
      : worklist.studyCorrected(StudyInstanceUID, found.value.attributes)
  })

  const handled =
    <A, E extends { readonly _tag: string }>(handle: (event: A) => Effect.Effect<void, E>) =>
    ({ value, ack, nak }: Delivery<A>) =>
      handle(value).pipe(
        Effect.andThen(ack),
        Effect.catch((error) =>
          Effect.logWarning("worklist not told, the event comes back", { error: error._tag }).pipe(
            Effect.andThen(nak("5 seconds")),
          ),
        ),
      )
  const dicom = { stream: "DICOM", maxAckPending: 256 } as const
  return Effect.all(
    [
      follow.pipe(
        Effect.catch((error) => Effect.logError("the worklist could not follow", { error: error._tag })),
        Effect.repeat(Schedule.spaced("1 second")),
      ),
      Stream.runForEach(
        nats.consume({ ...dicom, durable: "worklist-ready", filter: "dicom.study.ready.>", schema: StudyReady }),
        handled(becameReady),
      ),
      Stream.runForEach(
        nats.consume({
          ...dicom,
          durable: "worklist-deleted",
          filter: "dicom.instance.deleted.>",
          schema: InstanceDeleted,
        }),
        handled(deleted),
      ),
      Stream.runForEach(
        nats.consume({
          stream: "ALERTS",
          durable: "worklist-alerts",
          filter: "alerts.raised",
          schema: AlertRaised,
          maxAckPending: 64,
        }),
        handled(raised),
      ),
      worklist.purge(Duration.toMillis(keep)).pipe(
        Effect.catch((error) => Effect.logError("finished work items stay", { error: error._tag })),
        Effect.repeat(Schedule.spaced("1 minute")),
      ),
    ],
    { concurrency: "unbounded", discard: true },
  )
})

export const worklist = (options: WorklistStreamOptions) => Effect.flatten(make(options))
