// A durable JetStream pull consumer as a stream of deliveries that carry their own acknowledgement.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import {
  AckPolicy,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
} from "nats"

export interface Consumption {
  readonly stream: string
  readonly durable: string
  readonly filter: string
  /** Deliveries without acknowledgement at a time: the bound of what this process holds. */
  readonly maxAckPending: number
}

/**
 * A delivery that is neither acknowledged nor renewed for so long is delivered again. What this process holds it renews
 * every third of that; so work may take as long as it likes, and the work of a process that died comes back soon.
 */
const ackWaitMillis = 10_000

export interface Delivery<A> {
  readonly value: A
  readonly streamSequence: number
  /** 1 for the first delivery. */
  readonly attempts: number
  /** Succeeds when the server has confirmed; a lost confirmation only means another delivery. */
  readonly ack: Effect.Effect<void>
  /** Hands the item back, to be delivered again after the delay. */
  readonly nak: (delay: Duration.Input) => Effect.Effect<void>
  /** Never again. */
  readonly term: Effect.Effect<void>
}

interface Source {
  readonly connection: NatsConnection
  readonly jetstream: JetStreamClient
  readonly manager: JetStreamManager
  readonly ensure: () => Promise<void>
}

const delivery = (message: JsMsg, held: Set<JsMsg>): Delivery<Uint8Array> => {
  held.add(message)
  const settle = (how: () => void) =>
    Effect.sync(() => {
      held.delete(message)
      how()
    })
  return {
    value: message.data,
    streamSequence: message.seq,
    attempts: message.info.deliveryCount,
    ack: settle(() => message.ack()),
    nak: (delay) => settle(() => message.nak(Duration.toMillis(delay))),
    term: settle(() => message.term()),
  }
}

/** Declares the consumer, pulls from it until it ends, and starts again: it ends when the broker lost stream or consumer. */
export const consumeBytes = (source: Source, consumption: Consumption): Stream.Stream<Delivery<Uint8Array>> =>
  Stream.callback(
    (queue) =>
      Effect.gen(function* () {
        const { stream, durable, filter, maxAckPending } = consumption
        const held = new Set<JsMsg>()
        yield* Effect.forkScoped(
          Effect.sync(() => held.forEach((message) => message.working())).pipe(
            Effect.repeat(Schedule.spaced(ackWaitMillis / 3)),
          ),
        )
        const pull = Effect.tryPromise(async (signal) => {
          await source.manager.consumers
            .add(stream, {
              durable_name: durable,
              filter_subject: filter,
              ack_policy: AckPolicy.Explicit,
              deliver_policy: DeliverPolicy.All,
              ack_wait: ackWaitMillis * 1e6,
              max_ack_pending: maxAckPending,
            })
            .catch(async (cause: unknown) => {
              // A changed bound is an update; a lost stream is declared again before the next attempt.
              const known = await source.manager.consumers.info(stream, durable).catch(() => undefined)
              if (known === undefined) {
                await source.ensure()
                throw cause
              }
              await source.manager.consumers.update(stream, durable, {
                ack_wait: ackWaitMillis * 1e6,
                max_ack_pending: maxAckPending,
              })
            })
          const consumer = await source.jetstream.consumers.get(stream, durable)
          const messages = await consumer.consume({
            max_messages: maxAckPending,
            abort_on_missing_resource: true,
            callback: (message) => {
              Queue.offerUnsafe(queue, delivery(message, held))
            },
          })
          // `close()` never returns in nats 2.29; `stop()` ends it.
          signal.addEventListener("abort", () => messages.stop())
          const ended = await messages.closed()
          if (ended instanceof Error) throw ended
        })
        return yield* pull.pipe(
          Effect.catch((error) =>
            Effect.logDebug("consumer starts again", { stream, durable, error: String(error.cause) }),
          ),
          Effect.andThen(Effect.sleep("500 millis")),
          Effect.forever,
        )
      }),
    // What may wait here is bounded by maxAckPending.
    { bufferSize: Number.MAX_SAFE_INTEGER },
  )
