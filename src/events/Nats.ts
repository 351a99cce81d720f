// JetStream behind Effect: acknowledged publishes, durable pull consumers, and requests with streamed answers.
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { connect, DiscardPolicy, type JetStreamManager, type NatsConnection, RetentionPolicy, StorageType } from "nats"
import { type Consumption, consumeBytes, type Delivery } from "./consumer.ts"
import { NatsError } from "./NatsError.ts"
import { type Answering, requestMany, respond } from "./request.ts"
import { streams } from "./events.ts"

export { NatsError } from "./NatsError.ts"
export type { Delivery } from "./consumer.ts"

export interface NatsOptions {
  readonly servers: ReadonlyArray<string>
  readonly token?: Redacted.Redacted
  /** Copies of each stream. */
  readonly replicas: number
}

export interface Backlog {
  /** Not delivered yet. */
  readonly pending: number
  /** Delivered and not acknowledged. */
  readonly ackPending: number
}

export class Nats extends Context.Service<
  Nats,
  {
    /** Succeeds once JetStream has the message on disk; the same msgID within two minutes is stored once. */
    readonly publish: (subject: string, payload: Uint8Array, msgID: string) => Effect.Effect<void, NatsError>
    /** A durable consumer as an endless stream; it outlives broker restarts. Undecodable messages are terminated and logged. */
    readonly consume: <A>(
      consumption: Consumption & { readonly schema: Schema.Codec<A, unknown> },
    ) => Stream.Stream<Delivery<A>>
    readonly consumeBytes: (consumption: Consumption) => Stream.Stream<Delivery<Uint8Array>>
    readonly backlog: (stream: string, durable: string) => Effect.Effect<Backlog, NatsError>
    /** Messages that a stream holds, and since when (ms since 1970). */
    readonly stored: (
      stream: string,
    ) => Effect.Effect<{ readonly messages: number; readonly oldest: number | undefined }, NatsError>
    /** Removes what every durable consumer of a stream has acknowledged, where the stream is larger than that. */
    readonly trim: (stream: string, bytes: number) => Effect.Effect<void, NatsError>
    /** Core subscription, from now on. */
    readonly subscribe: (subject: string) => Stream.Stream<Uint8Array, NatsError>
    /** Answers each request with a stream of messages, then an empty one with the header Gateway-Done. Never ends. */
    readonly respond: (subject: string, handler: Answering) => Effect.Effect<never, NatsError>
    readonly requestMany: (
      subject: string,
      payload: Uint8Array,
      timeout: Duration.Input,
      authorization?: string,
    ) => Stream.Stream<Uint8Array, NatsError>
    readonly isConnected: Effect.Effect<boolean>
    /** True while JetStream answers: on a full disk nats-server gives it up, or hangs in it. */
    readonly hasJetStream: Effect.Effect<boolean>
  }
>()("gateway/events/Nats") {
  static readonly layer = (options: NatsOptions) => Layer.effect(Nats, make(options))
}

const nanoseconds = (duration: Duration.Input) => Duration.toMillis(duration) * 1e6

/** Declares every stream, also again after the broker lost them. */
const ensureStreams = async (manager: JetStreamManager, replicas: number) => {
  for (const [name, subjects] of Object.entries(streams)) {
    const config = {
      name,
      subjects: [...subjects],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: nanoseconds("7 days"),
      duplicate_window: nanoseconds("2 minutes"),
      num_replicas: replicas,
    }
    await manager.streams.add(config).catch(() => manager.streams.update(name, config))
  }
}

