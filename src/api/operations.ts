// Handlers of the operations group: what waits where, verify and rebuild.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { GatewayStatus } from "../domain/study.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import { Api } from "./Api.ts"
import { unavailable } from "./errors.ts"
import { verify } from "./verify.ts"

/** The gateway at a glance, from the ledger's counts and the index's state. */
export const gatewayStatus = Effect.fn("api.gatewayStatus")(function* () {
  const totals = yield* (yield* Ledger).totals
  const index = yield* (yield* VectorIndex).state
  const now = yield* Clock.currentTimeMillis
  const backlog = ({ pending, oldest }: { readonly pending: number; readonly oldest?: number }) => ({
    pending,
    oldestSeconds: oldest === undefined || pending === 0 ? 0 : Math.max(0, (now - oldest) / 1000),
  })
  return {
    instances: totals.instances,
    slices: totals.slices,
    studies: totals.studies,
    stages: {
      outbox: backlog(totals.outbox),
      decode: backlog(totals.stages.accepted),
      embed: backlog(totals.stages.decoded),
      index: backlog(totals.stages.embedded),
    },
    setAside: totals.setAside,
    indexSequence: index.sequence,
  } satisfies GatewayStatus
})

export const OperationsHandlers = HttpApiBuilder.group(
  Api,
  "operations",
  Effect.fnUntraced(function* (handlers) {
    const index = yield* VectorIndex
    return handlers.handleAll({
      status: () => unavailable(gatewayStatus()),
      rebuild: () => unavailable(index.rebuild),
      verify: () => unavailable(verify()),
    })
  }),
)
