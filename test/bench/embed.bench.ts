// The embedder against bare ONNX Runtime on the same batches and threads, interleaved.
import { join } from "node:path"
import { Effect } from "effect"
import { InferenceSession, Tensor } from "onnxruntime-node"
import type { PreparedSlice } from "../../src/domain/slice.ts"
import { Embedder } from "../../src/embed/Embedder.ts"
import * as OnnxEmbedder from "../../src/embed/onnx-embedder.ts"
import { axialGeometry } from "../support/domain.ts"
import { temporaryFolder } from "../support/gateway.ts"
import { percentile } from "../../src/benchmark/statistics.ts"
import type { Table } from "./report.ts"
import { readdirSync } from "node:fs"

const batch = 8
const images = 256
const rounds = 7

const slices = (size: number): ReadonlyArray<PreparedSlice> =>
  Array.from({ length: images }, (_, n) => ({
    FrameNumber: 1,
    geometry: axialGeometry(n),
    pixels: Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * 31 + n * 17) & 255),
  }))

export const embedBench = Effect.gen(function* () {
  const dir = yield* temporaryFolder
  const modelsDir = join(dir, "models")
  const measured = yield* Effect.gen(function* () {
    const { embed, model } = yield* Embedder
    const file = readdirSync(modelsDir).find((name) => name.endsWith(".onnx"))
    if (file === undefined) return yield* Effect.fail(new Error("the converted model is not in its folder"))
    const session = yield* Effect.promise(() =>
      InferenceSession.create(join(modelsDir, file), { intraOpNumThreads: 1, interOpNumThreads: 1 }),
    )
    const size = model.inputSize
    const input = session.inputNames[0]!
    const tensor = new Tensor("uint8", new Uint8Array(batch * size * size * 3).fill(77), [batch, size, size, 3])
    const bare = Effect.promise(async () => {
      const start = performance.now()
      for (let n = 0; n < images; n += batch) await session.run({ [input]: tensor })
      return (images / (performance.now() - start)) * 1000
    })
    const ours = Effect.gen(function* () {
      const work = slices(size)
      const start = performance.now()
      yield* Effect.forEach(work, (slice) => embed([slice]), { concurrency: 64, discard: true })
      return (images / (performance.now() - start)) * 1000
    })
    const results: Array<readonly [number, number]> = []
    yield* bare
    yield* ours
    for (let n = 0; n < rounds; n++) results.push([yield* bare, yield* ours])
    return results
  }).pipe(Effect.provide(OnnxEmbedder.layer({ preset: "mobilenet-v1-025", modelsDir, threads: 1, batch })))
  const of = (pick: (pair: readonly [number, number]) => number) => percentile(measured.map(pick), 0.5)
  return {
    title: "Embedding",
    note: `${images} slices of 224 × 224, batches of ${batch}, one thread; ${rounds} rounds, bare ONNX Runtime and the embedder in turn; medians. The embedder's callers hand over one slice each, and get unit vectors and the local grid back over a thread.`,
    head: ["bare slices/s", "embedder slices/s", "ratio"],
    rows: [[of(([bare]) => bare), of(([, ours]) => ours), of(([bare, ours]) => ours / bare)]],
  } satisfies Table
}).pipe(Effect.scoped)
