// A whole run: labels, a gateway of its own, every volume by STOW, every question asked, the report. Can be taken up again.
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { apiClient } from "../api/client.ts"
import { childGateway } from "../demo/child-gateway.ts"
import { readPreset } from "../embed/preset.ts"
import { progress } from "../load/progress.ts"
import { openKernel } from "../rerank/kernel.ts"
import { askGateway } from "./ask.ts"
import { BenchmarkError } from "./BenchmarkError.ts"
import { readCollection } from "./collection.ts"
import { type Embedded, readEmbedded } from "./embedded.ts"
import { type Known, labelledRegions } from "./eligible.ts"
import { evaluate } from "./evaluate.ts"
import { loadVolume, searchable } from "./prepare.ts"
import { machine } from "./machine.ts"
import { makeReport } from "./report.ts"
import type { Filed } from "./summary.ts"
import { keptTruth } from "./kept-truth.ts"

export interface BenchmarkOptions {
  readonly data: string
  readonly out: string
  /** Preset of the model. */
  readonly model: string
  /** As given, for the report. */
  readonly command: string
}

const failed = (message: string) => new BenchmarkError({ message })
/** What one query volume gave, as kept for a run that is taken up again. */
const Kept = Schema.Struct({ filed: Schema.Unknown, exhaustive: Schema.Array(Schema.Finite), key: Schema.String })

const knownOf = Effect.fnUntraced(function* (data: string, folder: string) {
  const volumes = yield* readCollection(data)
  const bar = yield* progress("labels read", volumes.length)
  return yield* Effect.forEach(volumes, (volume) =>
    keptTruth(volume, folder).pipe(
      Effect.map((truth): Known => ({ volume, truth })),
      Effect.tap(() => bar.advance(volume.name)),
    ),
  )
}, Effect.scoped)

const loaded = Effect.fnUntraced(function* (url: string, collection: ReadonlyArray<Known>) {
  const client = yield* apiClient(url)
  const bar = yield* progress("volumes sent", collection.length)
  yield* Effect.forEach(
    collection,
    (known) => loadVolume(client, url, known).pipe(Effect.ensuring(bar.advance(known.volume.name))),
    { discard: true },
  )
  yield* searchable(client, url)
}, Effect.scoped)

/** The journal of the one model that this gateway ever had. */
const embeddedIn = Effect.fnUntraced(function* (index: string, model: string, collection: ReadonlyArray<Known>) {
  const fs = yield* FileSystem.FileSystem
  const { name, preset } = yield* readPreset(model).pipe(Effect.mapError(({ message }) => failed(message)))
  const folders = yield* fs.readDirectory(index).pipe(Effect.mapError(() => failed(`${index} cannot be read`)))
  const modelId = folders.find((folder) => folder.startsWith(`${name}-`))
  if (modelId === undefined) return yield* failed(`${index} has no journal of ${name}`)
  const { dimension, gridSize = 0 } = preset
  return { modelId, dimension, volumes: readEmbedded({ dir: index, modelId, dimension, gridSize }, collection) }
})

export const runBenchmark = Effect.fnUntraced(function* (options: BenchmarkOptions) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const unwritable = () => failed(`${options.out} cannot be written`)
  const results = path.join(options.out, "results", path.basename(options.model))
  yield* fs.makeDirectory(results, { recursive: true }).pipe(Effect.mapError(unwritable))

  const labels = path.join(options.out, "labels")
  yield* fs.makeDirectory(labels, { recursive: true }).pipe(Effect.mapError(unwritable))
  const collection = yield* knownOf(options.data, labels)
  const work = path.join(options.out, "gateway", path.basename(options.model))
  const { url } = yield* childGateway(work, { GATEWAY_MODEL_PRESET: options.model, GATEWAY_LOG_LEVEL: "Warn" }).pipe(
    Effect.mapError(({ message }) => failed(message)),
  )
  yield* loaded(url, collection)
  const { modelId, dimension, volumes } = yield* embeddedIn(path.join(work, "index"), options.model, collection)
  const queries = volumes.filter(({ volume }) => volume.split !== "train" && volume.labels.length > 0)
  if (queries.length === 0) return yield* failed(`${options.data} holds no labelled volume to ask with`)

  const labelled = { fine: labelledRegions(collection, "fine"), coarse: labelledRegions(collection, "coarse") }
  const kernel = yield* Effect.promise(() => openKernel(dimension))
  const client = yield* apiClient(url)
  const key = `${modelId} ${volumes.length} ${volumes.reduce((sum, { planes }) => sum + planes.length, 0)}`
  const bar = yield* progress("volumes asked with", queries.length)

  const one = Effect.fnUntraced(function* (query: Embedded) {
    const file = path.join(results, `${query.volume.name}.json`)
    const before = yield* fs.readFileString(file).pipe(
      Effect.flatMap(Schema.decodeUnknownEffect(Schema.fromJsonString(Kept))),
      Effect.filterOrFail((kept) => kept.key === key),
      Effect.option,
    )
    if (before._tag === "Some") return { ...before.value, filed: before.value.filed as Filed }
    const { answers, milliseconds } = yield* askGateway(client, url, query)
    const start = yield* Clock.currentTimeMillis
    const evaluation = yield* Effect.promise(() => evaluate(kernel, query, volumes, labelled, answers))
    const took = (yield* Clock.currentTimeMillis) - start
    const filed: Filed = { ...evaluation, region: query.volume.region, milliseconds }
    const exhaustive = [took / Math.max(1, evaluation.answers.length)]
    yield* fs
      .writeFileString(file, JSON.stringify({ filed, exhaustive, key } satisfies typeof Kept.Encoded))
      .pipe(Effect.mapError(unwritable))
    return { filed, exhaustive }
  })
  const evaluated = yield* Effect.forEach(queries, (query) =>
    one(query).pipe(Effect.ensuring(bar.advance(query.volume.name))),
  )

  const report = makeReport(
    {
      command: options.command,
      machine: machine(),
      date: DateTime.formatIsoDateUtc(yield* DateTime.now),
      model: modelId,
      volumes: volumes.length,
      subjects: new Set(volumes.map(({ volume }) => volume.subject)).size,
      slices: volumes.reduce((sum, { planes }) => sum + planes.length, 0),
      exhaustive: evaluated.flatMap(({ exhaustive }) => exhaustive),
    },
    evaluated.map(({ filed }) => filed),
  )
  yield* Effect.forEach(
    Object.entries(report),
    ([name, content]) => fs.writeFileString(path.join(options.out, name), content).pipe(Effect.mapError(unwritable)),
    { discard: true },
  )
  return report["report.md"]
}, Effect.scoped)
