// STOW-RS throughput: instances of half a megabyte, one or fifty a request, one or eight senders, the pipeline running behind.
import { Effect } from "effect"
import { settled, startGateway, temporaryFolder } from "../support/gateway.ts"
import { makeCt } from "./ct-files.ts"
import type { Table } from "./report.ts"
import { prepare, sendAll } from "./sender.ts"

const cells = [
  { batch: 1, senders: 1, instances: 200 },
  { batch: 1, senders: 8, instances: 400 },
  { batch: 50, senders: 1, instances: 400 },
  { batch: 50, senders: 8, instances: 800 },
] as const

export const stowBench = Effect.gen(function* () {
  const rows: Array<ReadonlyArray<string | number>> = []
  const make = makeCt()
  let study = 0
  for (const { batch, senders, instances } of cells) {
    const dir = yield* temporaryFolder
    const { url } = yield* startGateway(`${dir}/data`)
    // Files are made before the clock starts.
    study++
    const files = Array.from({ length: instances }, (_, n) => make(study, n))
    const bytes = files.reduce((sum, file) => sum + file.length, 0)
    const requests = Array.from({ length: instances / batch }, (_, n) =>
      prepare(files.slice(n * batch, (n + 1) * batch)),
    )
    // The first requests compile the receiver's code.
    yield* sendAll(
      `${url}/dicomweb/studies`,
      Array.from({ length: 40 }, (_, n) => prepare([make(99_999, n)])),
      4,
    )
    yield* settled(url)
    const start = performance.now()
    yield* sendAll(`${url}/dicomweb/studies`, requests, senders)
    const seconds = (performance.now() - start) / 1000
    rows.push([batch, senders, instances, instances / seconds, bytes / 1e6 / seconds])
  }
  return {
    title: "STOW-RS",
    note: "CT instances of 512 × 512 × 16 bit to a gateway that decodes, embeds and indexes them at the same time; every 200 is fsynced. Sender and gateway share the two cores; 40 instances before the clock starts.",
    head: ["instances a request", "senders", "instances", "instances/s", "MB/s"],
    rows,
  } satisfies Table
}).pipe(Effect.scoped)
