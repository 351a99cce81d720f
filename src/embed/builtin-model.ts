// The default backbone on disk: converted at first use, and refused when it does not compute what its source computes.
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { open, rename } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as ort from "onnxruntime-node"
import { mobilenetOnnx } from "./mobilenet-onnx.ts"
import { readMobilenet } from "./mobilenet-source.ts"
import { ModelError } from "./preset.ts"
import { recordedImage, recordedVector } from "./recorded-output.ts"

/** Of each recorded value, in units of the network's output (0..6). */
const tolerance = 1e-3

/** Rejects unless the ONNX graph gives the recorded outputs. */
const check = async (bytes: Uint8Array): Promise<void> => {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 })
  const { vector } = await session.run({ images: new ort.Tensor("uint8", recordedImage(), [1, 224, 224, 3]) }, [
    "vector",
  ])
  await session.release()
  const values = vector?.data
  if (!(values instanceof Float32Array)) throw new Error("no vector")
  const wrong = recordedVector.findIndex(([at, value]) => !(Math.abs(values[at]! - value) < tolerance))
  if (wrong >= 0) throw new Error(`output ${recordedVector[wrong]![0]} is not that of the source network`)
}

/** Durable before it has its name: a crash leaves no half a model. */
const writeDurably = async (path: string, bytes: Uint8Array): Promise<void> => {
  const aside = `${path}.${process.pid}.part`
  const file = await open(aside, "w")
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(aside, path)
  const folder = await open(dirname(path), "r")
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const provide = async (path: string): Promise<void> => {
  if (existsSync(path)) {
    const sound = await check(readFileSync(path)).then(
      () => true,
      () => false,
    )
    if (sound) return
  }
  const bytes = mobilenetOnnx(readMobilenet())
  await check(bytes)
  mkdirSync(dirname(path), { recursive: true })
  await writeDurably(path, bytes)
}

/** Path of the builtin model's ONNX file in the folder. A damaged file is made anew. */
export const builtinModel = Effect.fn("builtinModel")(function* (name: string, modelsDir: string) {
  const path = join(modelsDir, `${name}.onnx`)
  yield* Effect.tryPromise({
    try: () => provide(path),
    catch: (cause) =>
      new ModelError({
        message: `builtin model ${name}: ${cause instanceof Error ? cause.message : String(cause)}`,
      }),
  })
  return path
})
