// The whole gateway as one layer: services from the configuration, the running streams, and the HTTP server.
import { join } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import { alerts } from "../streams/alerts.ts"
import { backups } from "../streams/backups.ts"
import { deletions } from "../streams/deletions.ts"
import { indexing } from "../streams/indexing.ts"
import { ingest } from "../streams/ingest.ts"
import { orphans } from "../streams/orphans.ts"
import { pressure } from "../streams/pressure.ts"
import { query } from "../streams/query.ts"
import { readiness } from "../streams/readiness.ts"
import { ReceivingFirst } from "../streams/receiving-first.ts"
import { reconcile } from "../streams/reconcile.ts"
import { retention } from "../streams/retention.ts"
import { scrub } from "../streams/scrub.ts"
import { shadow } from "../streams/shadow.ts"
import { worklist } from "../streams/worklist.ts"
import { AuditLog } from "./access/AuditLog.ts"
import { httpServer, isSecure } from "./access/http-server.ts"
import { AccessControl } from "./access/middleware.ts"
import { SignIn } from "./access/SignIn.ts"
import { StandingRegions } from "./alerts/StandingRegions.ts"
import { apiDocument } from "./api/document.ts"
import { ApiRoutes } from "./api/routes.ts"
import { Shutdown } from "./api/Shutdown.ts"
import { signInIsOn } from "./config/access-settings.ts"
import { GatewayConfig, isLoopback } from "./config/GatewayConfig.ts"
import * as Decoders from "./decode/decoder-layer.ts"
import { buryDeleted } from "./deletion/bury.ts"
import { capabilities, ServiceDescription } from "./dicomweb/capabilities.ts"
import { DicomwebRoutes } from "./dicomweb/routes.ts"
import { keepJetStream } from "./events/keep-jetstream.ts"
import { Nats } from "./events/Nats.ts"
import { NatsServer } from "./events/NatsServer.ts"
import { OutboxSignal, publishOutbox } from "./events/outbox.ts"
import { answerBrokenRequests } from "./http/broken-requests.ts"
import { resourcesOf } from "./http/resources.ts"
import { HttpSurface } from "./http/surface.ts"
import { StowRoutes } from "./listener/stow.ts"
import * as ModelsLayer from "./models/models-layer.ts"
import * as ServingLane from "./models/serving-lane.ts"
import { storage } from "./recovery/storage.ts"
import { pathsOf } from "./recovery/restore.ts"
import { Verifier } from "./verify/Verifier.ts"
import { WorklistRoutes } from "./worklist/routes.ts"

const worker = (name: string) => new URL(`../streams/${name}.ts`, import.meta.url)

/** A stream that fails or dies of a defect starts again; it never takes the gateway along. */
const running = <E, R>(name: string, stream: Effect.Effect<unknown, E, R>) =>
  Layer.effectDiscard(
    stream.pipe(
      Effect.tapCause((cause) => Effect.logError(`stream ${name} failed, starting it again`, cause)),
      Effect.catchCause(() => Effect.void),
      Effect.andThen(Effect.sleep("1 second")),
      Effect.forever,
      Effect.forkScoped,
    ),
  )

/** The broker: an existing cluster where one is configured, our own server otherwise. */
const Broker = Layer.unwrap(
  Effect.gen(function* () {
    const { data, nats } = yield* GatewayConfig
    const { servers, token, replicas } = nats
    if (servers.length > 0) return Nats.layer({ servers, token, replicas })
    const own = Effect.map(NatsServer, (server) =>
      keepJetStream.pipe(Layer.provideMerge(Nats.layer({ servers: [server.url], token: server.token, replicas: 1 }))),
    )
    return Layer.unwrap(own).pipe(Layer.provide(NatsServer.layer({ dir: join(data, "nats") })))
  }),
)

const Storage = Layer.unwrap(Effect.map(GatewayConfig, ({ data }) => storage(data)))

const Stages = Layer.unwrap(
  Effect.gen(function* () {
    const { ingest } = yield* GatewayConfig
    return Decoders.layer({
      worker: worker("slice-worker"),
      threads: ingest.decodeThreads,
      timeout: Duration.seconds(ingest.decodeSeconds),
    })
  }),
)

/** Embedder, index and re-ranker live in the space of a model's vectors; which model serves may change while we run. */
const Search = Layer.unwrap(
  Effect.gen(function* () {
    const { data, ingest, model, query } = yield* GatewayConfig
    return ModelsLayer.layer({
      preset: model.preset,
      dir: join(data, "index"),
      modelsDir: join(data, "models"),
      embedThreads: ingest.embedThreads,
      embedBatch: ingest.embedBatch,
      queryThreads: query.threads,
      candidates: query.candidates,
      queryWorker: worker("query-worker"),
    })
  }),
)

/** Nothing is served before the index knows of every deletion. */
const Buried = Layer.effectDiscard(buryDeleted)

