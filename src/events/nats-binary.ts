// Finds a nats-server, or installs Debian's where that is allowed.
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { execFile } from "node:child_process"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

export class NatsServerMissing extends Schema.TaggedError<NatsServerMissing>()("NatsServerMissing", {
  message: Schema.String,
}) {}

const executable = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin", "/usr/local/bin"]
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

const missing = (why: string) =>
  new NatsServerMissing({
    message: `no nats-server found (${why}): install Debian's package nats-server, or set nats.servers to a cluster of yours`,
  })

const run = (command: string, args: ReadonlyArray<string>) =>
  Effect.callback<void, NatsServerMissing>((resume) => {
    const child = execFile(
      command,
      [...args],
      { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } },
      (error) => resume(error === null ? Effect.void : Effect.fail(missing(`${command} ${args.join(" ")} failed`))),
    )
    return Effect.sync(() => child.kill())
  })

/** Path of the server. Installing needs root and apt-get, and is announced before it starts. */
export const natsBinary = Effect.gen(function* () {
  const found = executable("nats-server")
  if (found !== undefined) return found
  const apt = executable("apt-get")
  if (apt === undefined) return yield* missing("and there is no apt-get to install it")
  if (process.getuid?.() !== 0) return yield* missing("and installing it needs root")
  yield* Effect.logInfo("no nats-server found: installing Debian's package nats-server")
  // Another process may be at it, and a fresh machine has no package lists yet.
  const install = run(apt, ["-o", "DPkg::Lock::Timeout=120", "install", "-y", "-q", "nats-server"])
  yield* install.pipe(
    Effect.catch(() => run(apt, ["update", "-q"]).pipe(Effect.ignore, Effect.andThen(install))),
    Effect.catch((error) => (executable("nats-server") === undefined ? Effect.fail(error) : Effect.void)),
    Effect.retry({ schedule: Schedule.spaced("3 seconds"), times: 5 }),
  )
  const installed = executable("nats-server")
  return installed ?? (yield* missing("although the package was installed"))
})

/** Kernel-enforced: the child gets SIGTERM when its parent dies, however it dies. */
export const dieWithParent = (
  command: string,
  args: ReadonlyArray<string>,
): readonly [string, ReadonlyArray<string>] => {
  const setpriv = executable("setpriv")
  return setpriv === undefined ? [command, args] : [setpriv, ["--pdeathsig", "TERM", command, ...args]]
}
