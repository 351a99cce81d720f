// Vectors by preset: normalisation, layouts, batches across callers, and presets that do not fit their model.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { PreparedSlice } from "../../src/domain/slice.ts"
import { Embedder } from "../../src/embed/Embedder.ts"
import { layer } from "../../src/embed/onnx-embedder.ts"
import { tinyModel } from "./tiny-model.fixture.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "models-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)

const slice = (
  size: number,
  colour: (row: number, column: number) => readonly [number, number, number],
): PreparedSlice => ({
  FrameNumber: 1,
  geometry: {
    stack: "s",
    position: 0,
    ImagePositionPatient: [0, 0, 0],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [1, 1],
    SliceThickness: 1,
    Rows: size,
    Columns: size,
    view: { origin: [0, 0, 0], right: [1, 0, 0], down: [0, 1, 0], size },
    blank: false,
  },
  pixels: Uint8Array.from({ length: size * size * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3)
    return colour(Math.floor(pixel / size), pixel % size)[i % 3]!
  }),
})

const tiny = `
file: tiny.onnx
input: { size: 16, layout: NCHW, type: float32, range: [-1, 1], mean: [0, 0, 0.5], std: [1, 2, 1] }
outputs: { vector: means, grid: quarters }
dimension: 3
gridSize: 2
`

const withTiny = <A, E>(
  yaml: string,
  use: Effect.Effect<A, E, Embedder>,
  { batch = 4, model = tinyModel("N") as Uint8Array, name = "tiny.yaml" } = {},
) =>
  Effect.gen(function* () {
    const modelsDir = yield* folder
    writeFileSync(join(modelsDir, "tiny.onnx"), model)
    const preset = join(modelsDir, name)
    writeFileSync(preset, yaml)
    return yield* Layer.build(layer({ preset, modelsDir, threads: 1, batch })).pipe(
      Effect.flatMap((services) => Effect.provide(use, services)),
    )
  }).pipe(Effect.scoped)

/** What the tiny preset makes of a colour. */
const seen = (r: number, g: number, b: number) => [(r / 255) * 2 - 1, ((g / 255) * 2 - 1) / 2, (b / 255) * 2 - 1.5]
const cosine = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
const unit = (values: ReadonlyArray<number>) => values.map((value) => value / Math.hypot(...values))
const close = (actual: Iterable<number>, wanted: ReadonlyArray<number>, delta: number) => {
  const values = [...actual]
  assert.strictEqual(values.length, wanted.length)
  for (const [i, value] of values.entries()) assert.approximately(value, wanted[i]!, delta)
}

