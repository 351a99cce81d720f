// Region queries over HTTP against an archive of 20,000 generated slices.
import { join } from "node:path"
import { Effect } from "effect"
import type { SearchAnswer } from "../../src/domain/hit.ts"
import { Embedder } from "../../src/embed/Embedder.ts"
import * as OnnxEmbedder from "../../src/embed/onnx-embedder.ts"
import { postJson, startGateway, temporaryFolder } from "../support/gateway.ts"
import { archiveSeries, makeArchive } from "./archive.ts"
import { percentile } from "../../src/benchmark/statistics.ts"
import type { Table } from "./report.ts"

const series = 100
const slices = 200
const queries = 60
const querySlices = 30

export const queryBench = Effect.gen(function* () {
  const data = join(yield* temporaryFolder, "data")
  const model = yield* Effect.map(Embedder, ({ model }) => model).pipe(
    Effect.provide(
      OnnxEmbedder.layer({ preset: "mobilenet-v1-025", modelsDir: join(data, "models"), threads: 1, batch: 1 }),
    ),
  )
  yield* makeArchive(data, model, series, slices)
  const { url } = yield* startGateway(data)
  const walls: Array<number> = []
  const steps = new Map<string, Array<number>>()
  for (let n = -10; n < queries; n++) {
    const from = (n + 10) % (slices - querySlices)
    const start = performance.now()
    const answer = yield* postJson<SearchAnswer>(`${url}/api/regions/search`, {
      ...archiveSeries((n + 10) % series),
      region: { slices: { from, to: from + querySlices - 1 } },
    })
    if (answer.hits.length === 0) return yield* Effect.fail(new Error("a query had no hits"))
    // The first ten warm up caches and compilers.
    if (n < 0) continue
    walls.push(performance.now() - start)
    for (const [step, ms] of Object.entries(answer.timings)) steps.set(step, [...(steps.get(step) ?? []), ms])
  }
  return {
    title: "Region query",
    note: `${series} series × ${slices} generated slices (${model.dimension} values, drifting along z), a region of ${querySlices} slices, 10 hits, over HTTP; ${queries} queries after 10 to warm up. Generated vectors measure time, not quality.`,
    head: ["", "p50 ms", "p95 ms"],
    rows: [
      ["request", percentile(walls, 0.5), percentile(walls, 0.95)],
      ...[...steps].map(([step, values]) => [step, percentile(values, 0.5), percentile(values, 0.95)]),
    ],
  } satisfies Table
}).pipe(Effect.scoped)
