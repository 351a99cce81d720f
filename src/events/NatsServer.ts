// The gateway's own nats-server: started with it, restarted when it dies, gone when the gateway goes.
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { dieWithParent, natsBinary } from "./nats-binary.ts"

export class NatsServerError extends Schema.TaggedError<NatsServerError>()("NatsServerError", {
  message: Schema.String,
}) {}

const restarts = Metric.counter("gateway_nats_restarts_total", { description: "Restarts of our own nats-server" })

/** One message of 16 slices with a 7×7 grid of 1280 values fits; events are far smaller. */
const maxPayloadBytes = 8 * 1024 * 1024

const freePort = Effect.callback<number, NatsServerError>((resume) => {
  const probe = createServer()
  probe.once("error", (error) =>
    resume(Effect.fail(new NatsServerError({ message: `no free port: ${error.message}` }))),
  )
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    probe.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const answers = (port: number) =>
  Effect.callback<void, NatsServerError>((resume) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: 1000 })
    const fail = () => {
      socket.destroy()
      resume(Effect.fail(new NatsServerError({ message: `nats-server does not answer on port ${port}` })))
    }
    socket.once("data", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", fail).once("timeout", fail)
    return Effect.sync(() => socket.destroy())
  })

/** A server that outlived a crashed gateway holds the folder: it is ours by its command line, and is ended first. */
const endStale = (dir: string) =>
  Effect.gen(function* () {
    const pid = yield* Effect.try(() => Number(readFileSync(join(dir, "nats.pid"), "utf8")))
    const ours = Effect.try(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")).pipe(
      Effect.filterOrFail((line) => line.includes(join(dir, "nats.conf"))),
    )
    yield* ours
    yield* Effect.try(() => process.kill(pid, "SIGTERM"))
    yield* ours.pipe(
      Effect.andThen(Effect.fail("alive")),
      Effect.catch((error) => (error === "alive" ? Effect.fail(error) : Effect.void)),
      Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 200 }),
    )
  }).pipe(Effect.ignore)

const exited = (child: ChildProcess) =>
  Effect.callback<string>((resume) => {
    const done = () => resume(Effect.succeed(child.signalCode ?? `exit ${child.exitCode ?? "unknown"}`))
    if (child.exitCode !== null || child.signalCode !== null) done()
    else child.once("exit", done).once("error", done)
  })

const stop = (child: ChildProcess) =>
  Effect.sync(() => child.kill("SIGTERM")).pipe(
    Effect.andThen(exited(child)),
    Effect.timeoutOrElse({
      duration: "10 seconds",
      orElse: () => Effect.sync(() => child.kill("SIGKILL")).pipe(Effect.andThen(exited(child))),
    }),
  )

export interface NatsServerOptions {
  /** Holds configuration, pid, log and JetStream's files. */
  readonly dir: string
}

export class NatsServer extends Context.Service<
  NatsServer,
  {
    readonly url: string
    readonly token: Redacted.Redacted
    /** Process id of the server that runs now. */
    readonly pid: Effect.Effect<number>
    /** False while it is away or still reads its files. */
    readonly answers: Effect.Effect<boolean>
    /** Ends the server that runs now; another one takes its place. */
    readonly restart: Effect.Effect<void>
  }
>()("gateway/events/NatsServer") {
  static readonly layer = (options: NatsServerOptions) => Layer.effect(NatsServer, make(options))
}

const make = Effect.fnUntraced(function* ({ dir }: NatsServerOptions) {
  const binary = yield* natsBinary
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  yield* endStale(dir)
  const port = yield* freePort
  // Other users of the machine share the loopback: they must not read or publish.
  const token = randomBytes(24).toString("hex")
  const conf = join(dir, "nats.conf")
  writeFileSync(
    conf,
    [
      `host: "127.0.0.1"`,
      `port: ${port}`,
      `max_payload: ${maxPayloadBytes}`,
      `pid_file: ${JSON.stringify(join(dir, "nats.pid"))}`,
      `authorization { token: "${token}" }`,
      `jetstream { store_dir: ${JSON.stringify(join(dir, "jetstream"))} }`,
      "",
    ].join("\n"),
    { mode: 0o600 },
  )

  let current: ChildProcess | undefined
  const start = Effect.sync(() => {
    const [command, args] = dieWithParent(binary, ["-c", conf])
    const log = openSync(join(dir, "nats.log"), "a", 0o600)
    current = spawn(command, [...args], { stdio: ["ignore", log, log] })
    closeSync(log)
    return current
  })
  const isUp = answers(port).pipe(Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 500 }))

  const first = yield* start
  yield* Effect.addFinalizer(() => (current === undefined ? Effect.void : stop(current)))
  yield* isUp
  yield* Effect.logInfo("nats-server started", { port, pid: first.pid })

  const supervise = Effect.gen(function* () {
    for (let child = first, delay = 50; ;) {
      const since = performance.now()
      const how = yield* exited(child)
      yield* Metric.update(restarts, 1)
      yield* Effect.logWarning("nats-server ended, starting it again", { how })
      // Quick deaths in a row wait longer, up to 5 s.
      delay = performance.now() - since > 10_000 ? 50 : Math.min(delay * 2, 5000)
      yield* Effect.sleep(Duration.millis(delay))
      child = yield* start
    }
  })
  yield* Effect.forkScoped(supervise)

  return NatsServer.of({
    url: `nats://127.0.0.1:${port}`,
    token: Redacted.make(token),
    pid: Effect.sync(() => current?.pid ?? 0),
    answers: answers(port).pipe(
      Effect.as(true),
      Effect.catch(() => Effect.succeed(false)),
    ),
    restart: Effect.suspend(() => (current === undefined ? Effect.void : Effect.asVoid(stop(current)))),
  })
})
