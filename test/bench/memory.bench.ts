// Resident memory under the loads that fill it: a study of 24,000 instances, a hundred senders, objects of gibibytes, and
// all of them at once; and while all of it is read and deleted.
import { join } from "node:path"
import { Effect } from "effect"
import { getJson, settled, startGateway, temporaryFolder } from "../support/gateway.ts"
import { makeCt, studyUid } from "./ct-files.ts"
import { enhanced, hugeLength, rawData, sendHuge } from "./huge-object.ts"
import { drained, stalled } from "./readers.ts"
import type { Table } from "./report.ts"
import { watched } from "./resident.ts"
import { prepare, sendAll, type Prepared } from "./sender.ts"

const number = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise)
/** By environment, so that a busy machine can be asked for less; the page says what was asked for. */
const large = number("BENCH_INSTANCES", 24_000)
const gibibytes = number("BENCH_GIB", 6)
const senders = number("BENCH_SENDERS", 100)
const eachSends = 50
const frames = number("BENCH_FRAMES", 2000)
const side = number("BENCH_SIZE", 512)
const batch = 50

/** Long enough for tens of thousands on a busy machine. */
const caughtUp = (url: string) => Effect.retry(settled(url), { times: 20 })

type Make = ReturnType<typeof makeCt>

/** Made when its turn comes: all of it would be many times what the receiver may take. */
function* requests(make: Make, study: number, instances: number): Generator<Prepared> {
  for (let n = 0; n < instances; n += batch) {
    yield prepare(Array.from({ length: Math.min(batch, instances - n) }, (_, i) => make(study, n + i)))
  }
}

export const memoryBench = Effect.gen(function* () {
  const dir = yield* temporaryFolder
  const data = join(dir, "data")
  const { url, pid } = yield* startGateway(data)
  const studies = `${url}/dicomweb/studies`
  const make = makeCt(side)
  const rows: Array<ReadonlyArray<string | number>> = []
  const scenario = <A, E, R>(name: string, work: Effect.Effect<A, E, R>) =>
    Effect.map(watched(pid, data, work), ({ value, peak }) => {
      rows.push([name, Math.round(peak.seconds), peak.total, peak.gateway, peak.nats])
      process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`)
      return value
    })
  const raw = (study: string) => rawData(study, gibibytes)
  const sendLarge = (study: number, connections = 4) => sendAll(studies, requests(make, study, large), connections)
  const hundred = (from: number) =>
    Effect.forEach(
      Array.from({ length: senders }, (_, n) => from + n),
      (study) => sendAll(studies, requests(make, study, eachSends), 1),
      { concurrency: "unbounded", discard: true },
    )
  const study = (n: number | string) => `${studies}/${typeof n === "number" ? studyUid(n) : n}`

  yield* scenario("at rest, after the start", Effect.sleep("3 seconds"))
  yield* scenario(`${large} instances of one study sent`, sendLarge(1))
  yield* scenario("… and indexed", caughtUp(url))
  yield* scenario("its metadata read", drained(`${study(1)}/metadata`, "application/dicom+json"))
  yield* scenario(
    "its instances searched (QIDO, 5000)",
    drained(`${study(1)}/instances?limit=5000&includefield=all`, "application/dicom+json"),
  )
  yield* scenario("its status asked for", drained(`${url}/api/studies/${studyUid(1)}/status`, "application/json"))
  yield* scenario("all its instances read", drained(study(1)))
  yield* scenario(
    "100 readers of it who stall",
    Effect.scoped(Effect.andThen(stalled(study(1), 100, 2 ** 20), Effect.sleep("5 seconds"))),
  )
  yield* scenario(`${senders} senders × ${eachSends} instances`, hundred(1000))
  yield* scenario("… and indexed", caughtUp(url))
  yield* scenario(`one object of ${gibibytes} GiB sent`, sendHuge(studies, raw("2.25.7001")))
  yield* scenario("… and indexed", caughtUp(url))
  const bytes = yield* scenario("it read back", drained(study("2.25.7001")))
  if (bytes < hugeLength(raw("2.25.7001"))) return yield* Effect.fail(new Error(`only ${bytes} bytes came back`))
  yield* scenario(
    `one object of ${frames} frames (${((frames * 0.5) / 1024).toFixed(1)} GiB) sent`,
    sendHuge(studies, enhanced("2.25.7002", frames)),
  )
  yield* scenario("… and indexed", caughtUp(url))
  yield* scenario("its metadata read", drained(`${study("2.25.7002")}/metadata`, "application/dicom+json"))
  yield* scenario(
    "all of it at once: the study, the senders and the object",
    // The object first: all of these are one sender, and the hundred take all the places that one may have.
    Effect.all([sendHuge(studies, raw("2.25.7003")), sendLarge(2), hundred(2000), drained(study(1))], {
      concurrency: "unbounded",
      discard: true,
    }),
  )
  yield* scenario("… and indexed", caughtUp(url))
  yield* scenario(
    "the first study deleted",
    getJson(study(1), { method: "DELETE", signal: AbortSignal.timeout(600_000) }),
  )
  return {
    title: "Memory",
    note: `VmRSS of the gateway (all threads) and its nats-server, added up ten times a second: the highest sum, then the highest of each (VmHWM, which is set back before each line). Default configuration. CT instances of ${side} × ${side} × 16 bit (BENCH_SIZE), ${batch} a request; the large study over four connections; the object of ${gibibytes} GiB is raw data in private values. One gateway for all lines, from top to bottom: it keeps what it holds on to.`,
    head: ["scenario", "seconds", "highest MiB together", "gateway MiB", "nats-server MiB"],
    rows,
  } satisfies Table
}).pipe(Effect.scoped)
