// MobileNet v1 0.25 as an ONNX graph: RGB bytes in, the pooled vector and the 7 × 7 grid of its last layer out.
import onnxProto from "onnx-proto"
import type { Weights } from "./mobilenet-source.ts"

const { onnx } = onnxProto
const { DataType } = onnx.TensorProto

const scope = "module_apply_default/MobilenetV1/MobilenetV1"
/** Stride of the depthwise convolution of blocks 1 to 13 (Howard et al., arXiv 1704.04861, table 1). */
const strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1] as const

type Node = InstanceType<typeof onnx.NodeProto>
type Tensor = InstanceType<typeof onnx.TensorProto>

const ints = (name: string, values: ReadonlyArray<number>) =>
  onnx.AttributeProto.create({ name, type: onnx.AttributeProto.AttributeType.INTS, ints: [...values] })
const int = (name: string, value: number) =>
  onnx.AttributeProto.create({ name, type: onnx.AttributeProto.AttributeType.INT, i: value })

const floats = (name: string, dims: ReadonlyArray<number>, values: Float32Array): Tensor =>
  onnx.TensorProto.create({
    name,
    dims: [...dims],
    dataType: DataType.FLOAT,
    rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  })

const shapeOf = (dims: ReadonlyArray<number | string>) =>
  onnx.TensorShapeProto.create({
    dim: dims.map((dim) => (typeof dim === "string" ? { dimParam: dim } : { dimValue: dim })),
  })
const value = (name: string, elemType: number, dims: ReadonlyArray<number | string>) =>
  onnx.ValueInfoProto.create({ name, type: { tensorType: { elemType, shape: shapeOf(dims) } } })

/** [height, width, in, out] to [out, in, height, width]; depthwise [height, width, channels, 1] to [channels, 1, height, width]. */
const kernel = ({ shape, values }: Weights, depthwise: boolean): { dims: Array<number>; values: Float32Array } => {
  const [height = 0, width = 0, inner = 0, outer = 0] = shape
  const [outs, ins] = depthwise ? [inner, outer] : [outer, inner]
  const turned = new Float32Array(values.length)
  for (let y = 0, from = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let i = 0; i < inner; i++)
        for (let o = 0; o < outer; o++) {
          const [out, into] = depthwise ? [i, o] : [o, i]
          turned[((out * ins + into) * height + y) * width + x] = values[from++]!
        }
  return { dims: [outs, ins, height, width], values: turned }
}

/** `images` uint8 [N,224,224,3] → `vector` [N,256], `grid` [N,7,7,256]; neither is of unit length. */
export const mobilenetOnnx = (weights: ReadonlyMap<string, Weights>): Uint8Array => {
  const nodes: Array<Node> = []
  const initializer: Array<Tensor> = []
  const weight = (name: string): Weights => {
    const found = weights.get(`${scope}/${name}`)
    if (found === undefined) throw new Error(`the source network has no ${name}`)
    return found
  }
  const node = (opType: string, input: ReadonlyArray<string>, output: string, attribute: Node["attribute"] = []) => {
    nodes.push(onnx.NodeProto.create({ opType, name: output, input: [...input], output: [output], attribute }))
    return output
  }
  const constant = (name: string, dims: ReadonlyArray<number>, values: Float32Array) => {
    initializer.push(floats(name, dims, values))
    return name
  }
  const convolution = (input: string, name: string, weightName: string, biasName: string, stride: number) => {
    const depthwise = name.endsWith("_depthwise")
    const { dims, values } = kernel(weight(weightName), depthwise)
    const bias = weight(biasName)
    // "SAME" of an even side: stride 2 pads only behind (TensorFlow), stride 1 on both sides.
    const pads = dims[2] === 1 ? [0, 0, 0, 0] : stride === 2 ? [0, 0, 1, 1] : [1, 1, 1, 1]
    const inputs = [input, constant(`${name}/weights`, dims, values), constant(`${name}/bias`, bias.shape, bias.values)]
    const convolved = node("Conv", inputs, `${name}/conv`, [
      ints("kernel_shape", dims.slice(2)),
      ints("strides", [stride, stride]),
      ints("pads", pads),
      int("group", depthwise ? dims[0]! : 1),
    ])
    return node("Clip", [convolved, "zero", "six"], `${name}/relu6`)
  }
  const pointwise = (input: string, name: string, stride: number) =>
    convolution(input, name, `${name}/Conv2D_weights`, `${name}/Conv2D_bn_offset`, stride)

  constant("zero", [], new Float32Array([0]))
  constant("six", [], new Float32Array([6]))
  // RGB 0..1 times two less one, as the source network's first two nodes.
  constant("scale", [], new Float32Array([2 / 255]))
  constant("one", [], new Float32Array([1]))
  const cast = node("Cast", ["images"], "images/float", [int("to", DataType.FLOAT)])
  const planes = node("Transpose", [cast], "images/planes", [ints("perm", [0, 3, 1, 2])])
  const input = node("Sub", [node("Mul", [planes, "scale"], "images/scaled"), "one"], "images/centred")
  const last = strides.reduce(
    (from, stride, i) =>
      pointwise(
        convolution(
          from,
          `Conv2d_${i + 1}_depthwise`,
          `Conv2d_${i + 1}_depthwise/depthwise_weights`,
          `Conv2d_${i + 1}_depthwise/depthwise_bn_offset`,
          stride,
        ),
        `Conv2d_${i + 1}_pointwise`,
        1,
      ),
    pointwise(input, "Conv2d_0", 2),
  )
  node("Transpose", [last], "grid", [ints("perm", [0, 2, 3, 1])])
  node("Flatten", [node("GlobalAveragePool", [last], "pooled")], "vector")

  return onnx.ModelProto.encode({
    irVersion: 7,
    opsetImport: [{ domain: "", version: 13 }],
    producerName: "region-gateway",
    graph: {
      name: "mobilenet-v1-025",
      node: nodes,
      initializer,
      input: [value("images", DataType.UINT8, ["N", 224, 224, 3])],
      output: [value("vector", DataType.FLOAT, ["N", 256]), value("grid", DataType.FLOAT, ["N", 7, 7, 256])],
    },
  }).finish()
}