const make = Effect.fnUntraced(function* ({ servers, token, replicas }: NatsOptions) {
  const connection: NatsConnection = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        connect({
          servers: [...servers],
          ...(token === undefined || Redacted.value(token) === "" ? {} : { token: Redacted.value(token) }),
          name: "region-gateway",
          // Away is a state, not a failure: publishes fail one by one meanwhile and the outbox waits.
          reconnect: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 200,
          waitOnFirstConnect: true,
          pingInterval: 10_000,
        }),
      catch: (cause) => new NatsError({ operation: "connect", cause }),
    }).pipe(
      Effect.timeoutOrElse({
        duration: "30 seconds",
        orElse: () =>
          Effect.fail(new NatsError({ operation: "connect", cause: `no NATS server at ${servers.join(", ")}` })),
      }),
    ),
    (connection) => Effect.promise(() => connection.close()),
  )
  const jetstream = connection.jetstream({ timeout: 5000 })
  const manager = yield* Effect.tryPromise({
    try: async () => {
      const manager = await connection.jetstreamManager({ timeout: 5000 })
      await ensureStreams(manager, replicas)
      return manager
    },
    catch: (cause) => new NatsError({ operation: "streams", cause }),
    // JetStream answers a little later than the server does, more so while it recovers.
  }).pipe(Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 120 }))

  const source = { connection, jetstream, manager, ensure: () => ensureStreams(manager, replicas) }
  return Nats.of({
    publish: (subject, payload, msgID) =>
      Effect.tryPromise({
        try: () => jetstream.publish(subject, payload, { msgID }),
        catch: (cause) => new NatsError({ operation: "publish", cause }),
      }).pipe(Effect.asVoid),
    consumeBytes: (consumption) => consumeBytes(source, consumption),
    consume: ({ schema, ...consumption }) => {
      const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
      return consumeBytes(source, consumption).pipe(
        Stream.flatMap((delivery) =>
          Stream.fromEffect(decode(new TextDecoder().decode(delivery.value))).pipe(
            Stream.map((value) => ({ ...delivery, value })),
            Stream.catch((error) =>
              Stream.drain(
                Stream.fromEffect(
                  Effect.logError("event dropped: it cannot be read", {
                    stream: consumption.stream,
                    sequence: delivery.streamSequence,
                    error: error.message,
                  }).pipe(Effect.andThen(delivery.term)),
                ),
              ),
            ),
          ),
        ),
      )
    },
    backlog: (stream, durable) =>
      Effect.tryPromise({
        try: async () => {
          const info = await manager.consumers.info(stream, durable)
          return { pending: info.num_pending, ackPending: info.num_ack_pending }
        },
        catch: (cause) => new NatsError({ operation: "info", cause }),
      }),
    stored: (stream) =>
      Effect.tryPromise({
        try: async () => {
          const { messages, first_ts } = (await manager.streams.info(stream)).state
          return { messages, oldest: messages === 0 ? undefined : Date.parse(first_ts) }
        },
        catch: (cause) => new NatsError({ operation: "info", cause }),
      }),
    trim: (stream, bytes) =>
      Effect.tryPromise({
        try: async () => {
          const { state } = await manager.streams.info(stream)
          if (state.bytes <= bytes) return
          const consumers = await manager.consumers.list(stream).next()
          // A consumer of some subjects has no floor above the last of its own: with nothing to do it is done with all.
          const done = Math.min(
            ...consumers.map(({ ack_floor, num_pending, num_ack_pending }) =>
              num_pending + num_ack_pending === 0 ? state.last_seq : ack_floor.stream_seq,
            ),
          )
          // Whoever reads without a durable consumer gets what is left, as with any bound.
          if (Number.isFinite(done) && done >= state.first_seq) await manager.streams.purge(stream, { seq: done + 1 })
        },
        catch: (cause) => new NatsError({ operation: "info", cause }),
      }),
    subscribe: (subject) =>
      Stream.unwrap(
        Effect.acquireRelease(
          Effect.sync(() => connection.subscribe(subject)),
          (subscription) => Effect.sync(() => subscription.unsubscribe()),
        ).pipe(
          Effect.map((subscription) =>
            Stream.fromAsyncIterable(subscription, (cause) => new NatsError({ operation: "subscribe", cause })).pipe(
              Stream.map((message) => message.data),
            ),
          ),
        ),
      ),
    respond: (subject, handler) => respond(connection, subject, handler),
    requestMany: (subject, payload, timeout, authorization) =>
      requestMany(connection, subject, payload, timeout, authorization),
    hasJetStream: Effect.tryPromise(() => manager.getAccountInfo()).pipe(
      Effect.as(true),
      Effect.catch(() => Effect.succeed(false)),
    ),
    isConnected: Effect.tryPromise(() => connection.flush()).pipe(
      Effect.timeout("1 second"),
      Effect.as(true),
      Effect.catch(() => Effect.succeed(false)),
    ),
  })
})
