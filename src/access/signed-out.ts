// What goes on without an end ends with the caller's token: event streams and WebSockets would tell for days what it was
// good for in minutes. Uploads and downloads may outlast it.
import type { IncomingMessage } from "node:http"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Caller } from "../domain/caller.ts"

const at = (until: number) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sleep(Math.max(0, until * 1000 - now)))

/** Clients of server-sent events come again by themselves, with the token that they have then. */
export const eventsWhileSignedIn =
  ({ until }: Caller, contentType: string | undefined) =>
  <A, E, R>(stream: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    until !== undefined && contentType?.startsWith("text/event-stream") === true
      ? Stream.interruptWhen(stream, at(until))
      : stream

/** The handler of a WebSocket lasts as long as its connection, which ends with it. */
export const socketWhileSignedIn =
  ({ until }: Caller, { headers }: IncomingMessage) =>
  <E, R>(
    handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R> =>
    until === undefined || headers.upgrade === undefined
      ? handler
      : Effect.raceFirst(handler, Effect.as(at(until), HttpServerResponse.empty({ status: 200 })))