describe("onnx embedder", () => {
  it.live("normalises as the preset says and answers unit vectors, whole and by cell", () =>
    withTiny(
      tiny,
      Effect.gen(function* () {
        const { embed, model } = yield* Embedder
        const halves = slice(16, (_, column) => (column < 8 ? [255, 0, 51] : [0, 255, 204]))
        const [embedding] = yield* embed([halves])
        const [left, right] = [seen(255, 0, 51), seen(0, 255, 204)]
        close(embedding!.vector, unit(left.map((value, i) => (value + right[i]!) / 2)), 1e-5)
        const row = [...unit(left), ...unit(right)].map((value) => Math.round(value * 127))
        close(embedding!.locals, [...row, ...row], 1)
        assert.strictEqual(halves.pixels.length, 0)
        assert.match(model.id, /^tiny-[0-9a-f]{8}$/)
        assert.deepStrictEqual([model.dimension, model.inputSize, model.gridSize], [3, 16, 2])
      }),
    ),
  )

  for (const [what, model] of [
    ["any batch", tinyModel("N")],
    ["single pictures", tinyModel(1)],
  ] as const)
    it.live(`answers every caller with its own slices, from a model for ${what}`, () =>
      withTiny(
        tiny,
        Effect.gen(function* () {
          const { embed } = yield* Embedder
          const wanted = Array.from({ length: 23 }, (_, i) => [i * 11, 255 - i * 7, (i * 37) % 255] as const)
          const groups = [wanted.slice(0, 1), wanted.slice(1, 12), [], wanted.slice(12, 14), wanted.slice(14)]
          const answers = yield* Effect.forEach(groups, (group) => embed(group.map((rgb) => slice(16, () => rgb))), {
            concurrency: "unbounded",
          })
          assert.deepStrictEqual(
            answers.map(({ length }) => length),
            groups.map(({ length }) => length),
          )
          for (const [i, { vector }] of answers.flat().entries()) {
            close(vector, unit(seen(...wanted[i]!)), 1e-5)
          }
        }),
        { model },
      ),
    )

  it.live("refuses slices of another size, and only those", () =>
    withTiny(
      tiny,
      Effect.gen(function* () {
        const { embed } = yield* Embedder
        const [refused, fine] = yield* Effect.all(
          [Effect.flip(embed([slice(15, () => [1, 2, 3])])), embed([slice(16, () => [1, 2, 3])])],
          { concurrency: "unbounded" },
        )
        assert.strictEqual(refused.reason, "model")
        assert.strictEqual(fine.length, 1)
      }),
    ),
  )

  it.live.each([
    ["an unknown key", tiny.replace("dimension", "colour: red\ndimension"), /colour/],
    [
      "a wrong dimension",
      tiny.replace("dimension: 3", "dimension: 4"),
      /means is float32 \[2, 3, 1, 1\], not float32 \[2, 4\]/,
    ],
    [
      "an output that is not there",
      tiny.replace("vector: means", "vector: meanz"),
      /no output meanz; it has means, quarters/,
    ],
    ["a wrong grid", tiny.replace("gridSize: 2", "gridSize: 7"), /quarters is float32 \[2, 3, 2, 2\]/],
    ["a grid without a size", tiny.replace("gridSize: 2", ""), /outputs.grid and gridSize belong together/],
    ["a wrong layout", tiny.replace("NCHW", "NHWC"), /dimensions/],
    ["a wrong type", tiny.replace(/float32.*\}/, "uint8 }"), /type/],
    ["normalised bytes", tiny.replace("float32", "uint8"), /range/],
    ["no mapping", "- 1", /Expected/],
    ["no file", tiny.replace("tiny.onnx", "none.onnx"), /none\.onnx/],
  ] as const)("says what does not fit: %s", ([, yaml, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(withTiny(yaml, Embedder))
      assert.strictEqual(error._tag, "ModelError")
      assert.match(error.message, message)
    }),
  )

  it.live("says that a file is no model", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(withTiny(tiny, Embedder, { model: new Uint8Array(100) }))
      assert.match(error.message, /tiny\.onnx/)
    }),
  )

  it.live("has the default backbone by name", () =>
    Effect.gen(function* () {
      const { embed, model } = yield* Embedder
      const [a, b, c] = yield* embed([
        slice(224, (row, column) => [row, column, 0]),
        slice(224, (row, column) => [row, column, 3]),
        slice(224, (row, column) => (((row >> 4) + (column >> 4)) % 2 === 0 ? [255, 255, 255] : [0, 0, 0])),
      ])
      assert.match(model.id, /^mobilenet-v1-025-[0-9a-f]{8}$/)
      assert.deepStrictEqual([a!.vector.length, a!.locals.length], [256, 7 * 7 * 256])
      assert.approximately(cosine(a!.vector, a!.vector), 1, 1e-5)
      assert.isAbove(cosine(a!.vector, b!.vector), 0.99)
      assert.isBelow(cosine(a!.vector, c!.vector), 0.9)
    }).pipe(
      Effect.provide(
        Layer.unwrap(
          Effect.map(folder, (modelsDir) => layer({ preset: "mobilenet-v1-025", modelsDir, threads: 2, batch: 2 })),
        ),
      ),
      Effect.scoped,
    ),
  )
})
