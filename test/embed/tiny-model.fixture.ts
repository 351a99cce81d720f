// A model small enough to know its answers: channel means as the vector, the picture in quarters as the grid.
import onnxProto from "onnx-proto"

const { onnx } = onnxProto
const { FLOAT } = onnx.TensorProto.DataType
const type = (dims: ReadonlyArray<number | string>) => ({
  tensorType: {
    elemType: FLOAT,
    shape: { dim: dims.map((dim) => (typeof dim === "string" ? { dimParam: dim } : { dimValue: dim })) },
  },
})
const { INTS } = onnx.AttributeProto.AttributeType

/** `picture` float32 [N,3,16,16] → `means` [N,3,1,1], `quarters` [N,3,2,2]. */
export const tinyModel = (batch: "N" | 1): Uint8Array =>
  onnx.ModelProto.encode({
    irVersion: 7,
    opsetImport: [{ domain: "", version: 13 }],
    graph: {
      name: "tiny",
      node: [
        { opType: "GlobalAveragePool", input: ["picture"], output: ["means"] },
        {
          opType: "AveragePool",
          input: ["picture"],
          output: ["quarters"],
          attribute: [
            { name: "kernel_shape", type: INTS, ints: [8, 8] },
            { name: "strides", type: INTS, ints: [8, 8] },
          ],
        },
      ],
      input: [{ name: "picture", type: type([batch, 3, 16, 16]) }],
      output: [
        { name: "means", type: type([batch, 3, 1, 1]) },
        { name: "quarters", type: type([batch, 3, 2, 2]) },
      ],
    },
  }).finish()
