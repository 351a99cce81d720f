// A second model for a live gateway, and the questions its tests ask.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schedule } from "effect"
import type { Models, ModelStatus } from "../../src/domain/model.ts"
import type { SearchAnswer } from "../../src/domain/hit.ts"
import { tinyModel } from "../embed/tiny-model.fixture.ts"
import { getJson, postJson } from "../support/gateway.ts"

/** Three numbers a slice and a 2 × 2 grid: vectors that cannot be mistaken for the default model's. Answers the preset's path. */
export const tinyPreset = (dir: string): string => {
  writeFileSync(join(dir, "tiny.onnx"), tinyModel("N"))
  const path = join(dir, "tiny.yaml")
  writeFileSync(
    path,
    "file: tiny.onnx\ninput: { size: 16, layout: NCHW, type: float32 }\noutputs: { vector: means, grid: quarters }\ndimension: 3\ngridSize: 2\n",
  )
  return path
}

export const models = (url: string) => getJson<Models>(`${url}/api/models`)

/** The one beside the serving model. */
export const other = (url: string) => Effect.map(models(url), ({ models }): ModelStatus | undefined => models[1])

export const complete = (url: string, held?: number) =>
  other(url).pipe(
    Effect.filterOrFail((found) => found?.complete === true && (held === undefined || found.slices.held === held)),
    Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 1200 }),
  )

export const post = (url: string, path: string, body: unknown) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  })

/** Hits without what a restart or a second run may change. */
export const search = (
  url: string,
  { StudyInstanceUID, SeriesInstanceUID }: { readonly StudyInstanceUID: string; readonly SeriesInstanceUID: string },
  region: unknown = { slices: { from: 4, to: 12 } },
) =>
  Effect.map(
    postJson<SearchAnswer>(`${url}/api/regions/search`, { StudyInstanceUID, SeriesInstanceUID, region, k: 10 }),
    ({ hits, coverage }) => ({
      model: coverage.model,
      searched: coverage.seriesSearched,
      hits: hits.map(({ SeriesInstanceUID, score, slices, box }) => ({ SeriesInstanceUID, score, slices, box })),
    }),
  )
