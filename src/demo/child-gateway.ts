// A gateway in a process of its own, as `npm start` would run it.
import { spawn } from "node:child_process"
import { closeSync, mkdirSync, openSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { dieWithParent } from "../events/nats-binary.ts"

export class ChildGatewayError extends Schema.TaggedError<ChildGatewayError>()("ChildGatewayError", {
  message: Schema.String,
}) {}

export interface ChildGateway {
  readonly url: string
  readonly pid: number
  /** Exit code, or the signal that ended it. */
  readonly ended: Effect.Effect<number | string>
}

const main = new URL("../main.ts", import.meta.url).pathname

/** Serves on a free loopback port until the scope closes; the log goes to `<data>/gateway.log`. */
export const childGateway = (
  data: string,
  environment: Readonly<Record<string, string>> = {},
): Effect.Effect<ChildGateway, ChildGatewayError, Scope.Scope> =>
  Effect.gen(function* () {
    const log = join(data, "gateway.log")
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        mkdirSync(data, { recursive: true, mode: 0o700 })
        const file = openSync(log, "a", 0o600)
        const [command, args] = dieWithParent(process.execPath, [main, "serve", "--data", data, "--port", "0"])
        const child = spawn(command, [...args], {
          stdio: ["ignore", "pipe", file],
          // As in package.json: with an arena for each thread, the C library holds on to what its threads once needed.
          env: { MALLOC_ARENA_MAX: "2", ...process.env, ...environment },
        })
        closeSync(file)
        return child
      }),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGTERM")
        }).pipe(
          Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.sync(() => void child.kill("SIGKILL")) }),
        ),
    )
    const ended = Effect.callback<number | string>((resume) => {
      const say = () => resume(Effect.succeed(child.signalCode ?? child.exitCode ?? "unknown"))
      if (child.exitCode !== null || child.signalCode !== null) say()
      else child.once("exit", say)
    })
    const url = yield* Effect.callback<string, ChildGatewayError>((resume) => {
      let said = ""
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        said += text
        const found = /ready: (https?:\/\/[^/]+)\//.exec(said)?.[1]
        if (found !== undefined) resume(Effect.succeed(found))
      })
      child.once("exit", (code) =>
        resume(Effect.fail(new ChildGatewayError({ message: `the gateway ended with ${code}; see ${log}` }))),
      )
    })
    return { url, pid: child.pid ?? 0, ended }
  })
