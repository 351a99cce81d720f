// Standing regions: what to look out for in every study that arrives, kept with its exemplar vectors.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Alert, StandingRegion, StandingRegionId } from "../domain/alert.ts"
import type { Hit } from "../domain/hit.ts"
import type { StudyReady } from "../events/events.ts"
import { Ledger, type LedgerError, type SeriesFacts } from "../ledger/Ledger.ts"
import { ModelRecords } from "../ledger/model-records.ts"
import { passes } from "../query/filter.ts"
import { Models } from "../models/Models.ts"
import { QueryError } from "../query/RegionQuery.ts"
import { decodeQueryVolume, encodeQueryVolume } from "../rerank/query-volume-codec.ts"
import { isSamePlace, viewsOf } from "./news.ts"

export interface Identified extends StandingRegion {
  readonly id: StandingRegionId
  /** Why it raises no alerts for now: it has no vectors of the model that serves. */
  readonly notMatched?: string
}

export class StandingRegions extends Context.Service<
  StandingRegions,
  {
    /** Resolves the region now and keeps its vectors: the rule outlives the study it was drawn on. */
    readonly put: (id: StandingRegionId, region: StandingRegion) => Effect.Effect<Identified, QueryError | LedgerError>
    readonly get: (id: StandingRegionId) => Effect.Effect<Option.Option<Identified>, LedgerError>
    readonly list: Effect.Effect<ReadonlyArray<Identified>, LedgerError>
    readonly remove: (id: StandingRegionId) => Effect.Effect<boolean, LedgerError>
    /** Matches what is new in a version of a study against every standing region; answers the alerts newly raised. */
    readonly match: (ready: StudyReady) => Effect.Effect<ReadonlyArray<Alert>, QueryError | LedgerError>
  }
>()("gateway/alerts/StandingRegions") {
  static readonly layer = Layer.effect(
    StandingRegions,
    Effect.gen(function* () {
      const ledger = yield* Ledger
      const records = yield* ModelRecords
      const { serving } = yield* Models
      const list = Effect.gen(function* () {
        const { model } = yield* serving
        const known = yield* records.exemplars(model.id)
        const notMatched = `${model.id} serves, and the study it was drawn on is not there to make its vectors from`
        return (yield* ledger.standingRegions).map(({ id, region }): Identified =>
          known.has(id) ? { id, ...region } : { id, ...region, notMatched },
        )
      }).pipe(Effect.scoped)
      return StandingRegions.of({
        put: Effect.fn("StandingRegions.put")(function* (id, region) {
          const { model, query } = yield* serving
          const exemplar = { model: model.id, bytes: encodeQueryVolume(yield* query.resolve(region)) }
          if (!(yield* ledger.putStandingRegion(id, region, exemplar))) {
            return yield* new QueryError({ reason: "unknown", message: `the id ${id} cannot be used` })
          }
          return { id, ...region }
        }, Effect.scoped),
        get: (id) => Effect.map(list, (rules) => Option.fromUndefinedOr(rules.find((rule) => rule.id === id))),
        list,
        remove: ledger.deleteStandingRegion,
        match: Effect.fn("StandingRegions.match")(function* ({ StudyInstanceUID, version }) {
          // None: the study was deleted since. Regions that this version, or a later one, was matched against are left out.
          const unmatched = yield* ledger.unmatched(StudyInstanceUID, version)
          if (Option.isNone(unmatched)) return []
          const { regions, revision } = unmatched.value
          const facts = yield* ledger.seriesFacts
          const arrived = facts.filter((series) => series.StudyInstanceUID === StudyInstanceUID)
          const upTo = yield* ledger.covered(StudyInstanceUID, 0, version)
          const { model, query } = yield* serving
          const exemplars = yield* records.exemplars(model.id)
          const raised = yield* Effect.forEach(regions, ({ id, region, before, raised }) =>
            Effect.gen(function* () {
              const wanted = admitted(region, facts, arrived)
              if (wanted.size === 0) return Option.none<Alert>()
              const exemplar = exemplars.get(id)
              if (exemplar === undefined) {
                yield* Effect.logWarning(
                  "a standing region is not matched: it has no vectors of the model that serves",
                  {
                    standingRegion: id,
                    model: model.id,
                  },
                )
                return Option.none<Alert>()
              }
              const volume = yield* Effect.orDie(decodeQueryVolume(exemplar))
              const fresh = before === 0 ? upTo : yield* ledger.covered(StudyInstanceUID, before, version)
              const hits = yield* Effect.forEach(viewsOf(upTo, fresh), (view) =>
                query.matchStudy(volume, StudyInstanceUID, view),
              )
              const best = hits
                .flat()
                .filter((hit) => wanted.has(hit.SeriesInstanceUID) && hit.score >= region.threshold)
                .filter((hit) => !raised.some((earlier) => isSamePlace(earlier, hit)))
                .reduce<Hit | undefined>(
                  (best, hit) => (best === undefined || hit.score > best.score ? hit : best),
                  undefined,
                )
              if (best === undefined) return Option.none<Alert>()
              return yield* ledger.raiseAlert({
                standingRegion: id,
                label: region.label,
                StudyInstanceUID,
                studyVersion: version,
                hit: { ...best, rank: 1 },
              })
            }),
          )
          yield* ledger.matched(StudyInstanceUID, version, revision)
          return raised.flatMap(Option.toArray)
        }, Effect.scoped),
      })
    }),
  )
}

/** The arrived series a rule may look at: never the study it was drawn on, nor (unless asked) the same patient's. */
const admitted = (
  region: StandingRegion,
  facts: ReadonlyArray<SeriesFacts>,
  arrived: ReadonlyArray<SeriesFacts>,
): ReadonlySet<string> => {
  const own = facts.find((series) => series.SeriesInstanceUID === region.SeriesInstanceUID)
  return new Set(
    arrived
      .filter((series) => series.StudyInstanceUID !== region.StudyInstanceUID)
      .filter(passes(region.filter ?? {}, own?.patient))
      .map((series) => series.SeriesInstanceUID),
  )
}
