// The ledger with a note of every study that a request reads or changes: no room can forget to tell the audit log.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { noteStudies } from "../domain/access-record.ts"
import type { DicomJson } from "../domain/instance.ts"
import { Ledger } from "../ledger/Ledger.ts"

interface OfStudy {
  readonly StudyInstanceUID: string
}

const uids = (items: Iterable<OfStudy>) => Array.from(items, ({ StudyInstanceUID }) => StudyInstanceUID)

const foundStudies = (found: ReadonlyArray<DicomJson>) =>
  found.flatMap((attributes) => {
    const uid = attributes["0020000D"]?.Value?.[0]
    return typeof uid === "string" ? [uid] : []
  })

/** Notes the studies of what the effect gives. */
const noting = <A, E, R>(effect: Effect.Effect<A, E, R>, studies: (value: A) => Iterable<string>) =>
  Effect.tap(effect, (value) => noteStudies(studies(value)))

/** Needs the ledger that it gives. */
export const layer = Layer.effect(
  Ledger,
  Effect.map(Ledger, (ledger) =>
    Ledger.of({
      ...ledger,
      accept: (instances, expected) => Effect.andThen(noteStudies(uids(instances)), ledger.accept(instances, expected)),
      instance: (uid) => noting(ledger.instance(uid), (found) => uids(Option.toArray(found))),
      instances: (scope) => noting(ledger.instances(scope), uids),
      held: (scope) => noting(ledger.held(scope), uids),
      search: (request) => noting(ledger.search(request), ({ matches }) => foundStudies(matches)),
      delete: (scope, cause) => noting(ledger.delete(scope, cause), ({ instances }) => uids(instances)),
      deletedUnder: (uid) => noting(ledger.deletedUnder(uid), (found) => uids(found?.instances ?? [])),
      deletedStudies: (limit, offset) => noting(ledger.deletedStudies(limit, offset), uids),
      holds: (limit, offset) => noting(ledger.holds(limit, offset), uids),
      studyStatus: (uid, page) => noting(ledger.studyStatus(uid, page), (found) => uids(Option.toArray(found))),
      setAsideList: (filter, after, limit) => noting(ledger.setAsideList(filter, after, limit), uids),
      putStandingRegion: (id, region, exemplar) =>
        Effect.andThen(noteStudies(uids([region])), ledger.putStandingRegion(id, region, exemplar)),
      standingRegions: noting(ledger.standingRegions, (rules) => uids(rules.map(({ region }) => region))),
      alerts: (after, limit) => noting(ledger.alerts(after, limit), uids),
    }),
  ),
)
