// What the running gateway answers: the whole volume, each structure by its box, some slices of each by themselves.
import * as Effect from "effect/Effect"
import { apiClient, explain } from "../api/client.ts"
import type { Hit } from "../domain/hit.ts"
import { maxHits, type Region } from "../domain/region.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { BenchmarkError } from "./BenchmarkError.ts"
import type { Embedded } from "./embedded.ts"
import type { Level } from "./eligible.ts"
import { rowsOf } from "./rankings.ts"
import { askedOf, type GatewayAnswers } from "./evaluate.ts"

type Client = Effect.Success<ReturnType<typeof apiClient>>

export interface Asked {
  readonly answers: Readonly<Record<Level, GatewayAnswers>>
  /** Milliseconds of each region search as the gateway timed it. */
  readonly milliseconds: ReadonlyArray<number>
}

/** Asks each different region once: a structure that is its own group is one question. */
export const askGateway = Effect.fnUntraced(function* (client: Client, url: string, query: Embedded) {
  const study = StudyInstanceUID.make(query.truth.StudyInstanceUID)
  const series = SeriesInstanceUID.make(query.truth.SeriesInstanceUID)
  const milliseconds: Array<number> = []
  const asked = new Map<string, ReadonlyMap<string, Hit>>()
  const ask = (region?: Region) =>
    Effect.suspend(() => {
      const key = JSON.stringify(region ?? "")
      const before = asked.get(key)
      if (before !== undefined) return Effect.succeed(before)
      return explain(url)(
        client.regions.search({
          payload: { StudyInstanceUID: study, SeriesInstanceUID: series, k: maxHits, ...(region && { region }) },
        }),
      ).pipe(
        Effect.mapError(({ message }) => new BenchmarkError({ message: `${query.volume.name}: ${message}` })),
        Effect.map(({ hits, timings }) => {
          milliseconds.push(timings["total"] ?? 0)
          const found = new Map(hits.map((hit): [string, Hit] => [hit.SeriesInstanceUID, hit]))
          asked.set(key, found)
          return found
        }),
      )
    })

  const volume = yield* ask()
  const level = Effect.fnUntraced(function* (which: Level) {
    const regions = new Map<string, ReadonlyMap<string, Hit>>()
    const slices = new Map<string, ReadonlyMap<string, Hit>>()
    for (const { name, planes, box } of query.truth[which]) {
      const rows = rowsOf({ name, planes, box }, query)
      if (rows.length === 0) continue
      regions.set(name, yield* ask({ box }))
      for (const row of askedOf(rows)) {
        const plane = query.planes[row]!
        const uid = SOPInstanceUID.make(query.truth.SOPInstanceUID[plane]!)
        slices.set(`${name} ${plane}`, yield* ask({ slices: { from: uid, to: uid } }))
      }
    }
    return { volume, regions, slices } satisfies GatewayAnswers
  })
  const answers = { coarse: yield* level("coarse"), fine: yield* level("fine") }
  return { answers, milliseconds } satisfies Asked
})
