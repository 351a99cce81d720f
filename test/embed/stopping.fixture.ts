// A process that closes the embedder in the middle of its runs, or opens it with a preset that does not fit; prints how that went.
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type { PreparedSlice } from "../../src/domain/slice.ts"
import { Embedder } from "../../src/embed/Embedder.ts"
import { layer } from "../../src/embed/onnx-embedder.ts"

const [, , preset = "", modelsDir = ""] = process.argv

const slices = (count: number): ReadonlyArray<PreparedSlice> =>
  Array.from({ length: count }, (_, i) => ({
    FrameNumber: i + 1,
    geometry: {
      stack: "s",
      position: i,
      ImagePositionPatient: [0, 0, i],
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      PixelSpacing: [1, 1],
      SliceThickness: 1,
      Rows: 224,
      Columns: 224,
      view: { origin: [0, 0, i], right: [1, 0, 0], down: [0, 1, 0], size: 224 },
      blank: false,
    },
    pixels: new Uint8Array(224 * 224 * 3).fill(i),
  }))

const stopMidway = Effect.gen(function* () {
  const embedder = yield* Embedder
  const embedding = yield* Effect.forkChild(embedder.embed(slices(400)))
  // Answered once the first batches are through: the threads are in the middle of the next ones.
  yield* embedder.embed(slices(1))
  yield* Fiber.interrupt(embedding)
})

const exit = await Effect.runPromiseExit(
  stopMidway.pipe(
    Effect.provide(layer({ preset, modelsDir, threads: 2, batch: 8 }) satisfies Layer.Layer<Embedder, unknown>),
  ),
)
process.stdout.write(Exit.isSuccess(exit) ? "closed" : `refused: ${String(exit.cause)}`)
