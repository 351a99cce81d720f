// How often a process asks the disk to sync while something is done, as strace sees it; undefined where that is not installed.
import { spawn, spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"

const installed = spawnSync("strace", ["-V"]).status === 0

export const countSyncs = <E, R>(pid: number, dir: string, work: Effect.Effect<unknown, E, R>) =>
  Effect.scoped(
    Effect.gen(function* () {
      if (!installed) {
        yield* work
        return undefined
      }
      const file = join(dir, `syncs-${pid}`)
      const trace = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof spawn>, Error>((resume) => {
          const child = spawn("strace", ["-f", "-e", "trace=fsync,fdatasync", "-o", file, "-p", String(pid)])
          child.once("error", (error) => resume(Effect.fail(error)))
          // It says so once it is attached.
          child.stderr.once("data", () => resume(Effect.succeed(child)))
        }),
        (child) =>
          Effect.callback<void>((resume) => {
            if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
            child.once("exit", () => resume(Effect.void))
            child.kill("SIGINT")
          }),
      )
      yield* work
      yield* Effect.callback<void>((resume) => {
        trace.once("exit", () => resume(Effect.void))
        trace.kill("SIGINT")
      })
      return readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => /\bf(?:data)?sync\(/.test(line)).length
    }),
  )
