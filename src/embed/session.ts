// One ONNX session of a thread: RGB bytes to unit vectors, with what the model gives checked against its preset.
import * as ort from "onnxruntime-node"
import type { Embedding } from "../domain/slice.ts"
import type { Preset } from "./preset.ts"

export interface SessionModel {
  readonly preset: Preset
  /** The ONNX file. */
  readonly path: string
}

export interface Session {
  /** RGB of size × size pixels each, interleaved. */
  readonly embed: (images: ReadonlyArray<Uint8Array>) => Promise<ReadonlyArray<Embedding>>
}

/** A byte's value in each channel: R, G, B one after another. */
const lookup = (input: Extract<Preset["input"], { readonly type: "float32" }>): Float32Array => {
  const [low, high] = input.range ?? [0, 1]
  const mean = input.mean ?? [0, 0, 0]
  const std = input.std ?? [1, 1, 1]
  return Float32Array.from(
    { length: 768 },
    (_, i) => (low + ((i & 255) / 255) * (high - low) - mean[i >> 8]!) / std[i >> 8]!,
  )
}

/** Reused from run to run; grows to the largest batch. */
const inputWriter = (input: Preset["input"]) => {
  const pixels = input.size * input.size
  const table = input.type === "float32" ? lookup(input) : undefined
  let bytes = new Uint8Array(0)
  let numbers = new Float32Array(0)
  const write = (images: ReadonlyArray<Uint8Array>, into: Uint8Array | Float32Array): void => {
    for (const [n, image] of images.entries()) {
      const start = n * pixels * 3
      if (input.layout === "NHWC" && table === undefined) into.set(image, start)
      else
        for (let channel = 0; channel < 3; channel++)
          for (let i = 0; i < pixels; i++) {
            const byte = image[i * 3 + channel]!
            const at = input.layout === "NHWC" ? start + i * 3 + channel : start + channel * pixels + i
            into[at] = table === undefined ? byte : table[channel * 256 + byte]!
          }
    }
  }
  return (images: ReadonlyArray<Uint8Array>): ort.Tensor => {
    const wrong = images.find(({ length }) => length !== pixels * 3)
    if (wrong !== undefined) throw new Error(`an image of ${wrong.length} bytes, not ${pixels * 3}`)
    const count = images.length * pixels * 3
    const dims =
      input.layout === "NHWC" ? [images.length, input.size, input.size, 3] : [images.length, 3, input.size, input.size]
    if (table === undefined) {
      if (bytes.length < count) bytes = new Uint8Array(count)
      write(images, bytes)
      return new ort.Tensor("uint8", bytes.subarray(0, count), dims)
    }
    if (numbers.length < count) numbers = new Float32Array(count)
    write(images, numbers)
    return new ort.Tensor("float32", numbers.subarray(0, count), dims)
  }
}

/** A vector whose values lie `stride` apart, scaled to length `to`; zeros stay zeros. */
const scaled = (
  values: Float32Array,
  start: number,
  count: number,
  stride: number,
  to: number,
  into: Float32Array | Int8Array,
  at: number,
): void => {
  let sum = 0
  for (let i = 0; i < count; i++) sum += values[start + i * stride]! ** 2
  const scale = sum > 0 ? to / Math.sqrt(sum) : 0
  // Two loops, as one that stores either kind runs slower; thousands of local values per slice pass here.
  if (into instanceof Int8Array)
    for (let i = 0; i < count; i++) into[at + i] = Math.round(values[start + i * stride]! * scale)
  else for (let i = 0; i < count; i++) into[at + i] = values[start + i * stride]! * scale
}

const said = (tensor: ort.Tensor): string => `${tensor.type} [${tensor.dims.join(", ")}]`

/** The named output, when it has one of the shapes. */
const numbers = (found: ort.InferenceSession.OnnxValueMapType, name: string, shapes: ReadonlyArray<string>) => {
  const tensor = found[name]
  if (!(tensor instanceof ort.Tensor))
    throw new Error(`the model gives no output ${name}, but ${Object.keys(found).join(", ")}`)
  if (!(tensor.data instanceof Float32Array) || !shapes.includes(tensor.dims.join()))
    throw new Error(
      `output ${name} is ${said(tensor)}, not float32 [${shapes.map((shape) => shape.replaceAll(",", ", ")).join("] or [")}]`,
    )
  return { data: tensor.data, dims: tensor.dims }
}

const outputReader = ({ outputs, dimension, gridSize = 0 }: Preset) => {
  const cells = gridSize * gridSize
  return (found: ort.InferenceSession.OnnxValueMapType, n: number): ReadonlyArray<Embedding> => {
    const vectors = numbers(found, outputs.vector, [[n, dimension].join(), [n, dimension, 1, 1].join()])
    const planar = [n, dimension, gridSize, gridSize].join()
    const grid =
      outputs.grid === undefined
        ? undefined
        : numbers(found, outputs.grid, [
            [n, gridSize, gridSize, dimension].join(),
            planar,
            [n, cells, dimension].join(),
          ])
    const isPlanar = grid?.dims.join() === planar
    return Array.from({ length: n }, (_, i) => {
      const vector = new Float32Array(dimension)
      scaled(vectors.data, i * dimension, dimension, 1, 1, vector, 0)
      const locals = new Int8Array(cells * dimension)
      if (grid !== undefined)
        for (let cell = 0; cell < cells; cell++) {
          const start = isPlanar ? i * dimension * cells + cell : (i * cells + cell) * dimension
          scaled(grid.data, start, dimension, isPlanar ? cells : 1, 127, locals, cell * dimension)
        }
      if (!vector.every(Number.isFinite)) throw new Error(`output ${outputs.vector} holds values that are no numbers`)
      return { vector, locals }
    })
  }
}

/** Rejects with what does not fit when the file is no model or another one than the preset says. */
export const openSession = async ({ preset, path }: SessionModel): Promise<Session> => {
  const session = await ort.InferenceSession.create(path, {
    // One session per thread: the threads share the work, not the sessions.
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Warnings about graph details help nobody who runs a gateway.
    logSeverityLevel: 3,
  })
  const [name, ...others] = session.inputNames
  if (name === undefined || others.length > 0)
    throw new Error(`the model takes ${session.inputNames.length} inputs (${session.inputNames.join(", ")}), not one`)
  const metadata = session.inputMetadata[0]
  // Some exports fix the batch to one image.
  const single = metadata?.isTensor === true && metadata.shape[0] === 1
  const tensorOf = inputWriter(preset.input)
  const read = outputReader(preset)
  const wanted = [preset.outputs.vector, ...(preset.outputs.grid === undefined ? [] : [preset.outputs.grid])]
  const missing = wanted.find((output) => !session.outputNames.includes(output))
  if (missing !== undefined)
    throw new Error(`the model has no output ${missing}; it has ${session.outputNames.join(", ")}`)
  const run = async (images: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<Embedding>> =>
    read(await session.run({ [name]: tensorOf(images) }, wanted), images.length)
  return {
    embed: async (images) => {
      if (!single) return run(images)
      const embeddings: Array<Embedding> = []
      for (const image of images) embeddings.push(...(await run([image])))
      return embeddings
    },
  }
}
