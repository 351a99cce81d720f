// Two lives of one gateway on one data folder, from the first start to a kill, with all it did to the disk.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { NatsServer } from "../../../src/events/NatsServer.ts"
import { natsServer } from "../../support/nats.ts"
import type { Sent } from "./promises.ts"
import { makeSender } from "./sender.ts"
import type { Step } from "./steps.ts"
import { tracedGateway } from "./traced-gateway.ts"
import { workload } from "./workload.ts"

export interface Recording {
  readonly steps: ReadonlyArray<Step>
  readonly requests: ReadonlyArray<Sent>
}

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "gateway-power-"))),
  (dir) => Effect.sync(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })),
)

/** The broker stands outside: its files promise nothing. */
export const record = (many: number) =>
  Effect.gen(function* () {
    const dir = yield* temporary
    const root = join(dir, "disk")
    mkdirSync(root)
    const { url, token } = yield* NatsServer
    const environment = {
      GATEWAY_NATS_SERVERS: JSON.stringify([url]),
      GATEWAY_NATS_TOKEN: Redacted.value(token),
      GATEWAY_STUDY_QUIET_SECONDS: "1",
    }
    const steps: Array<Step> = []
    const requests: Array<Sent> = []
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const gateway = yield* tracedGateway(dir, root, environment)
      const sender = makeSender(gateway.url)
      yield* workload(sender, signal === "SIGTERM" ? 8 : many)
      for (const step of yield* gateway.end(signal)) steps.push(step)
      requests.push(...sender.sent)
    }
    return { steps, requests } satisfies Recording
  }).pipe(Effect.provide(natsServer), Effect.scoped)