const Services = Layer.mergeAll(
  StandingRegions.layer,
  Verifier.layer,
  OutboxSignal.layer,
  ReceivingFirst.layer,
  Buried,
).pipe(
  Layer.provideMerge(ServingLane.layer),
  Layer.provideMerge(Search),
  Layer.provideMerge(Layer.mergeAll(Stages, Storage)),
  Layer.provideMerge(Broker),
)

const Streams = Layer.unwrap(
  Effect.gen(function* () {
    const config = yield* GatewayConfig
    const { turn } = yield* ReceivingFirst
    return Layer.mergeAll(
      running("outbox", publishOutbox(turn)),
      running(
        "ingest",
        ingest({
          concurrency: config.ingest.concurrency,
          // Most of what hangs does so for ever: others do not wait for all the time it is given.
          patience: Duration.seconds(config.ingest.decodeSeconds / 6),
        }),
      ),
      running("indexing", indexing),
      running("deletions", deletions),
      running("orphans", orphans),
      running(
        "backups",
        backups({
          paths: pathsOf(config.data),
          every: Duration.minutes(config.backup.everyMinutes),
          minFreeBytes: config.listener.minFreeBytes,
        }),
      ),
      running("scrub", scrub),
      running("retention", retention(config.retention)),
      running(
        "readiness",
        readiness({
          quiet: Duration.seconds(config.study.quietSeconds),
          maxWait: Duration.seconds(config.study.maxWaitSeconds),
        }),
      ),
      running("pressure", pressure({ data: config.data, streamBytes: config.nats.streamBytes })),
      running("alerts", alerts),
      running("query", query),
      running("reconcile", reconcile({ data: config.data, ...config.verify })),
      running("shadow", shadow),
      running(
        "worklist",
        worklist({
          keep: Duration.days(config.worklist.keepDays),
          base: config.listener.publicUrl === "" ? undefined : `${config.listener.publicUrl}/dicomweb`,
        }),
      ),
    )
  }),
)

/** Who signs in, and the log of what they did. */
const Access = Layer.unwrap(
  Effect.gen(function* () {
    const { access, data } = yield* GatewayConfig
    const audit = access.audit.enabled
      ? AuditLog.layer({ ...access.audit, dir: join(data, "audit") })
      : AuditLog.layerOff
    return Layer.merge(SignIn.layer(access), audit)
  }),
)

/** A thousand frame numbers fit; addresses mean one thing only. */
const routerConfig = { caseSensitive: true, maxParamLength: 16_384 }

const Server = Layer.unwrap(
  Effect.gen(function* () {
    const { access, listener } = yield* GatewayConfig
    const server = answerBrokenRequests(yield* httpServer(listener))
    const signal = yield* OutboxSignal
    const { receive } = yield* ReceivingFirst
    const publicUrl: { readonly publicUrl?: string } =
      listener.publicUrl === "" ? {} : { publicUrl: `${listener.publicUrl}/dicomweb` }
    const { begun: stopping } = yield* Shutdown
    const resources = resourcesOf(apiDocument)
    const surface = HttpSurface({
      ...publicUrl,
      corsOrigins: listener.corsOrigins,
      ownHostsOnly: isLoopback(listener.host) && !signInIsOn(access) && !isSecure(listener),
      resources,
      describe: capabilities(resources, publicUrl.publicUrl),
    })
    const routes = Layer.mergeAll(
      ApiRoutes,
      ServiceDescription(resources, publicUrl.publicUrl),
      DicomwebRoutes(publicUrl),
      WorklistRoutes({ ...publicUrl, stopping }),
      StowRoutes({
        ...publicUrl,
        maxPartBytes: listener.maxPartBytes,
        maxConcurrentRequests: listener.maxConcurrentStores,
        minFreeBytes: listener.minFreeBytes,
        onAccepted: signal.wake,
        during: receive,
      }),
      // Provided to the routes, so built before them: the surface is the outermost, and then who may what.
    ).pipe(Layer.provide(AccessControl(access, routerConfig)), Layer.provideMerge(surface))
    return HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true, routerConfig }).pipe(
      Layer.provideMerge(
        NodeHttpServer.layer(() => server, {
          port: listener.port,
          host: listener.host,
          gracefulShutdownTimeout: "10 seconds",
        }),
      ),
      // Addresses hold what was searched for, such as a patient's name: they go into no span.
      Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen)(() => true)),
    )
  }),
)

/** Built last, so the first to hear of the end: event streams finish before the server waits for its callers. */
const Closing = Layer.effectDiscard(Effect.flatMap(Shutdown, ({ begin }) => Effect.addFinalizer(() => begin)))

/** Needs GatewayConfig; gives the HTTP server's address and the services. */
export const Gateway = Closing.pipe(
  Layer.provideMerge(Layer.mergeAll(Streams, Server)),
  Layer.provideMerge(Layer.mergeAll(Services, Access, Shutdown.layer)),
)
