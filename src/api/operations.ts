// Handlers of the operations group: what waits where, verify and rebuild.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { GatewayStatus } from "../domain/study.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import { Api } from "./Api.ts"
import { NotFound, Unavailable, unavailable } from "./errors.ts"
import { Verifier } from "../verify/Verifier.ts"
import type { VerificationReport } from "../verify/report.ts"

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
    drift: yield* (yield* Verifier).drift,
  } satisfies GatewayStatus
})

export const OperationsHandlers = HttpApiBuilder.group(
  Api,
  "operations",
  Effect.fnUntraced(function* (handlers) {
    const index = yield* VectorIndex
    const verifier = yield* Verifier
    const orNone = (report: VerificationReport | undefined) =>
      report === undefined
        ? Effect.fail(new NotFound({ error: "nothing was verified since the start" }))
        : Effect.succeed(report)
    /** The report as it is after a minute at the latest: connections that say nothing for long are cut. */
    const patience = unavailable(verifier.report).pipe(
      Effect.flatMap(orNone),
      Effect.repeat({ while: ({ running }) => running, schedule: Schedule.spaced("100 millis"), times: 600 }),
    )
    return handlers.handleAll({
      status: () => unavailable(gatewayStatus()),
      rebuild: () => unavailable(index.rebuild),
      rebuilding: () => index.rebuilding,
      verify: ({ payload }) =>
        verifier.start({ digests: payload?.digests === true, repair: payload?.repair === true }).pipe(
          Effect.mapError(
            () => new Unavailable({ error: "another verification is running; try again when it has ended" }),
          ),
          Effect.andThen(patience),
        ),
      verification: () => unavailable(verifier.report).pipe(Effect.flatMap(orNone)),
    })
  }),
)
