// Handlers of the alerts: a page of them, and the stream that replays what a reader missed.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Sse from "effect/encoding/Sse"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { Alert } from "../domain/alert.ts"
import { subjects } from "../events/events.ts"
import { Nats } from "../events/Nats.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { Api } from "./Api.ts"
import { BadRequest, unavailable } from "./errors.ts"
import { Shutdown } from "./Shutdown.ts"

const pageSize = 100
/** A comment line so often keeps proxies from closing a silent stream, and bounds the wait when a wake-up is lost. */
const heartbeat = "15 seconds"

const event = (alert: Alert) =>
  Sse.encoder.write({ _tag: "Event", id: String(alert.id), event: "alert", data: JSON.stringify(alert) })

/** Every alert above `after`, then each new one. The ledger is read again at each wake-up, so none is skipped or doubled. */
const follow = Effect.fnUntraced(function* (after: number) {
  const ledger = yield* Ledger
  const nats = yield* Nats
  const shutdown = yield* Shutdown
  const wakes = Stream.mergeAll(
    [
      Stream.make("start"),
      nats.subscribe(subjects.alerts).pipe(
        Stream.map(() => "wake"),
        Stream.catch(() => Stream.never),
      ),
      Stream.tick(heartbeat).pipe(
        Stream.drop(1),
        Stream.map(() => "beat"),
      ),
    ],
    { concurrency: "unbounded" },
  )
  let last = after
  const news = Stream.paginate(last, () =>
    ledger.alerts(last, pageSize).pipe(
      Effect.map((alerts) => {
        last = alerts.at(-1)?.id ?? last
        return [alerts, alerts.length === pageSize ? Option.some(last) : Option.none<number>()] as const
      }),
    ),
  )
  // A first line sends the headers: the reader knows that it is connected.
  return Stream.make(": alerts follow\n\n").pipe(
    Stream.concat(
      Stream.flatMap(wakes, (wake) =>
        Stream.concat(wake === "beat" ? Stream.make(": still here\n\n") : Stream.empty, Stream.map(news, event)),
      ),
    ),
    Stream.interruptWhen(shutdown.begun),
    Stream.encodeText,
  )
})

export const AlertsHandlers = HttpApiBuilder.group(
  Api,
  "alerts",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    return handlers
      .handle("list", ({ query: { after = 0, limit = pageSize } }) => unavailable(ledger.alerts(after, limit)))
      .handleRaw(
        "stream",
        Effect.fnUntraced(function* ({ request }) {
          const given = request.headers["last-event-id"]
          if (given !== undefined && !/^[0-9]{1,15}$/.test(given)) {
            return yield* new BadRequest({ error: "Last-Event-ID is the id of an alert" })
          }
          // Without an id the reader wants what happens from now on.
          const newest = yield* unavailable(ledger.lastAlert)
          // An id that was never given, as after a restore, would wait for itself.
          const after = given === undefined ? newest : Math.min(Number(given), newest)
          return HttpServerResponse.stream(yield* follow(after), {
            contentType: "text/event-stream",
            headers: { "cache-control": "no-store" },
          })
        }),
      )
  }),
)
