// STOW-RS (PS3.18 §10.5): POST /dicomweb/studies and /dicomweb/studies/{study}.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type DocumentForm, documentBody, documentForm, documentTypes } from "../dicom/document-form.ts"
import { acceptOf } from "../dicom/media-type.ts"
import { serviceUrl } from "../dicom/web-links.ts"
import { StudyInstanceUID } from "../domain/uid.ts"
import { instanceParts } from "./instance-parts.ts"
import { defaultPartLimits } from "./parts.ts"
import * as Reading from "./ReadingThreads.ts"
import { haltOf, Halt, roomFor } from "./receive.ts"
import { discardBody } from "./request-body.ts"
import { store, type Stored } from "./store.ts"
import { storeResponse, storeStatus } from "./store-response.ts"
import { seconds } from "./stow-metrics.ts"

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

const busy = { "retry-after": "1" }

const failure = ({ status, error }: { readonly status: number; readonly error: string }, body: object = {}) =>
  HttpServerResponse.jsonUnsafe(
    { error, ...body },
    { status, headers: status === 503 ? busy : status === 408 ? { connection: "close" } : {} },
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

const handle = Effect.fn("stow")(function* (options: StowOptions) {
  const started = yield* Clock.currentTimeMillis
  const request = yield* HttpServerRequest.HttpServerRequest
  const { study } = yield* HttpRouter.params
  const refused = refusal(request, study)
  if (refused !== undefined) return failure(refused)
  const form = documentForm(acceptOf(request), "object")
  if (form === undefined) return failure({ status: 406, error: `available: ${documentTypes}` })
  const base = serviceUrl(options.publicUrl, request.headers)

  const limits = {
    maxPartBytes: options.maxPartBytes,
    minFreeBytes: options.minFreeBytes ?? 0,
    maxParts: options.maxInstancesPerRequest ?? defaultPartLimits.maxParts,
    idleMillis: (options.idleSeconds ?? defaultPartLimits.idleMillis / 1000) * 1000,
  }
  const announced = Number(request.headers["content-length"] ?? 0)
  const stored = yield* roomFor(Number.isFinite(announced) ? announced : 0, limits).pipe(
    Effect.catchTag("BlobError", (error) => Effect.fail(haltOf(error))),
    Effect.andThen(store(instanceParts(request, base, limits), study, limits)),
    Effect.catchTag("Halt", (halt: Halt) => Effect.succeed<Stored>({ outcomes: [], halt })),
  )
  if (stored.outcomes.some((outcome) => outcome._tag === "Stored" && outcome.fresh)) {
    yield* options.onAccepted ?? Effect.void
  }
  if (stored.halt !== undefined && stored.halt.status >= 500) {
    const { status, error } = stored.halt
    yield* Effect.logWarning("a store request could not be taken").pipe(Effect.annotateLogs({ status, error }))
  }
  yield* Metric.update(seconds, ((yield* Clock.currentTimeMillis) - started) / 1000)
  return answer(base, form, stored)
})

/** Needs Ledger and Blobs. */
export const StowRoutes = (options: StowOptions) =>
  HttpRouter.addAll(
    Effect.gen(function* () {
      const permits = yield* Semaphore.make(options.maxConcurrentRequests ?? 32)
      const threads = yield* Reading.ReadingThreads
      const stow = permits
        .withPermitsIfAvailable(1)(options.during?.(handle(options)) ?? handle(options))
        .pipe(
          Effect.map(Option.getOrElse(() => failure({ status: 503, error: "too many store requests; send again" }))),
          Effect.tap(() => Effect.flatMap(HttpServerRequest.HttpServerRequest, discardBody)),
          Effect.provideService(Reading.ReadingThreads, threads),
        )
      return [HttpRouter.route("POST", "/studies", stow), HttpRouter.route("POST", "/studies/:study", stow)] as const
    }),
    { prefix: "/dicomweb" },
  ).pipe(Layer.provide(Reading.layer))
