// STOW-RS (PS3.18 §10.5): POST /dicomweb/studies and /dicomweb/studies/{study}.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { matches, parseAccept, parseMediaType } from "../dicom/media-type.ts"
import { serviceUrl } from "../dicom/web-links.ts"
import { StudyInstanceUID } from "../domain/uid.ts"
import { store } from "./store.ts"
import { storeResponse, storeStatus } from "./store-response.ts"

export interface StowOptions {
  /** Base of the service as callers reach it, up to and with /dicomweb; without it the request's headers say. */
  readonly publicUrl?: string | undefined
  readonly maxPartBytes: number
  readonly maxInstancesPerRequest?: number | undefined
  readonly maxConcurrentRequests?: number | undefined
  /** After an answer-to-be that has something new: wakes the outbox. */
  readonly onAccepted?: Effect.Effect<void> | undefined
}

const dicomJson = "application/dicom+json"

const failure = (status: number, error: string, headers: Record<string, string> = {}) =>
  HttpServerResponse.jsonUnsafe({ error }, { status, headers })

const busy = { "retry-after": "1" }
/** RFC 2046 §5.1.1: up to 70 characters, also odd ones, but no line ends and no final space. */
const boundaryPattern = /^[\x20-\x7e]{0,69}[\x21-\x7e]$/

const handle = Effect.fn("stow")(function* (options: StowOptions) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { study } = yield* HttpRouter.params
  if (study !== undefined && Option.isNone(Schema.decodeOption(StudyInstanceUID)(study))) {
    return failure(400, "the address holds no valid Study Instance UID")
  }
  const { type, parameters } = parseMediaType(request.headers["content-type"] ?? "")
  const root = parameters.get("type")?.toLowerCase() ?? "application/dicom"
  if (type !== "multipart/related" || root !== "application/dicom") {
    return failure(415, 'send multipart/related; type="application/dicom"')
  }
  const boundary = parameters.get("boundary") ?? ""
  if (!boundaryPattern.test(boundary)) return failure(400, "the boundary parameter is missing or malformed")
  if (
    !parseAccept(request.headers["accept"]).some(
      (range) => matches(range.type, dicomJson) || range.type === "application/json",
    )
  ) {
    return failure(406, `the answer is ${dicomJson}`)
  }

  const { outcomes, halt } = yield* store(request.stream, boundary, study, {
    maxPartBytes: options.maxPartBytes,
    maxInstancesPerRequest: options.maxInstancesPerRequest ?? 20_000,
  })
  if (options.onAccepted !== undefined && outcomes.some((outcome) => outcome._tag === "Stored" && outcome.fresh)) {
    yield* options.onAccepted
  }
  const body = storeResponse(serviceUrl(options.publicUrl, request.headers), outcomes)
  if (halt !== undefined) {
    // The sender must not take this for done, yet may spare what is stored.
    return HttpServerResponse.jsonUnsafe(
      { error: halt.error, ...body },
      { status: halt.status, headers: { connection: "close", ...(halt.status === 503 ? busy : {}) } },
    )
  }
  if (outcomes.length === 0) return failure(400, "the body holds no part")
  return HttpServerResponse.text(JSON.stringify(body), { status: storeStatus(outcomes), contentType: dicomJson })
})

/** Needs Ledger and Blobs. One request more than `maxConcurrentRequests` is told to come again. */
export const StowRoutes = (options: StowOptions) =>
  HttpRouter.addAll(
    Effect.gen(function* () {
      const permits = yield* Semaphore.make(options.maxConcurrentRequests ?? 32)
      const answer = permits
        .withPermitsIfAvailable(1)(handle(options))
        .pipe(
          // Parts have their own limit; the whole has none.
          Effect.provideService(HttpServerRequest.MaxBodySize, undefined),
          Effect.map(Option.getOrElse(() => failure(503, "too many store requests at once; send again", busy))),
        )
      return [
        HttpRouter.route("POST", "/studies", answer),
        HttpRouter.route("POST", "/studies/:study", answer),
      ] as const
    }),
    { prefix: "/dicomweb" },
  )
