// A process that closes the re-ranker while a thread is inside the model, its caller gone or not; prints how that went.
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type { SeriesInstanceUID } from "../../src/domain/uid.ts"
import { Reranker } from "../../src/rerank/Reranker.ts"
import { layer } from "../../src/rerank/worker-reranker.ts"

const [, , dir = "", caller = ""] = process.argv

const stopMidway = Effect.gen(function* () {
  const asking = yield* Effect.forkScoped((yield* Reranker).stacks(["1.1" as SeriesInstanceUID]))
  yield* Effect.sync(() => existsSync(join(dir, "running"))).pipe(
    Effect.repeat({ until: (running) => running, schedule: Schedule.spaced("1 millis") }),
  )
  if (caller === "gone") yield* Fiber.interrupt(asking)
})

const workerUrl = new URL("model-thread.fixture.ts", import.meta.url)
await Effect.runPromise(
  stopMidway.pipe(
    Effect.scoped,
    Effect.provide(layer({ workerUrl, threads: 1, dir, modelId: "m", dimension: 384, gridSize: 0 })),
  ),
)
process.stdout.write(existsSync(join(dir, "done")) ? "closed after the run" : "closed in the run")
