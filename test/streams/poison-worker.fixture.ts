// A decode thread for ingest.test.ts that hangs or dies where the path says so, and makes a slice of everything else.
import type { DecodeJob } from "../../src/decode/Decoder.ts"

export const ready = () => Promise.resolve()

export const prepare = ({ path, inputSize }: DecodeJob) => {
  if (path.includes("hangs")) for (;;);
  if (path.includes("dies")) process.exit(3)
  const geometry = {
    stack: "stack",
    position: 0,
    ImagePositionPatient: [0, 0, 0],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [1, 1],
    SliceThickness: 1,
    Rows: 1,
    Columns: 1,
    view: { origin: [0, 0, 0], right: [1, 0, 0], down: [0, 1, 0], size: inputSize },
    blank: false,
  }
  const slices = [{ FrameNumber: 1, geometry, pixels: new Uint8Array(inputSize ** 2 * 3) }]
  return { ok: true, value: { _tag: "Slices", slices, NumberOfFrames: 1 } }
}
