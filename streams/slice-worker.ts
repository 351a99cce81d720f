// The decode threads' module: where decoding meets normalising, so that neither stage knows the other.
import { decodeTasks } from "../src/decode/tasks.ts"
import { prepareSlice } from "../src/normalise/prepare-slice.ts"
import { runInBackground } from "../src/workers/background.ts"

runInBackground()

export const { ready, prepare, render, frame, explicit, bulk, encoded, document, links, segment } = decodeTasks(
  (decoded, inputSize) => prepareSlice({ ...decoded, inputSize }),
)
