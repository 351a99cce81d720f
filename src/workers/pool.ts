// Worker threads behind Effect: a thread that throws, hangs or dies costs its task, never the gateway.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { Piscina } from "piscina"
import type { Transferable } from "node:worker_threads"

export class WorkerError extends Schema.TaggedError<WorkerError>()("WorkerError", {
  /** `threw`: the task's own exception; `died`: the thread is gone and replaced; `timeout`: the task took too long. */
  reason: Schema.Literals(["threw", "died", "timeout"]),
  message: Schema.String,
}) {}

export interface PoolOptions {
  /** Module whose named exports are the tasks: plain functions of one structured-cloneable argument. */
  readonly filename: URL
  readonly threads: number
  /** How many of them start with the pool; the others when there is work for them. All when absent. */
  readonly startThreads?: number
  /** Read in the module from `workerData`. */
  readonly data?: unknown
  /** Old-generation heap of one thread. */
  readonly heapMegabytes?: number
  /**
   * False: no thread is ever stopped in the middle of a task. For modules that call native code which does not survive
   * that (onnxruntime-node then aborts the whole process), or that hold state worth more than a task. Who is interrupted
   * or times out leaves what runs to end, and what waits for a thread never starts; closing the scope waits for what
   * runs. So their tasks must end by themselves. True when absent.
   */
  readonly stoppable?: boolean
}

export interface Pool {
  /**
   * Runs one exported function; its result is cloned or transferred back. Interruption and `timeout` (from the call on,
   * with any wait for a thread) stop the thread, if the pool's are stoppable.
   */
  readonly run: <A>(
    task: string,
    argument: unknown,
    options?: { readonly timeout?: Duration.Input; readonly transfer?: ReadonlyArray<Transferable> },
  ) => Effect.Effect<A, WorkerError>
}

/** Of one thread's heap; there are a dozen threads, and each would take several times as much without need. */
const youngMegabytes = 16

const workerError = (cause: unknown): WorkerError => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const died = /worker (exited|stopped|terminated)|ERR_WORKER|terminated due to|aborted/i.test(
    `${cause instanceof Error ? `${cause.name} ${String((cause as { code?: unknown }).code ?? "")}` : ""} ${message}`,
  )
  return new WorkerError({ reason: died ? "died" : "threw", message })
}

/** Runs tasks as if nobody could stop them: only those that wait for a thread are given up. */
const unstoppable = (threads: number) => {
  const turns = Semaphore.makeUnsafe(threads)
  let closing = false
  const closed = new WorkerError({ reason: "died", message: "the pool is closing" })
  return {
    toItsEnd: <A>(task: Effect.Effect<A, WorkerError>): Effect.Effect<A, WorkerError> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => (closing ? Effect.fail(closed) : Effect.uninterruptible(task))).pipe(
          turns.withPermit,
          Effect.interruptible,
          Effect.forkDetach({ startImmediately: true }),
          Effect.flatMap((running) =>
            Effect.onInterrupt(restore(Fiber.join(running)), () => Effect.sync(() => running.interruptUnsafe())),
          ),
        ),
      ),
    /** Ends when nothing runs any more, and nothing will. */
    close: Effect.suspend(() => {
      closing = true
      return turns.withPermits(threads)(Effect.void)
    }),
  }
}

/** A pool for the life of its scope. One task at a time per thread; with one thread tasks run in order and module state lives on. */
export const makePool = Effect.fnUntraced(function* (options: PoolOptions) {
  const pool = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Piscina({
          filename: options.filename.href,
          minThreads: options.startThreads ?? options.threads,
          maxThreads: options.threads,
          idleTimeout: Number.POSITIVE_INFINITY,
          concurrentTasksPerWorker: 1,
          workerData: options.data,
          resourceLimits: {
            maxYoungGenerationSizeMb: youngMegabytes,
            ...(options.heapMegabytes === undefined ? {} : { maxOldGenerationSizeMb: options.heapMegabytes }),
          },
        }),
    ),
    (pool) => Effect.promise(() => pool.destroy()),
  )
  const turns = options.stoppable === false ? unstoppable(options.threads) : undefined
  if (turns !== undefined) yield* Effect.addFinalizer(() => turns.close)
  const run: Pool["run"] = <A>(
    task: string,
    argument: unknown,
    { timeout, transfer }: Parameters<Pool["run"]>[2] = {},
  ) => {
    const started: Effect.Effect<A, WorkerError> = Effect.tryPromise({
      try: (signal) =>
        pool.run(argument, { name: task, signal, ...(transfer === undefined ? {} : { transferList: [...transfer] }) }),
      catch: workerError,
    })
    const running = turns === undefined ? started : turns.toItsEnd(started)
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
