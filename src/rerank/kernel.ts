// The dense kernels at work: many stacks' similarities to one query in few runs of bounded memory.
import * as ort from "onnxruntime-node"
import { pooledGraph, similarityGraph, unpackGraph } from "./similarity-graph.ts"

/** Rows of one run: small enough to stay near the cache, large enough to hide the cost of a run. */
const maxRows = 4096

export interface Rows {
  /** rows × dimension. */
  readonly vectors: Float32Array
}

export interface Kernel {
  /**
   * Per item its rows × queries matrix of cosines, both sides less `mean`. `queries`: q × dimension. Answered in order,
   * each as a view of its run's own answer: to keep one keeps the run's.
   */
  readonly similarities: (
    queries: Float32Array,
    items: Iterable<Rows>,
    mean: Float32Array,
  ) => AsyncGenerator<Float32Array>
  /** cells × queries for int8 local vectors. */
  readonly localSimilarities: (queries: Float32Array, locals: Int8Array, mean: Float32Array) => Promise<Float32Array>
  /** One cosine per pair: query vector of the pair against the cells' mean under the pair's weights (pairs × cells). */
  readonly pooledSimilarities: (
    queries: Float32Array,
    locals: Int8Array,
    weights: Float32Array,
    mean: Float32Array,
  ) => Promise<Float32Array>
}

const open = (graph: Uint8Array) =>
  ort.InferenceSession.create(graph, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: "sequential" })

const floats = (tensor: ort.Tensor | undefined): Float32Array => {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError("the kernel answers no floats")
  return tensor.data
}

/** Runs block the thread they are called on: for worker threads. */
export const openKernel = async (dimension: number): Promise<Kernel> => {
  const [dense, pooled, unpack] = await Promise.all(
    [similarityGraph, pooledGraph, unpackGraph].map((graph) => open(graph(dimension))),
  )
  if (dense === undefined || pooled === undefined || unpack === undefined) throw new Error("no kernel")
  const matrix = (values: Float32Array) => new ort.Tensor("float32", values, [values.length / dimension, dimension])
  const cells = (values: Int8Array) => new ort.Tensor("int8", values, [values.length / dimension, dimension])

  const run = async (q: ort.Tensor, x: ort.Tensor, m: ort.Tensor): Promise<Float32Array> =>
    floats((await dense.run({ x, q, m }))["sim"])

  /** Rows of several items beside each other, then the run, then each item's part of the answer. */
  async function* similarities(queries: Float32Array, items: Iterable<Rows>, mean: Float32Array) {
    const [q, m] = [matrix(queries), matrix(mean)]
    const count = queries.length / dimension
    const buffer = new Float32Array(maxRows * dimension)
    let waiting: Array<number> = []
    let filled = 0
    const flush = async function* () {
      const sim = filled === 0 ? new Float32Array(0) : await run(q, matrix(buffer.subarray(0, filled)), m)
      let row = 0
      for (const rows of waiting) {
        yield sim.subarray(row * count, (row + rows) * count)
        row += rows
      }
      waiting = []
      filled = 0
    }
    for (const { vectors } of items) {
      if (vectors.length > buffer.length) {
        yield* flush()
        // Larger than the buffer by itself: runs alone, without a copy, bounded by its owner.
        yield await run(q, matrix(vectors), m)
        continue
      }
      if (filled + vectors.length > buffer.length) yield* flush()
      buffer.set(vectors, filled)
      filled += vectors.length
      waiting.push(vectors.length / dimension)
    }
    yield* flush()
  }

  return {
    similarities,
    localSimilarities: async (queries, locals, mean) => {
      const values = (await unpack.run({ x: cells(locals) }))["values"]
      return values === undefined ? new Float32Array(0) : run(matrix(queries), values, matrix(mean))
    },
    pooledSimilarities: async (queries, locals, weights, mean) => {
      const q = matrix(queries)
      const w = new ort.Tensor("float32", weights, [queries.length / dimension, locals.length / dimension])
      return floats((await pooled.run({ x: cells(locals), w, q, m: matrix(mean) }))["sim"])
    },
  }
}
