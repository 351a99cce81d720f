// The clock's part: studies settle from open over quiet to ready, and what got stuck is put back on the way.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Nats } from "../src/events/Nats.ts"
import { Ledger } from "../src/ledger/Ledger.ts"
import { StudiesUnderWay } from "../src/ledger/under-way.ts"

export interface ReadinessOptions {
  readonly quiet: Duration.Duration
  /** A study is ready at the latest so long after it was opened. */
  readonly maxWait: Duration.Duration
}

/** An instance unfinished for so long, with nothing of its stage left in the broker, lost its event there. */
const stuck = Duration.minutes(2)

const settle = ({ quiet, maxWait }: ReadinessOptions) =>
  Effect.flatMap(Ledger, (ledger) =>
    Effect.flatMap(StudiesUnderWay, (underWay) =>
      ledger.settle({
        quietMillis: Duration.toMillis(quiet),
        maxWaitMillis: Duration.toMillis(maxWait),
        isUnderWay: (study) => underWay.has(study),
      }),
    ),
  )

/** The ledger is the truth and the broker only transport: events it lost (power, a wiped folder) are sent again. */
const sweep = Effect.fnUntraced(function* () {
  const ledger = yield* Ledger
  const nats = yield* Nats
  const waiting = yield* Effect.forEach(
    [
      ["DICOM", "ingest"],
      ["DICOM", "ingest-suspects"],
      ["EMBEDDINGS", "index"],
    ] as const,
    ([stream, durable]) => nats.backlog(stream, durable),
  )
  if (waiting.some(({ pending, ackPending }) => pending + ackPending > 0)) return
  const requeued = yield* ledger.requeue({
    unfinishedSince: (yield* Clock.currentTimeMillis) - Duration.toMillis(stuck),
  })
  if (requeued > 0) yield* Effect.logWarning(`sent ${requeued} events again that the broker no longer had`)
})

/** Versions announced again at a time. */
const announcements = 500

/** The same for the events of studies: lost in the broker, or in a ledger that was put back from its copy. */
const announceAgain = Effect.gen(function* () {
  const nats = yield* Nats
  const { pending, ackPending } = yield* nats.backlog("DICOM", "alerts")
  if (pending + ackPending > 0) return
  const again = yield* (yield* Ledger).announceAgain(announcements)
  if (again > 0) yield* Effect.logWarning(`announced ${again} ready studies again that no standing region had seen`)
})

export const readiness = (options: ReadinessOptions) =>
  Effect.all(
    [
      settle(options).pipe(
        Effect.catch((error) => Effect.logError("studies could not settle", error)),
        Effect.repeat(Schedule.spaced("500 millis")),
      ),
      sweep().pipe(
        Effect.catch((error) => Effect.logDebug("sweep put off", error)),
        Effect.repeat(Schedule.spaced("30 seconds")),
      ),
      announceAgain.pipe(
        Effect.catch((error) => Effect.logDebug("announcing again put off", error)),
        Effect.repeat(Schedule.spaced("10 seconds")),
      ),
    ],
    { concurrency: "unbounded", discard: true },
  )
