// The real gateway as a child process that may be killed at any moment, also before it answers.
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { dieWithParent } from "../../src/events/nats-binary.ts"
import { wait } from "./dice.ts"

const main = resolve(import.meta.dirname, "../../src/main.ts")
/** A loaded machine takes long; a gateway that never answers is found all the same. */
const startMillis = 120_000

export interface GatewayProcess {
  readonly pid: number
  readonly startedAt: number
  /** Its address, once everything answers; fails when it ends before. */
  readonly ready: Promise<string>
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
}

export interface StartOptions {
  readonly data: string
  readonly environment?: Readonly<Record<string, string>>
  /** Options of Node itself. */
  readonly node?: ReadonlyArray<string>
  readonly port?: number
}

const logOf = (data: string) => join(data, "..", "gateway.log")

/** Its log is appended to `gateway.log` beside the data folder, which may be full. */
export const startGateway = ({ data, environment = {}, node = [], port = 0 }: StartOptions): GatewayProcess => {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const log = openSync(logOf(data), "a", 0o600)
  const options = [...node, main, "serve", "--data", data, "--port", String(port)]
  const [command, args] = dieWithParent(process.execPath, options)
  const child: ChildProcess = spawn(command, [...args], {
    stdio: ["ignore", "pipe", log],
    env: { ...process.env, GATEWAY_STUDY_QUIET_SECONDS: "1", ...environment },
  })
  closeSync(log)
  const ended = new Promise<number | string>((done) => {
    child.once("exit", (code, signal) => done(signal ?? code ?? "unknown"))
    child.once("error", (error) => done(String(error)))
  })
  const ready = new Promise<string>((done, fail) => {
    let said = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text
      const found = /ready: (https?:\/\/[^/]+)\//.exec(said)?.[1]
      if (found !== undefined) done(found)
    })
    void ended.then((how) => fail(new Error(`the gateway ended with ${how} before it was ready`)))
    setTimeout(() => fail(new Error("the gateway was not ready in time")), startMillis).unref()
  })
  // Whoever kills it before it answers does not wait for that.
  ready.catch(() => undefined)
  return { pid: child.pid ?? 0, startedAt: performance.now(), ready, ended }
}

export const end = async (gateway: GatewayProcess, signal: "SIGKILL" | "SIGTERM"): Promise<number | string> => {
  try {
    process.kill(gateway.pid, signal)
  } catch {
    // Gone already.
  }
  return await gateway.ended
}

const natsPid = (data: string): number | undefined => {
  try {
    const pid = Number(readFileSync(join(data, "nats", "nats.pid"), "utf8"))
    // A file of a server that is gone must not lead to somebody else's process.
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(join(data, "nats")) ? pid : undefined
  } catch {
    return undefined
  }
}

/** False when there is none at the moment. */
export const killNats = (data: string): boolean => {
  const pid = natsPid(data)
  if (pid === undefined) return false
  try {
    process.kill(pid, "SIGKILL")
    return true
  } catch {
    return false
  }
}

/** Until the server of a gateway that is gone has ended as well: its folder may then be changed. */
export const natsEnded = async (data: string): Promise<void> => {
  while (natsPid(data) !== undefined) await wait(20)
}

/** Where the newest process in the log can be inspected. */
export const inspectorUrl = (data: string): string | undefined =>
  [...readFileSync(logOf(data), "utf8").matchAll(/Debugger listening on (ws:\S+)/g)].at(-1)?.[1]
