// From the last STOW answer of a 300-slice CT to every slice searchable.
import { Effect, Schedule } from "effect"
import type { StudyStatus } from "../../src/domain/study.ts"
import { getJson, settled, startGateway, temporaryFolder } from "../support/gateway.ts"
import { makeCt, studyUid } from "./ct-files.ts"
import { percentile } from "../../src/benchmark/statistics.ts"
import type { Table } from "./report.ts"
import { prepare, sendAll } from "./sender.ts"

const slices = 300
const batch = 20
const runs = 7

export const searchableBench = Effect.gen(function* () {
  const make = makeCt()
  const dir = yield* temporaryFolder
  const { url } = yield* startGateway(`${dir}/data`)
  const lags: Array<number> = []
  const totals: Array<number> = []
  for (let study = 1; study <= runs + 1; study++) {
    const files = Array.from({ length: slices }, (_, n) => make(study, n))
    const requests = Array.from({ length: slices / batch }, (_, n) => prepare(files.slice(n * batch, (n + 1) * batch)))
    const start = performance.now()
    yield* sendAll(`${url}/dicomweb/studies`, requests, 1)
    const answered = performance.now()
    yield* getJson<StudyStatus>(`${url}/api/studies/${studyUid(study)}/status`).pipe(
      Effect.filterOrFail(({ instances }) => instances.every(({ stage }) => stage === "indexed")),
      Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 6000 }),
    )
    // The first one warms up.
    if (study > 1) {
      lags.push((performance.now() - answered) / 1000)
      totals.push((performance.now() - start) / 1000)
    }
    yield* settled(url)
  }
  return {
    title: "From STOW answer to searchable",
    note: `A CT of ${slices} slices of 512 × 512, ${batch} a request, one sender; ${runs} studies one after the other. Lag: last STOW answer to all slices searchable. Total: first byte sent to all slices searchable.`,
    head: ["", "p50 s", "p95 s"],
    rows: [
      ["lag", percentile(lags, 0.5), percentile(lags, 0.95)],
      ["total", percentile(totals, 0.5), percentile(totals, 0.95)],
      ["slices/s over the total", slices / percentile(totals, 0.5), slices / percentile(totals, 0.95)],
    ],
  } satisfies Table
}).pipe(Effect.scoped)
