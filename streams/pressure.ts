// What the gateway holds and what it may: memory by stage and process, free bytes of its disks. And the broker's streams
// are kept small: what all consumers are done with goes once a stream is larger than it need be.
import { readFileSync, statfsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import { streams } from "../src/events/events.ts"
import { Nats } from "../src/events/Nats.ts"
import { HeldBytes } from "../src/workers/held-bytes.ts"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })
const held = gauge("gateway_held_bytes", "Bytes that a stage holds in memory")
const budget = gauge("gateway_held_bytes_budget", "Most bytes that a stage may hold in memory")
const resident = gauge("gateway_resident_memory_bytes", "Resident memory by process")
const free = gauge("gateway_disk_free_bytes", "Free bytes of the disk that holds a folder of the data")

const folders = ["blobs", "ledger", "index", "nats", "worklist", "audit"] as const

/** None on systems without /proc, and for a broker that is not ours. */
const residentOf = (pid: number): number | undefined => {
  try {
    const found = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
    return found === undefined ? undefined : Number(found) * 1024
  } catch {
    return undefined
  }
}

const brokerPid = (data: string): number => {
  try {
    return Number(readFileSync(join(data, "nats", "nats.pid"), "utf8"))
  } catch {
    return 0
  }
}

const freeOn = (folder: string): number | undefined => {
  try {
    const disk = statfsSync(folder)
    return disk.bavail * disk.bsize
  } catch {
    return undefined
  }
}

const tell = (metric: typeof held, attributes: Readonly<Record<string, string>>, value: number | undefined) =>
  value === undefined ? Effect.void : Metric.update(Metric.withAttributes(metric, attributes), value)

const measure = Effect.fnUntraced(function* (data: string) {
  for (const [stage, holding] of yield* HeldBytes) {
    yield* tell(held, { stage }, holding.held())
    yield* tell(budget, { stage }, holding.budget)
  }
  yield* tell(resident, { process: "gateway" }, process.memoryUsage.rss())
  yield* tell(resident, { process: "nats-server" }, residentOf(brokerPid(data)))
  for (const folder of folders) yield* tell(free, { folder }, freeOn(join(data, folder)))
})

export interface PressureOptions {
  /** The data folder. */
  readonly data: string
  /** Bytes of one of the broker's streams, beyond which what is done with is removed. */
  readonly streamBytes: number
}

/** Never ends. */
export const pressure = ({ data, streamBytes }: PressureOptions) =>
  Effect.gen(function* () {
    const nats = yield* Nats
    const trim = Effect.forEach(Object.keys(streams), (stream) => nats.trim(stream, streamBytes), { discard: true })
    yield* Effect.all(
      [
        Effect.repeat(measure(data), Schedule.spaced("2 seconds")),
        Effect.repeat(
          // The broker is away: it is asked again.
          Effect.catch(trim, (error) => Effect.logDebug("streams not trimmed", { operation: error.operation })),
          Schedule.spaced("10 seconds"),
        ),
      ],
      { concurrency: "unbounded", discard: true },
    )
  })
