// Resident memory of the gateway and its nats-server while something happens, from /proc.
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schedule } from "effect"

export interface Peak {
  readonly seconds: number
  /** Highest sum of both at one moment, MiB. */
  readonly total: number
  /** Highest of each by itself (VmHWM), MiB; reached at different moments. */
  readonly gateway: number
  readonly nats: number
}

const field = (pid: number, name: string): number => {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  return Number(found ?? 0) / 1024
}

/** VmHWM counts from now on (proc(5), clear_refs). */
const forget = (pid: number) => writeFileSync(`/proc/${pid}/clear_refs`, "5")

export const natsPid = (data: string) => Number(readFileSync(join(data, "nats", "nats.pid"), "utf8"))

/** Runs the work and watches both processes ten times a second. */
export const watched = <A, E, R>(gateway: number, data: string, work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const nats = natsPid(data)
    forget(gateway)
    forget(nats)
    let total = 0
    const look = Effect.sync(() => {
      total = Math.max(total, field(gateway, "VmRSS") + field(nats, "VmRSS"))
    })
    const start = performance.now()
    const value = yield* Effect.raceFirst(
      work,
      Effect.andThen(Effect.repeat(look, Schedule.spaced("100 millis")), Effect.never),
    )
    const peak: Peak = {
      seconds: (performance.now() - start) / 1000,
      total,
      gateway: field(gateway, "VmHWM"),
      nats: field(nats, "VmHWM"),
    }
    return { value, peak }
  })
