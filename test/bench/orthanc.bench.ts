// STOW-RS beside Debian's Orthanc and the bare disk: same files, same sender, one after the other in every round.
import { join } from "node:path"
import { Effect, Schedule } from "effect"
import { getJson, settled, startGateway, temporaryFolder } from "../support/gateway.ts"
import { writeDurably } from "./bare-disk.ts"
import { countSyncs } from "./count-syncs.ts"
import { makeCt } from "./ct-files.ts"
import { orthancInstalled, startOrthanc } from "./orthanc-server.ts"
import { percentile } from "../../src/benchmark/statistics.ts"
import type { Table } from "./report.ts"
import { type Prepared, prepare, sendAll } from "./sender.ts"

/** As many rounds as fit into so much time, on a quiet machine all of them. */
const rounds = 5
const enoughMillis = 180_000
const cells = [1, 50].flatMap((batch) =>
  [1, 4, 8].map((connections) => ({ batch, connections, instances: Math.max(200, batch * connections) })),
)
/** A stretch long enough that the streams no longer stand back. */
const sustained = { batch: 50, connections: 4, instances: 2000 }

const perSecond = <E, R>(instances: number, work: Effect.Effect<unknown, E, R>) =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(work, () => (instances / (performance.now() - start)) * 1000)
  })

/** The bench holds its own thread for seconds: a connection kept alive may have been closed meanwhile. */
const asked = <A, E>(question: Effect.Effect<A, E>) =>
  Effect.retry(question, { times: 3, schedule: Schedule.spaced("100 millis") })

const grouped = (files: ReadonlyArray<Buffer>, batch: number) =>
  Array.from({ length: Math.ceil(files.length / batch) }, (_, n) => files.slice(n * batch, (n + 1) * batch))

const spread = (values: ReadonlyArray<number>) =>
  `${Math.round(percentile(values, 0.5))} (${Math.round(Math.min(...values))}–${Math.round(Math.max(...values))})`

interface Receiver {
  readonly studies: string
  readonly pid: number
  /** Instances it has stored. */
  readonly stored: Effect.Effect<number, unknown>
  /** Nothing of what was sent is still being worked on. */
  readonly rest: Effect.Effect<unknown, unknown>
}

export const orthancBench = Effect.gen(function* () {
  const dir = yield* temporaryFolder
  const make = makeCt()
  let study = 0
  const filesOf = (count: number) => {
    study++
    return Array.from({ length: count }, (_, n) => make(study, n))
  }
  const gateway = yield* startGateway(join(dir, "ours"))
  const ours: Receiver = {
    studies: `${gateway.url}/dicomweb/studies`,
    pid: gateway.pid,
    stored: Effect.map(
      asked(getJson<{ readonly instances: number }>(`${gateway.url}/api/status`)),
      (now) => now.instances,
    ),
    rest: asked(settled(gateway.url)),
  }
  const receivers = [ours]
  if (orthancInstalled) {
    const { url, pid } = yield* startOrthanc(join(dir, "theirs"))
    const statistics = getJson<{ readonly CountInstances: number }>(url.replace("/dicom-web", "/statistics"))
    receivers.push({
      studies: `${url}/studies`,
      pid,
      stored: Effect.map(asked(statistics), ({ CountInstances }) => CountInstances),
      rest: Effect.void,
    })
  } else
    process.stderr.write("ORTHANC IS NOT INSTALLED: only our own rates follow (apt-get install orthanc-dicomweb)\n")

  /** Rate of the receiver, which must have every instance afterwards. */
  const receive = (to: Receiver, requests: ReadonlyArray<Prepared>, connections: number) =>
    Effect.gen(function* () {
      const count = requests.reduce((sum, { instances }) => sum + instances, 0)
      const before = yield* to.stored
      const rate = yield* perSecond(count, sendAll(to.studies, requests, connections))
      const kept = (yield* to.stored) - before
      if (kept !== count) return yield* Effect.fail(new Error(`${kept} of ${count} instances are stored`))
      yield* to.rest
      return rate
    })

  // The first requests compile the receivers' code.
  const warm = filesOf(400).map((file) => prepare([file]))
  for (const to of receivers) yield* receive(to, warm, 8)
  const probe = filesOf(40).map((file) => prepare([file]))
  const syncs = yield* Effect.forEach(receivers, (to) => countSyncs(to.pid, dir, receive(to, probe, 1)))

  const rates = cells.map((): ReadonlyArray<Array<number>> => [[], [], []])
  const start = performance.now()
  let done = 0
  for (; done < rounds && performance.now() - start < enoughMillis; done++) {
    for (const [index, { batch, connections, instances }] of cells.entries()) {
      const groups = grouped(filesOf(instances), batch)
      const requests = groups.map(prepare)
      for (const [column, to] of receivers.entries()) {
        rates[index]?.[column]?.push(yield* receive(to, requests, connections))
      }
      process.stderr.write(`round ${done + 1}, ${batch} × ${connections}\n`)
      const disk = join(dir, `disk-${done}-${index}`)
      rates[index]?.[2]?.push(yield* perSecond(instances, writeDurably(disk, groups, connections)))
    }
  }
  const rows = cells.map(({ batch, connections }, index) => {
    const [own = [], theirs = [], disk = []] = rates[index] ?? []
    const ratio =
      theirs.length === 0
        ? "–"
        : percentile(
            own.map((rate, n) => rate / (theirs[n] ?? Number.NaN)),
            0.5,
          )
    return [
      batch,
      connections,
      spread(own),
      theirs.length === 0 ? "not installed" : spread(theirs),
      ratio,
      spread(disk),
    ]
  })
  const long = grouped(filesOf(sustained.instances), sustained.batch).map(prepare)
  const steady = yield* receive(ours, long, sustained.connections)
  const [ownSyncs, theirSyncs] = syncs.map((count) => count ?? "uncounted (no strace)")
  return {
    title: "STOW-RS beside Orthanc",
    note: `CT instances of 0.5 MB; instances a second, median of ${done} rounds (lowest–highest); ratio is the median of the rounds' ratios. Both receivers run all the time and are sent the same files one after the other by the same sender, which shares their cores; each must name every instance as stored. Ours syncs the file, its folder and the ledger's log before it answers, and decodes, embeds and indexes behind (it stands back while senders send, for two seconds at most; the next burst begins when it has caught up). Orthanc has SyncStorageArea on, which syncs the file; its SQLite index is not synced at each commit, its folders never. Syncs for 40 instances one by one: ours ${ownSyncs}, Orthanc ${theirSyncs ?? "–"}. Bare disk: the same bytes in the same groups written, synced, renamed and their folder synced by Node without a server. Without a pause for ${sustained.instances} instances (${sustained.batch} a request, ${sustained.connections} connections), indexing alongside, ours takes ${Math.round(steady)}/s.`,
    head: ["instances a request", "connections", "ours /s", "Orthanc /s", "ratio", "bare disk /s"],
    rows,
  } satisfies Table
}).pipe(Effect.scoped)
