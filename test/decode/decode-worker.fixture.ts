// A worker module whose normaliser passes on what it was given, hangs at input size 1 and dies at 2, for Decoder.test.ts.
import { decodeTasks } from "../../src/decode/tasks.ts"

export const { ready, prepare, render, frame, segment } = decodeTasks((decoded, inputSize) => {
  if (inputSize === 1) for (;;);
  if (inputSize === 2) process.exit(3)
  return {
    FrameNumber: decoded.FrameNumber,
    geometry: {
      stack: `${decoded.Modality} ${decoded.samples.constructor.name}`,
      position: (decoded.samples as Uint16Array).reduce((sum, value) => sum + value, 0),
      ImagePositionPatient: [
        decoded.ImagePositionPatient[0]!,
        decoded.ImagePositionPatient[1]!,
        decoded.ImagePositionPatient[2]!,
      ],
      ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
      PixelSpacing: [decoded.PixelSpacing[0]!, decoded.PixelSpacing[1]!],
      SliceThickness: decoded.SliceThickness ?? 0,
      Rows: decoded.Rows,
      Columns: decoded.Columns,
      view: { origin: [0, 0, 0], right: [1, 0, 0], down: [0, 1, 0], size: inputSize },
      blank: false,
    },
    pixels: new Uint8Array(inputSize * inputSize * 3),
  }
})
