// Request with a streamed answer over core NATS: many messages to the reply inbox, then an empty one that says done.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { createInbox, headers, Match, type Msg, type NatsConnection } from "nats"
import { NatsError } from "./NatsError.ts"

export const doneHeader = "Gateway-Done"
export const errorHeader = "Gateway-Error"

/** Requests answered at a time; more wait in the subscription. */
const concurrency = 16

const header = (name: string, value: string) => {
  const map = headers()
  map.set(name, value)
  return map
}

export interface Asked {
  readonly payload: Uint8Array
  /** By its name in any spelling. */
  readonly header: (name: string) => string | undefined
}

export type Answering = (asked: Asked) => Stream.Stream<Uint8Array, { readonly message: string }>

const headerOf = (request: Msg) => (name: string) => {
  const value = request.headers?.get(name, Match.IgnoreCase) ?? ""
  return value === "" ? undefined : value
}

export const respond = (
  connection: NatsConnection,
  subject: string,
  handler: Answering,
): Effect.Effect<never, NatsError> => {
  const answer = (request: Msg) =>
    handler({ payload: request.data, header: headerOf(request) }).pipe(
      Stream.runForEach((payload) => Effect.sync(() => request.respond(payload))),
      Effect.matchEffect({
        onFailure: ({ message }) =>
          Effect.sync(() =>
            request.respond(new Uint8Array(), { headers: header(errorHeader, message.replace(/[\r\n]+/g, " ")) }),
          ),
        onSuccess: () => Effect.sync(() => request.respond(new Uint8Array(), { headers: header(doneHeader, "1") })),
      }),
    )
  return Effect.acquireRelease(
    // A queue group, so that several gateways share the requests.
    Effect.sync(() => connection.subscribe(subject, { queue: "gateway" })),
    (subscription) => Effect.sync(() => subscription.unsubscribe()),
  ).pipe(
    Effect.flatMap((subscription) =>
      Stream.fromAsyncIterable(subscription, (cause) => new NatsError({ operation: "subscribe", cause })).pipe(
        Stream.mapEffect(answer, { concurrency, unordered: true }),
        Stream.runDrain,
      ),
    ),
    Effect.andThen(Effect.never),
    Effect.scoped,
  )
}

export const requestMany = (
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  timeout: Duration.Input,
  authorization?: string,
): Stream.Stream<Uint8Array, NatsError> =>
  Stream.unwrap(
    Effect.acquireRelease(
      Effect.sync(() => {
        const inbox = createInbox()
        const subscription = connection.subscribe(inbox, { timeout: Duration.toMillis(timeout) })
        connection.publish(subject, payload, {
          reply: inbox,
          ...(authorization === undefined ? {} : { headers: header("Authorization", authorization) }),
        })
        return subscription
      }),
      (subscription) => Effect.sync(() => subscription.unsubscribe()),
    ).pipe(
      Effect.map((subscription) =>
        Stream.fromAsyncIterable(subscription, (cause) => new NatsError({ operation: "request", cause })).pipe(
          Stream.takeUntil((message) => message.data.length === 0),
          Stream.mapEffect((message) => {
            const error = message.headers?.get(errorHeader)
            if (error !== undefined && error !== "")
              return Effect.fail(new NatsError({ operation: "request", cause: error }))
            // The server itself answers 503 when nobody listens.
            return message.headers?.code === 503
              ? Effect.fail(new NatsError({ operation: "request", cause: `nobody answers on ${subject}` }))
              : Effect.succeed(message.data)
          }),
          Stream.filter((data) => data.length > 0),
        ),
      ),
    ),
  )
