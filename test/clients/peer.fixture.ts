// Programs of others that tests run: found on the system, started for a scope, asked over HTTP.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { createServer } from "node:net"
import { Effect, Schedule } from "effect"
import { dieWithParent } from "../../src/events/nats-binary.ts"

/** The first that is there; where none is, the run says so in its output, and the tests show as skipped with the reason. */
export const found = (what: string, packages: string, ...paths: ReadonlyArray<string>): string | undefined => {
  const path = paths.find(existsSync)
  if (path === undefined) {
    process.stderr.write(`\nNOT TESTED: ${what} is not installed here. apt-get install ${packages}\n\n`)
  }
  return path
}

/** A port that was free a moment ago, for programs that cannot choose one themselves. */
export const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Runs until the scope closes; ready when `url` answers. What it says is shown when it ends too early. */
export const running = (program: string, args: ReadonlyArray<string>, url: string) =>
  Effect.gen(function* () {
    let said = ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const [command, all] = dieWithParent(program, [...args])
        const child = spawn(command, [...all], { stdio: ["ignore", "pipe", "pipe"] })
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += String(text)))
        return child
      }),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGTERM")
        }).pipe(
          Effect.timeoutOrElse({ duration: "10 seconds", orElse: () => Effect.sync(() => void child.kill("SIGKILL")) }),
        ),
    )
    yield* Effect.tryPromise(() => fetch(url)).pipe(
      Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 300, while: () => child.exitCode === null }),
      Effect.mapError(() => new Error(`${program} did not get ready: ${said.slice(-2000)}`)),
    )
    return { said: () => said }
  })
