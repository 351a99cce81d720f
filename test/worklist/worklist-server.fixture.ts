// A live server with the worklist's routes on a worklist in memory or in a folder, and requests to it as clients send them.
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Deferred, Effect, Layer } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import { WebSocket } from "ws"
import { allActions, type Caller, CurrentCaller, internal } from "../../src/domain/caller.ts"
import type { Ledger } from "../../src/ledger/Ledger.ts"
import { layerMemory as ledgerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { WorklistRoutes } from "../../src/worklist/routes.ts"
import { layer, layerMemory } from "../../src/worklist/sqlite-worklist.ts"
import { tags } from "../../src/worklist/tags.ts"
import type { Worklist } from "../../src/worklist/Worklist.ts"

export type DataSet = Readonly<Record<string, { readonly vr: string; readonly Value?: ReadonlyArray<unknown> }>>

export const scheduled = (more: DataSet = {}): DataSet => ({
  [tags.ProcedureStepState]: { vr: "CS", Value: ["SCHEDULED"] },
  [tags.ScheduledProcedureStepPriority]: { vr: "CS", Value: ["MEDIUM"] },
  [tags.ProcedureStepLabel]: { vr: "LO", Value: ["Read the knee"] },
  [tags.ScheduledProcedureStepStartDateTime]: { vr: "DT", Value: ["20261124120000"] },
  [tags.InputReadinessState]: { vr: "CS", Value: ["READY"] },
  ...more,
})

const codeItem = (value: string) => ({
  "00080100": { vr: "SH", Value: [value] },
  "00080102": { vr: "SH", Value: ["99TEST"] },
  "00080104": { vr: "LO", Value: [value] },
})

/** What a performer sets before COMPLETED. */
export const performed: DataSet = {
  [tags.UnifiedProcedureStepPerformedProcedureSequence]: {
    vr: "SQ",
    Value: [
      {
        [tags.PerformedStationNameCodeSequence]: { vr: "SQ", Value: [codeItem("station")] },
        [tags.PerformedWorkitemCodeSequence]: { vr: "SQ", Value: [codeItem("reading")] },
        [tags.PerformedProcedureStepStartDateTime]: { vr: "DT", Value: ["20261124120000"] },
        [tags.PerformedProcedureStepEndDateTime]: { vr: "DT", Value: ["20261124121000"] },
        [tags.OutputInformationSequence]: { vr: "SQ" },
      },
    ],
  },
}

export const stateOf = (state: string, transactionUID?: string): DataSet => ({
  [tags.ProcedureStepState]: { vr: "CS", Value: [state] },
  ...(transactionUID === undefined ? {} : { [tags.TransactionUID]: { vr: "UI", Value: [transactionUID] } }),
})

/** "north" for a caller with that origin only; callers without the header see everything. */
const callerHeader = "x-test-origin"

const callerOf = (origin: string | undefined): Caller =>
  origin === undefined ? internal : { name: origin, actions: allActions, origins: new Set([origin]), origin }

/** Says who asks, where the gateway has its access middleware. */
const CallerByHeader = HttpRouter.middleware(
  (handler) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
      Effect.provideService(handler, CurrentCaller, callerOf(headers[callerHeader])),
    ),
  { global: true },
)

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: () => ReadonlyArray<DataSet>
}

export interface Client {
  readonly base: string
  readonly request: (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>
}

const clientOf = (base: string): Client => ({
  base,
  request: async (method, path, body, headers = {}) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/dicom+json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as ReadonlyArray<DataSet>,
    }
  },
})

export const as = (origin: string) => ({ [callerHeader]: origin })

/** Until `use` is done. `dir`: keeps the worklist there. */
export const withWorklist = <A, R>(
  use: (client: Client, stop: Effect.Effect<void>) => Effect.Effect<A, unknown, R | Ledger | Worklist>,
  dir?: string,
) =>
  Effect.gen(function* () {
    const stopping = yield* Deferred.make<void>()
    const worklist = dir === undefined ? layerMemory : layer({ dir })
    const routes = Layer.mergeAll(WorklistRoutes({ stopping: Deferred.await(stopping) }), CallerByHeader)
    const app = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(worklist),
      Layer.provideMerge(ledgerMemory),
      Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
    )
    return yield* Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const base = `http://127.0.0.1:${"port" in address ? address.port : 0}`
      return yield* use(clientOf(base), Deferred.succeed(stopping, undefined).pipe(Effect.asVoid)).pipe(
        Effect.ensuring(Deferred.succeed(stopping, undefined)),
      )
    }).pipe(Effect.provide(app))
  }).pipe(Effect.scoped)

export interface Events {
  /** Waits for the next event. */
  readonly next: () => Promise<DataSet>
  readonly closed: Promise<number>
  readonly close: () => Promise<number>
  readonly socket: WebSocket
}

/** An open channel of a subscriber. */
export const listen = (
  { base }: Client,
  AE: string,
  options: { readonly origin?: string; readonly path?: string; readonly silent?: boolean } = {},
): Promise<Events> =>
  new Promise((resolve, reject) => {
    const url = `${base.replace("http", "ws")}${options.path ?? `/dicomweb/subscribers/${AE}`}`
    const socket = new WebSocket(url, [], {
      headers: options.origin === undefined ? {} : as(options.origin),
      autoPong: options.silent !== true,
    })
    const arrived: Array<DataSet> = []
    const waiting: Array<(event: DataSet) => void> = []
    socket.on("message", (data) => {
      const event = JSON.parse(data.toString()) as DataSet
      const waiter = waiting.shift()
      if (waiter === undefined) arrived.push(event)
      else waiter(event)
    })
    const closed = new Promise<number>((done) => void socket.on("close", done))
    socket.on("error", reject)
    socket.on("open", () =>
      resolve({
        next: () =>
          arrived.length > 0 ? Promise.resolve(arrived.shift()!) : new Promise((done) => void waiting.push(done)),
        closed,
        close: () => {
          socket.close()
          return closed
        },
        socket,
      }),
    )
  })
