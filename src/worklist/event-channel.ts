// Event reports over WebSocket (PS3.18 §8.10.4, §11.13). An event stays queued until the subscriber's pong answers for it:
// a send into a connection that is dead is not yet told.
import type { IncomingMessage } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type WebSocket, WebSocketServer } from "ws"
import { Refused } from "../dicomweb/answers.ts"
import { subscriberAE } from "./address.ts"
import { message as reportMessage, scpStatus } from "./event-reports.ts"
import { asked, type WorklistOptions } from "./replies.ts"
import { type Channel, Worklist } from "./Worklist.ts"

/** Events read from the queue and confirmed together. */
const batch = 64
/** A message that is not taken for so long ends the channel. */
const sendTimeout = "30 seconds"
/** Two beats without a sign of life end it too. */
const beat = "20 seconds"
const closing = "2 seconds"
const goingAway = 1001

/**
 * Effect's own upgrade hides pings and the send buffer, so the handshake is made here. Subscribers have nothing to say;
 * what they send is ignored up to this size. A page's secret travels as second subprotocol and is not sent back.
 */
const server = new WebSocketServer({
  noServer: true,
  maxPayload: 64 * 1024,
  handleProtocols: (offered) => [...offered].find((protocol) => !protocol.startsWith("bearer.")) ?? false,
})

/** Undefined when the handshake was refused; ws has answered then. */
const shakeHands = (message: IncomingMessage) =>
  Effect.callback<WebSocket | undefined>((resume) => {
    const refused = () => resume(Effect.succeed(undefined))
    message.socket.once("close", refused)
    server.handleUpgrade(message, message.socket, Buffer.alloc(0), (socket) => {
      message.socket.off("close", refused)
      // Listened to at once: an error without a listener would end the process.
      socket.on("error", () => {})
      resume(Effect.succeed(socket))
    })
  })

/** Succeeds when the operating system has it, so at most one message waits in memory. */
const send = (socket: WebSocket, text: string) =>
  Effect.callback<void, "closed">((resume) => {
    socket.send(text, (error) => resume(error == null ? Effect.void : Effect.fail("closed")))
  }).pipe(Effect.timeoutOrElse({ duration: sendTimeout, orElse: () => Effect.fail("closed" as const) }))

const closed = (socket: WebSocket) =>
  Effect.callback<void>((resume) => {
    if (socket.readyState === 3) return resume(Effect.void)
    socket.on("close", () => resume(Effect.void))
  })

/** Sends what is there and what comes; each batch ends with a ping that names its last event. */
const deliver = Effect.fnUntraced(function* (socket: WebSocket, channel: Channel, wakes: Queue.Queue<void>) {
  let last = 0
  while (true) {
    const events = yield* channel.next(last, batch)
    for (const event of events) {
      yield* send(socket, event.message)
      last = event.id
    }
    if (events.length > 0) yield* Effect.sync(() => socket.ping(String(last)))
    if (events.length < batch) yield* Queue.take(wakes)
  }
})

const confirm = Effect.fnUntraced(function* (channel: Channel, pongs: Queue.Queue<number>) {
  while (true) yield* channel.delivered(yield* Queue.take(pongs))
})

const beats = Effect.fnUntraced(function* (socket: WebSocket, alive: { seen: boolean }) {
  while (true) {
    alive.seen = false
    yield* Effect.sync(() => socket.ping(""))
    yield* Effect.sleep(beat)
    if (!alive.seen) return
  }
})

export const eventChannel = Effect.fn("ups.events")(function* ({ stopping }: WorklistOptions) {
  const message = NodeHttpServerRequest.toIncomingMessage(yield* HttpServerRequest.HttpServerRequest) as IncomingMessage
  const AE = yield* subscriberAE
  if (message.headers.upgrade?.toLowerCase() !== "websocket") {
    return yield* new Refused({ status: 426, error: "open a WebSocket here to receive events" })
  }
  const worklist = yield* Worklist
  const wakes = yield* Queue.sliding<void>(1)
  const pongs = yield* Queue.sliding<number>(1)
  yield* Effect.scoped(
    Effect.gen(function* () {
      const channel = yield* worklist
        .open(AE, () => Queue.offerUnsafe(wakes, undefined))
        .pipe(asked({ transaction: "subscribe" }))
      const socket = yield* Effect.acquireRelease(shakeHands(message), (socket) =>
        Effect.sync(() => socket?.terminate()),
      )
      if (socket === undefined) return
      const alive = { seen: true }
      socket.on("pong", (payload) => {
        alive.seen = true
        const id = Number(payload.toString())
        if (id > 0) Queue.offerUnsafe(pongs, id)
      })
      yield* Effect.raceAllFirst([
        deliver(socket, channel, wakes),
        confirm(channel, pongs),
        beats(socket, alive),
        closed(socket),
        Effect.andThen(stopping, send(socket, reportMessage(scpStatus("GOING DOWN"), 0))),
      ]).pipe(Effect.catch(() => Effect.void))
      socket.close(goingAway)
      yield* closed(socket).pipe(Effect.timeoutOrElse({ duration: closing, orElse: () => Effect.void }))
    }),
  )
  // Nothing is sent any more: the connection is gone.
  return HttpServerResponse.empty({ status: 200 })
})
