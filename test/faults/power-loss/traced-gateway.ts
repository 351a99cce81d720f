// A gateway in a process of its own whose every operation on files is written down by strace.
import { spawn, spawnSync } from "node:child_process"
import { closeSync, createReadStream, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { dieWithParent } from "../../../src/events/nats-binary.ts"
import { calls, stepsOf } from "./operations.ts"
import { callEvents } from "./strace-calls.ts"
import type { Step } from "./steps.ts"

/** Undefined where a process can be traced; otherwise why not. */
export const cannotTrace = (): string | undefined => {
  const { status, error, stderr } = spawnSync("strace", ["-f", "--seccomp-bpf", "-yy", "-o", "/dev/null", "true"])
  if (error !== undefined) return "strace is not installed"
  return status === 0 ? undefined : String(stderr).trim()
}

const main = new URL("../../../src/main.ts", import.meta.url).pathname

const linesOf = (file: string) =>
  Effect.promise(async () => {
    const lines: Array<string> = []
    for await (const line of createInterface({ input: createReadStream(file, "latin1"), crlfDelay: Infinity })) {
      lines.push(line)
    }
    return lines
  })

export interface TracedGateway {
  readonly url: string
  /** Ends it, and gives all that it did. */
  readonly end: (signal: "SIGTERM" | "SIGKILL") => Effect.Effect<ReadonlyArray<Step>>
}

/** `dir` takes log and trace; `root` is what is watched, the gateway makes `root/data` in it. */
export const tracedGateway = (
  dir: string,
  root: string,
  environment: Readonly<Record<string, string>>,
): Effect.Effect<TracedGateway, Error> =>
  Effect.gen(function* () {
    const trace = join(dir, "trace")
    const log = join(dir, "gateway.log")
    const serve = dieWithParent(process.execPath, [main, "serve", "--data", join(root, "data"), "--port", "0"])
    const strace = ["strace", "-f", "--seccomp-bpf", "-yy", "-xx", "-s", "100000000", "-o", trace]
    const [command, args] = dieWithParent("strace", [...strace.slice(1), "-e", `trace=${calls}`, serve[0], ...serve[1]])
    const file = openSync(log, "a", 0o600)
    const child = spawn(command, [...args], {
      stdio: ["ignore", "pipe", file],
      // Operations on files that go through a ring in memory are seen by nobody.
      env: { ...process.env, UV_USE_IO_URING: "0", ...environment },
    })
    closeSync(file)
    const exited = new Promise<void>((done) => child.once("exit", () => done()))
    const url = yield* Effect.callback<string, Error>((resume) => {
      let said = ""
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        said += text
        const found = /ready: (https?:\/\/[^/]+)\//.exec(said)?.[1]
        if (found !== undefined) resume(Effect.succeed(found))
      })
      child.once("exit", () => resume(Effect.fail(new Error(`the gateway ended: ${said}${readFileSync(log, "utf8")}`))))
    })
    const gateway = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0])
    return {
      url,
      end: (signal) =>
        Effect.gen(function* () {
          process.kill(gateway, signal)
          yield* Effect.promise(() => exited)
          return stepsOf(callEvents(yield* linesOf(trace)), root)
        }),
    }
  })
