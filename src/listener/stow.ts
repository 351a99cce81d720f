// STOW-RS (PS3.18 §10.5): POST /dicomweb/studies and /dicomweb/studies/{study}.
import type { IncomingMessage } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type DocumentForm, documentBody, documentForm, documentTypes } from "../dicom/document-form.ts"
import { acceptOf } from "../dicom/media-type.ts"
import { serviceUrl } from "../dicom/web-links.ts"
import { CurrentSender } from "../domain/caller.ts"
import { StudyInstanceUID } from "../domain/uid.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { type FairTurns, makeFairTurns } from "../workers/fair-turns.ts"
import { HeldBytes } from "../workers/held-bytes.ts"
import { makeBehind } from "./behind.ts"
import { expectedInstances, expectHeader, expectRefusal } from "./expect-instances.ts"
import { instanceParts } from "./instance-parts.ts"
import { defaultPartLimits } from "./parts.ts"
import * as Reading from "./ReadingThreads.ts"
import { Bodies, mostWaiting } from "./message-body.ts"
import { makePlaces } from "./places.ts"
import { haltOf, Halt } from "./receive.ts"
import { discardBody } from "./request-body.ts"
import { makeRoom } from "./room.ts"
import { store, type Stored } from "./store.ts"
import { storeResponse, storeStatus } from "./store-response.ts"
import { countRefusal, seconds } from "./stow-metrics.ts"

