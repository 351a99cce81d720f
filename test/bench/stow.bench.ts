// STOW-RS throughput: instances of half a megabyte, one or fifty a request, one or eight senders, the pipeline running behind.
import { Effect } from "effect"
import { startGateway, stow, temporaryFolder } from "../support/gateway.ts"
import { makeCt } from "./ct-files.ts"
import type { Table } from "./report.ts"

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
    const requests = Array.from({ length: instances / batch }, (_, n) => files.slice(n * batch, (n + 1) * batch))
    yield* stow(url, [make(99_999, 0)])
    const start = performance.now()
    yield* Effect.forEach(
      requests,
      (request) =>
        stow(url, request).pipe(
          Effect.filterOrFail(
            ({ status, stored }) => status === 200 && stored.length === request.length,
            ({ status }) => new Error(`STOW answered ${status}`),
          ),
        ),
      { concurrency: senders, discard: true },
    )
    const seconds = (performance.now() - start) / 1000
    rows.push([batch, senders, instances, instances / seconds, bytes / 1e6 / seconds])
  }
  return {
    title: "STOW-RS",
    note: "CT instances of 512 × 512 × 16 bit to a gateway that decodes, embeds and indexes them at the same time; every 200 is fsynced. Sender and gateway share the machine.",
    head: ["instances a request", "senders", "instances", "instances/s", "MB/s"],
    rows,
  } satisfies Table
}).pipe(Effect.scoped)
