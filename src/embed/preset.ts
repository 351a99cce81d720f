// Model presets: what an ONNX file takes and gives, as written in gateway-config/models/*.yaml.
import { readFile } from "node:fs/promises"
import { basename, dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Yaml from "effect/encoding/Yaml"

export class ModelError extends Schema.TaggedError<ModelError>()("ModelError", {
  /** For the person who wrote the preset: what does not fit, and what is allowed. */
  message: Schema.String,
}) {}

const Channels = Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite])
const side = Schema.Int.check(Schema.isBetween({ minimum: 16, maximum: 1024 }))
const layout = Schema.Literals(["NCHW", "NHWC"])

/** Bytes as they are: the model scales them itself. */
const ByteInput = Schema.Struct({ size: side, layout, type: Schema.Literal("uint8") })

/** Each of R, G, B is (range[0] + byte / 255 × (range[1] − range[0]) − mean) / std. */
const FloatInput = Schema.Struct({
  size: side,
  layout,
  type: Schema.Literal("float32"),
  range: Schema.optionalKey(Schema.Tuple([Schema.Finite, Schema.Finite])),
  mean: Schema.optionalKey(Channels),
  std: Schema.optionalKey(
    Schema.Tuple([
      Schema.Finite.check(Schema.isGreaterThan(0)),
      Schema.Finite.check(Schema.isGreaterThan(0)),
      Schema.Finite.check(Schema.isGreaterThan(0)),
    ]),
  ),
})

const common = {
  input: Schema.Union([ByteInput, FloatInput]),
  outputs: Schema.Struct({
    /** Name of the output [N, dimension]. */
    vector: Schema.NonEmptyString,
    /** Name of the output [N, gridSize, gridSize, dimension], [N, dimension, gridSize, gridSize] or [N, gridSize², dimension]. */
    grid: Schema.optionalKey(Schema.NonEmptyString),
  }),
  dimension: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 8192 })),
  /** Cells per side; 0 or left out without a grid. */
  gridSize: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 64 }))),
}

const FilePreset = Schema.Struct({ file: Schema.NonEmptyString, ...common })
const BuiltinPreset = Schema.Struct({ builtin: Schema.Literal("mobilenet-v1-025"), ...common })
export const Preset = Schema.Union([FilePreset, BuiltinPreset])
export type Preset = typeof Preset.Type

export interface NamedPreset {
  readonly name: string
  readonly preset: Preset
  /** The ONNX file, absolute; undefined for a builtin model. */
  readonly file: string | undefined
}

const folder = fileURLToPath(new URL("../../gateway-config/models/", import.meta.url))

const isName = (text: string) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text) && !/\.ya?ml$/.test(text)

/** The name, or the absolute path: means the same from whatever folder the gateway is started. */
export const presetOf = (nameOrPath: string): string => (isName(nameOrPath) ? nameOrPath : resolve(nameOrPath))

/** By name in gateway-config/models, or by the path of a YAML file. */
export const readPreset = Effect.fn("readPreset")(function* (nameOrPath: string) {
  const path = isName(nameOrPath) ? resolve(folder, `${nameOrPath}.yaml`) : resolve(nameOrPath)
  const name = basename(path).replace(/\.ya?ml$/, "")
  const refuse = (what: string) => new ModelError({ message: `model preset ${path}: ${what}` })
  const text = yield* Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => refuse(`cannot be read (${cause instanceof Error ? cause.message : String(cause)})`),
  })
  const parsed = yield* Effect.try({
    try: (): unknown => Yaml.parse(text),
    catch: (cause) => refuse(`not YAML (${String(cause)})`),
  })
  const builtin = typeof parsed === "object" && parsed !== null && "builtin" in parsed
  // One of the two is asked for, so that the message names a key instead of two alternatives.
  const schema: Schema.Decoder<Preset> = builtin ? BuiltinPreset : FilePreset
  const preset = yield* Schema.decodeUnknownEffect(schema, { onExcessProperty: "error", errors: "all" })(parsed).pipe(
    Effect.mapError((error) => refuse(error.message)),
  )
  if ((preset.outputs.grid === undefined) !== ((preset.gridSize ?? 0) === 0))
    return yield* refuse("outputs.grid and gridSize belong together")
  return {
    name,
    preset,
    file: "file" in preset ? resolve(dirname(path), preset.file) : undefined,
  } satisfies NamedPreset
})