export interface StowOptions {
  /** Prefix of absolute URLs as callers reach the service; empty or left out, the request's headers say. */
  readonly publicUrl?: string | undefined
  readonly maxPartBytes: number
  readonly maxInstancesPerRequest?: number | undefined
  /** Longest wait for the next bytes of a body; then 408. */
  readonly idleSeconds?: number | undefined
  /** Requests at a time; one more is answered 503. */
  readonly maxConcurrentRequests?: number | undefined
  /** Free bytes below which the answer is 507. */
  readonly minFreeBytes?: number | undefined
  /** After something new was accepted: wakes the outbox. */
  readonly onAccepted?: Effect.Effect<void> | undefined
  /** Wraps each request that is served. */
  readonly during?: (<A, E, R>(request: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) | undefined
}

interface Failure {
  readonly status: number
  readonly error: string
  /** Seconds, of a 503. */
  readonly retryAfter?: number
}

const failure = ({ status, error, retryAfter = 1 }: Failure, body: object = {}) =>
  HttpServerResponse.jsonUnsafe(
    { error, ...body },
    {
      status,
      headers: status === 503 ? { "retry-after": String(retryAfter) } : status === 408 ? { connection: "close" } : {},
    },
  )

/** What can be said before a byte of the body is read. */
const refusal = (request: HttpServerRequest.HttpServerRequest, study: string | undefined) => {
  if (study !== undefined && Option.isNone(Schema.decodeOption(StudyInstanceUID)(study))) {
    return { status: 400, error: "the address holds no valid Study Instance UID" }
  }
  // Inflating would be the work of whoever sends least.
  return ["", "identity"].includes(request.headers["content-encoding"]?.toLowerCase() ?? "")
    ? undefined
    : { status: 415, error: "a compressed request body is not supported" }
}

const answer = (base: string, form: DocumentForm, { outcomes, halt }: Stored) => {
  const module = storeResponse(base, outcomes)
  // The sender must not take this for done, yet may spare what is stored.
  if (halt !== undefined) return failure(halt, module)
  if (outcomes.length === 0) return failure({ status: 400, error: "the body holds no part" })
  const body = documentBody(form, [module])
  return HttpServerResponse.text(body, { status: storeStatus(outcomes), contentType: form.contentType })
}

/** Parts whose headers are read and whose bytes are written at the same time; beyond, senders take turns. */
const working = 8
/** What an instance costs beside its bytes. */
const instanceCost = 256 * 1024

/** Shared by all requests. */
interface Shared {
  readonly room: ReturnType<typeof makeRoom>
  readonly turns: FairTurns
}

const handle = Effect.fn("stow")(function* (options: StowOptions, { room, turns }: Shared) {
  const started = yield* Clock.currentTimeMillis
  const request = yield* HttpServerRequest.HttpServerRequest
  const { study } = yield* HttpRouter.params
  const refused = refusal(request, study)
  if (refused !== undefined) return failure(refused)
  const expected = expectedInstances(request.headers[expectHeader])
  if (Number.isNaN(expected)) return failure(expectRefusal)
  const form = documentForm(acceptOf(request), "object")
  if (form === undefined) return failure({ status: 406, error: `available: ${documentTypes}` })
  const base = serviceUrl(options.publicUrl, request.headers)

  const limits = {
    maxPartBytes: options.maxPartBytes,
    maxParts: options.maxInstancesPerRequest ?? defaultPartLimits.maxParts,
    idleMillis: (options.idleSeconds ?? defaultPartLimits.idleMillis / 1000) * 1000,
  }
  const announced = Number(request.headers["content-length"] ?? 0)
  const sender = yield* CurrentSender
  const turn = (bytes: number) => turns.turn(sender, bytes + instanceCost)
  const storing = room.within(Number.isFinite(announced) ? announced : 0, (kept) => {
    const limited = { ...limits, room: kept, turn }
    return store(instanceParts(request, base, limited), study, limited, expected)
  })
  const stored = yield* storing.pipe(
    Effect.catchTag("BlobError", (error) => Effect.fail(haltOf(error))),
    Effect.catchTag("Halt", (halt: Halt) => Effect.succeed<Stored>({ outcomes: [], halt })),
  )
  if (stored.outcomes.some((outcome) => outcome._tag === "Stored" && outcome.fresh)) {
    yield* options.onAccepted ?? Effect.void
  }
  if (stored.halt !== undefined && stored.halt.status >= 500) {
    const { status, error } = stored.halt
    yield* countRefusal(status === 507 ? "disk" : "storage")
    yield* Effect.logWarning("a store request could not be taken").pipe(Effect.annotateLogs({ status, error }))
  }
  yield* Metric.update(seconds, ((yield* Clock.currentTimeMillis) - started) / 1000)
  return answer(base, form, stored)
})

/** Needs Ledger and Blobs. */
export const StowRoutes = (options: StowOptions) =>
  HttpRouter.addAll(
    Effect.gen(function* () {
      const total = options.maxConcurrentRequests ?? 32
      const places = makePlaces({ total })
      const bodies = yield* Bodies
      const holding = yield* HeldBytes
      holding.set("store request bodies", { budget: total * mostWaiting, held: () => bodies.bytes })
      const behind = yield* makeBehind
      const shared: Shared = { room: makeRoom(options.minFreeBytes ?? 0), turns: makeFairTurns(working) }
      const threads = yield* Reading.ReadingThreads
      const ledger = behind.watched(yield* Ledger)
      const handled = handle(options, shared)
      const served = options.during?.(handled) ?? handled
      const admitted = Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const seconds = behind.seconds()
        if (seconds !== undefined) {
          yield* countRefusal("behind")
          const error = "the gateway is behind with what it has taken in; send again"
          return failure({ status: 503, error, retryAfter: Math.min(60, Math.ceil(2 * seconds)) })
        }
        const message = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
        return yield* places.within(yield* CurrentSender, message, served, (retryAfter) =>
          Effect.as(
            countRefusal("places"),
            failure({ status: 503, error: "too many store requests; send again", retryAfter }),
          ),
        )
      })
      const stow = admitted.pipe(
        Effect.tap(() => Effect.flatMap(HttpServerRequest.HttpServerRequest, discardBody)),
        Effect.provideService(Reading.ReadingThreads, threads),
        Effect.provideService(Ledger, ledger),
      )
      return [HttpRouter.route("POST", "/studies", stow), HttpRouter.route("POST", "/studies/:study", stow)] as const
    }),
    { prefix: "/dicomweb" },
  ).pipe(Layer.provide(Reading.layer))
