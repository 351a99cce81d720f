// One archive under attack: its folder, the gateway that runs on it, the senders, and the record of what was promised.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { dice, wait } from "./dice.ts"
import { end, type GatewayProcess, inspectorUrl, killNats, startGateway } from "./gateway-process.ts"
import { attach, type WorkerKiller, type WorkerKind } from "./inspector.ts"
import { coreStudies } from "./instances.ts"
import { checkAlerts, checkInstances, checkJournal, checkSearches, settled, studiesReady } from "./oracle.ts"
import { makePromises } from "./promises.ts"
import { makeSender } from "./sender.ts"
import { standingRegion, type Undisturbed } from "./undisturbed.ts"

export type Environment = Readonly<Record<string, string>>

export interface SceneOptions {
  readonly name: string
  readonly seed: number
  readonly undisturbed: Undisturbed
  readonly environment?: Environment
  readonly node?: ReadonlyArray<string>
}

const senders = 4

export const makeScene = (options: SceneOptions) => {
  const { seed, name, undisturbed } = options
  const folder = mkdtempSync(join(tmpdir(), "faults-"))
  let data = join(folder, "data")
  const promises = makePromises()
  const core = coreStudies(seed)
  let current: GatewayProcess | undefined
  let killer: Promise<WorkerKiller> | undefined
  let recoveringSince = performance.now()
  const times = { start: [] as Array<number>, searchable: [] as Array<number> }

  const address = async (): Promise<string> => {
    for (;;) {
      try {
        if (current !== undefined) return await current.ready
      } catch {
        // Killed before it answered: the next one will.
      }
      await wait(20)
    }
  }
  let environment: Environment = options.environment ?? {}
  /** With the environment of the start before, and what is added to it. */
  const start = (more: Environment = {}) => {
    environment = { ...environment, ...more }
    const started = startGateway({
      data,
      environment,
      node: ["--inspect=127.0.0.1:0", ...(options.node ?? [])],
    })
    current = started
    recoveringSince = started.startedAt
    void started.ready.then(() => times.start.push(performance.now() - started.startedAt)).catch(() => undefined)
    void started.ended.then((how) => {
      if (current === started) promises.violate("inconsistent", `the gateway ended by itself with ${how}`)
    })
    return started
  }
  const stop = async (signal: "SIGKILL" | "SIGTERM") => {
    const ending = current
    current = undefined
    void killer?.then(({ close }) => close()).catch(() => undefined)
    killer = undefined
    if (ending === undefined) return
    const how = await end(ending, signal)
    if (signal === "SIGTERM" && how !== 0) promises.violate("inconsistent", `SIGTERM ended the gateway with ${how}`)
  }
  const url = () => address()
  const disturbedNow = () => {
    recoveringSince = performance.now()
  }

  const sending = Array.from({ length: senders }, (_, n) =>
    makeSender({
      address,
      promises,
      seed,
      name: `${name} ${n}`,
      // The first one is the standing region's own and stays.
      core: core.filter((_, at) => at > 0 && at % senders === n),
    }),
  )
  const first = makeSender({ address, promises, seed, name: `${name} first`, core: core.slice(0, 1) })

  const check = async () => {
    const at = await url()
    await settled(at, promises)
    times.searchable.push(performance.now() - recoveringSince)
    await checkInstances(at, promises)
    checkJournal(data, promises)
    await checkSearches(at, core, undisturbed.answers, promises)
    await studiesReady(at, core, promises)
    await checkAlerts(at, undisturbed.alerts, promises)
  }

  return {
    folder,
    data: () => data,
    /** The gateway goes on elsewhere, at its next start. */
    moveTo: (elsewhere: string) => {
      data = elsewhere
    },
    promises,
    core,
    times,
    url,
    start,
    stop,
    disturbedNow,
    check,
    running: () => current,
    killNats: () => {
      disturbedNow()
      return killNats(data)
    },
    killWorker: async (kind: WorkerKind, throwSeed: number): Promise<boolean> => {
      await address()
      const at = inspectorUrl(data)
      if (at === undefined) return false
      disturbedNow()
      try {
        killer ??= attach(at)
        return (await killer).kill(kind, throwSeed)
      } catch {
        // Somebody killed the whole gateway meanwhile.
        killer = undefined
        return false
      }
    },
    /** Core studies stored, the standing region set. */
    begin: async (more: Environment = {}) => {
      start(more)
      const at = await url()
      const throws = dice(seed).of(`${name} fill`)
      await first.fill(throws)
      await settled(at, promises)
      const response = await fetch(`${at}/api/standing-regions/first`, {
        method: "PUT",
        body: JSON.stringify(standingRegion(core)),
        headers: { "content-type": "application/json" },
      })
      if (!response.ok) throw new Error(`standing region: ${response.status} ${await response.text()}`)
      await Promise.all(sending.map(({ fill }) => fill(throws)))
    },
    /** All senders at work while `fault` happens and a little after; then the core studies are whole, and all is checked. */
    underFire: async (round: string, fault: () => Promise<void>) => {
      let over = false
      const throws = dice(seed).of(`${name} ${round}`)
      const work = Promise.all(sending.map(({ run }, n) => run(throws.of(String(n)), () => over)))
      try {
        await fault()
        await address()
        await wait(throws.between(0, 500))
      } finally {
        over = true
      }
      await work
      await check()
    },
    close: async () => {
      await stop("SIGTERM")
      // For whoever wants to know why.
      if (promises.violations.length > 0) return
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
export type Scene = ReturnType<typeof makeScene>
