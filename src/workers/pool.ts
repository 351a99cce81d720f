// Worker threads behind Effect: a thread that throws, hangs or dies costs its task, never the gateway.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Piscina } from "piscina"
import type { Transferable } from "node:worker_threads"

export class WorkerError extends Schema.TaggedError<WorkerError>()("WorkerError", {
  /** `threw`: the task's own exception; `died`: the thread is gone and replaced; `timeout`: it was stopped and replaced. */
  reason: Schema.Literals(["threw", "died", "timeout"]),
  message: Schema.String,
}) {}

export interface PoolOptions {
  /** Module whose named exports are the tasks: plain functions of one structured-cloneable argument. */
  readonly filename: URL
  readonly threads: number
  /** Read in the module from `workerData`. */
  readonly data?: unknown
  /** Old-generation heap of one thread. */
  readonly heapMegabytes?: number
}

export interface Pool {
  /** Runs one exported function; its result is cloned or transferred back. Interruption stops the thread. */
  readonly run: <A>(
    task: string,
    argument: unknown,
    options?: { readonly timeout?: Duration.Input; readonly transfer?: ReadonlyArray<Transferable> },
  ) => Effect.Effect<A, WorkerError>
}

const workerError = (cause: unknown): WorkerError => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const died = /worker (exited|stopped|terminated)|ERR_WORKER|terminated due to|aborted/i.test(
    `${cause instanceof Error ? `${cause.name} ${String((cause as { code?: unknown }).code ?? "")}` : ""} ${message}`,
  )
  return new WorkerError({ reason: died ? "died" : "threw", message })
}

/** A pool for the life of its scope. One task at a time per thread; with one thread tasks run in order and module state lives on. */
export const makePool = Effect.fnUntraced(function* (options: PoolOptions) {
  const pool = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Piscina({
          filename: options.filename.href,
          minThreads: options.threads,
          maxThreads: options.threads,
          idleTimeout: Number.POSITIVE_INFINITY,
          concurrentTasksPerWorker: 1,
          workerData: options.data,
          ...(options.heapMegabytes === undefined
            ? {}
            : { resourceLimits: { maxOldGenerationSizeMb: options.heapMegabytes } }),
        }),
    ),
    (pool) => Effect.promise(() => pool.destroy()),
  )
  const run: Pool["run"] = (task, argument, { timeout, transfer } = {}) => {
    const running = Effect.tryPromise({
      try: (signal) =>
        pool.run(argument, { name: task, signal, ...(transfer === undefined ? {} : { transferList: [...transfer] }) }),
      catch: workerError,
    })
    return timeout === undefined
      ? running
      : running.pipe(
          Effect.timeoutOrElse({
            duration: timeout,
            orElse: () =>
              Effect.fail(
                new WorkerError({
                  reason: "timeout",
                  message: `${task} took longer than ${Duration.format(Duration.fromInputUnsafe(timeout))}`,
                }),
              ),
          }),
        )
  }
  return { run } satisfies Pool
})
