// A query thread inside the model for about a second; says so by a file in the folder it is given.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { workerData } from "node:worker_threads"
import { openKernel } from "../../src/rerank/kernel.ts"
import type { QueryThread } from "../../src/rerank/worker-reranker.ts"

const { dir, dimension } = workerData as QueryThread

export const ready = (): void => undefined

export const stacksOf = async () => {
  const kernel = await openKernel(dimension)
  const [query, mean] = [new Float32Array(dimension).fill(1), new Float32Array(dimension)]
  for (let run = 0; run < 400; run++) {
    await kernel.localSimilarities(query, new Int8Array(1500 * dimension), mean)
    if (run === 20) writeFileSync(join(dir, "running"), "")
  }
  writeFileSync(join(dir, "done"), "")
  return []
}
