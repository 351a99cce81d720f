// The dense kernels as ONNX graphs, written at start-up: no model file to ship, and the arithmetic stays in one library.
import proto from "onnx-proto"

const { onnx } = proto
const { FLOAT, INT8, INT64 } = onnx.TensorProto.DataType

type Dimensions = ReadonlyArray<number | string>

const value = (name: string, elemType: number, dimensions: Dimensions) => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: dimensions.map((dim) => (typeof dim === "string" ? { dimParam: dim } : { dimValue: dim })) },
    },
  },
})

const node = (
  opType: string,
  input: ReadonlyArray<string>,
  output: ReadonlyArray<string>,
  attributes: Readonly<Record<string, number>> = {},
) => ({
  opType,
  input: [...input],
  output: [...output],
  attribute: Object.entries(attributes).map(([name, i]) => ({ name, type: onnx.AttributeProto.AttributeType.INT, i })),
})

const scalar = (name: string, number: number) => ({ name, dims: [], dataType: FLOAT, floatData: [number] })
const indices = (name: string, numbers: ReadonlyArray<number>) => ({
  name,
  dims: [numbers.length],
  dataType: INT64,
  rawData: new Uint8Array(new BigInt64Array(numbers.map(BigInt)).buffer),
})

const constants = [
  scalar("tiny", 1e-6),
  scalar("two", 2),
  scalar("one", 1),
  scalar("minusOne", -1),
  indices("columns", [1]),
  indices("minus1", [-1]),
  indices("zero", [0]),
  indices("beyond", [2 ** 31]),
]

type Node = ReturnType<typeof node>
type Value = ReturnType<typeof value>

const model = (nodes: ReadonlyArray<Node>, inputs: ReadonlyArray<Value>, output: Value): Uint8Array =>
  onnx.ModelProto.encode(
    onnx.ModelProto.create({
      irVersion: 8,
      opsetImport: [{ domain: "", version: 18 }],
      graph: {
        name: "similarity",
        node: [...nodes],
        input: [...inputs],
        output: [output],
        initializer: constants.filter(({ name }) => nodes.some(({ input }) => input.includes(name))),
      },
    }),
  ).finish()

/** Rows of `from` to unit length in `to`; rows of zeros stay zeros. */
const unit = (from: string, to: string): ReadonlyArray<Node> => [
  node("ReduceL2", [from, "columns"], [`${to}_length`]),
  node("Max", [`${to}_length`, "tiny"], [`${to}_divisor`]),
  node("Div", [from, `${to}_divisor`], [to]),
]

/**
 * x: n × D, q: queries × D, m: 1 × D → sim: n × queries, the cosine of x − m and q − m.
 *
 * The rows of x are not touched one by one: (x − m)·q̂ = x·q̂ − m·q̂ and |x − m|² = x·x − 2 x·m + m·m, with m as one
 * more column of the product. So each chunk is read once by the product and once for x·x.
 */
export const similarityGraph = (dimension: number): Uint8Array =>
  model(
    [
      node("Sub", ["q", "m"], ["shifted"]),
      ...unit("shifted", "direction"),
      node("Concat", ["direction", "m"], ["rows"], { axis: 0 }),
      node("Transpose", ["rows"], ["factors"]),
      node("MatMul", ["x", "factors"], ["products"]),
      node("Slice", ["products", "zero", "minus1", "columns"], ["dots"]),
      node("Slice", ["products", "minus1", "beyond", "columns"], ["onMean"]),
      node("Transpose", ["direction"], ["directions"]),
      node("MatMul", ["m", "directions"], ["meanDots"]),
      node("Sub", ["dots", "meanDots"], ["centred"]),
      node("ReduceSumSquare", ["x", "columns"], ["squares"]),
      node("ReduceSumSquare", ["m", "columns"], ["meanSquare"]),
      node("Mul", ["onMean", "two"], ["twice"]),
      node("Sub", ["squares", "twice"], ["reduced"]),
      node("Add", ["reduced", "meanSquare"], ["distance"]),
      node("Max", ["distance", "tiny"], ["positive"]),
      node("Sqrt", ["positive"], ["length"]),
      node("Div", ["centred", "length"], ["cosine"]),
      node("Clip", ["cosine", "minusOne", "one"], ["sim"]),
    ],
    [value("x", FLOAT, ["n", dimension]), value("q", FLOAT, ["queries", dimension]), value("m", FLOAT, [1, dimension])],
    value("sim", FLOAT, ["n", "queries"]),
  )

/**
 * Local vectors against pooled ones. x: cells × D (int8, × 127), w: pairs × cells (weights of each pair's box),
 * q: pairs × D, m: 1 × D → sim: pairs × 1, the cosine of q − m and the weighted mean of x, at unit length, − m.
 */
export const pooledGraph = (dimension: number): Uint8Array =>
  model(
    [
      node("Cast", ["x"], ["floats"], { to: FLOAT }),
      node("MatMul", ["w", "floats"], ["sums"]),
      ...unit("sums", "pooled"),
      node("Sub", ["pooled", "m"], ["pooledShifted"]),
      ...unit("pooledShifted", "pooledDirection"),
      node("Sub", ["q", "m"], ["shifted"]),
      ...unit("shifted", "direction"),
      node("Mul", ["pooledDirection", "direction"], ["products"]),
      node("ReduceSum", ["products", "columns"], ["sim"]),
    ],
    [
      value("x", INT8, ["cells", dimension]),
      value("w", FLOAT, ["pairs", "cells"]),
      value("q", FLOAT, ["pairs", dimension]),
      value("m", FLOAT, [1, dimension]),
    ],
    value("sim", FLOAT, ["pairs", 1]),
  )

/** x: cells × D (int8, × 127) → values: cells × D of unit length, for `similarityGraph`. */
export const unpackGraph = (dimension: number): Uint8Array =>
  model(
    [node("Cast", ["x"], ["floats"], { to: FLOAT }), ...unit("floats", "values")],
    [value("x", INT8, ["cells", dimension])],
    value("values", FLOAT, ["cells", dimension]),
  )
