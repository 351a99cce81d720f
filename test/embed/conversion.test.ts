// The converted backbone computes what the packaged network computes, and a conversion that does not is refused.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as ort from "onnxruntime-node"
import { builtinModel } from "../../src/embed/builtin-model.ts"
import { mobilenetOnnx } from "../../src/embed/mobilenet-onnx.ts"
import { readMobilenet } from "../../src/embed/mobilenet-source.ts"
import { recordedImage, recordedVector } from "../../src/embed/recorded-output.ts"
import { sourceNetwork } from "./source-network.fixture.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "models-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)

const run = (model: Uint8Array, images: Uint8Array, n: number) =>
  Effect.promise(async () => {
    const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 })
    const { vector, grid } = await session.run({ images: new ort.Tensor("uint8", images, [n, 224, 224, 3]) })
    return { vector: vector!.data as Float32Array, grid: grid!.data as Float32Array }
  })

const largestDifference = (a: Float32Array, b: ArrayLike<number>) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), a.length === b.length ? 0 : Number.NaN)

describe("conversion", () => {
  const noise = Uint8Array.from({ length: 224 * 224 * 3 }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 24) & 255)
  const expected = [recordedImage(), noise].map(sourceNetwork)

  it.live("equals the source network, for each picture of a batch", () =>
    Effect.gen(function* () {
      const both = new Uint8Array([...recordedImage(), ...noise])
      const { vector, grid } = yield* run(mobilenetOnnx(readMobilenet()), both, 2)
      for (const [i, source] of expected.entries()) {
        assert.isBelow(largestDifference(vector.subarray(i * 256, (i + 1) * 256), source.vector), 1e-4)
        assert.isBelow(largestDifference(grid.subarray(i * 12_544, (i + 1) * 12_544), source.grid), 1e-3)
      }
      assert.isAbove(largestDifference(vector.subarray(0, 256), expected[1]!.vector), 0.1)
    }),
  )

  it("has the source network's outputs on record", () => {
    assert.isAtLeast(recordedVector.length, 10)
    for (const [at, value] of recordedVector) assert.approximately(expected[0]!.vector[at]!, value, 1e-4)
  })

  it.live("keeps the file, and replaces one that was damaged", () =>
    Effect.gen(function* () {
      const models = join(yield* folder, "models")
      const path = yield* builtinModel("mobilenet-v1-025", models)
      const bytes = readFileSync(path)
      assert.deepStrictEqual(readdirSync(models), ["mobilenet-v1-025.onnx"])
      writeFileSync(path, bytes.subarray(0, 100_000))
      yield* builtinModel("mobilenet-v1-025", models)
      assert.isTrue(bytes.equals(readFileSync(path)))
      // Sound protobuf, other numbers: weights of the first convolution negated.
      const other = new Map(readMobilenet())
      const [name, { shape, values }] = [...other].find(([key]) => key.endsWith("Conv2d_0/Conv2D_weights"))!
      other.set(name, { shape, values: values.map((value) => -value) })
      writeFileSync(path, mobilenetOnnx(other))
      yield* builtinModel("mobilenet-v1-025", models)
      assert.isTrue(bytes.equals(readFileSync(path)))
    }).pipe(Effect.scoped),
  )

  it.live("says so when the folder cannot hold a model", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "file")
      appendFileSync(file, "not a folder")
      const error = yield* Effect.flip(builtinModel("mobilenet-v1-025", file))
      assert.include(error.message, "builtin model mobilenet-v1-025")
    }).pipe(Effect.scoped),
  )
})
