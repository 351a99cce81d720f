// In front of every route: who asks, may they, how much; then the request runs as its caller, and the audit log has it.
import type { IncomingMessage } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { unhandled } from "effect/Types"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { AccessSettings } from "../config/access-settings.ts"
import { type AccessRecord, CurrentAccess } from "../domain/access-record.ts"
import { type Caller, CurrentCaller, CurrentSender } from "../domain/caller.ts"
import { AuditLog } from "./AuditLog.ts"
import type { Audited, AuditedEvent } from "./audit-event.ts"
import { withinBytes } from "./body-limit.ts"
import { makeBuckets, makeUnderWay } from "./limits.ts"
import { insufficient, tooLong, tooMany, tooManyHeaders, unauthenticated, unknownRoute } from "./refusals.ts"
import { type Access, accessTable } from "./routes.ts"
import { SignIn, type SignInError } from "./SignIn.ts"
import { eventsWhileSignedIn, socketWhileSignedIn } from "./signed-out.ts"

const maxHeaders = 200
/** What a caller reads who hung up before the answer. */
const clientClosed = 499

type Response = HttpServerResponse.HttpServerResponse

interface Asked {
  readonly message: IncomingMessage
  readonly access: (Access & { readonly study: string | undefined }) | undefined
  readonly address: string
}

/**
 * The body of a stream is made after the handler has ended: it runs as the same caller, or it would run as the gateway
 * itself. What it tells after it began, as alerts do, is written down when it ends.
 */
const bodyAs = (
  response: Response,
  caller: Caller,
  sender: string,
  record: AccessRecord,
  told: (status: number) => Effect.Effect<void>,
): Response => {
  const { body, status } = response
  if (body._tag !== "Stream") return response
  const before = record.studies.size
  const stream = body.stream.pipe(
    eventsWhileSignedIn(caller, body.contentType),
    Stream.provideService(CurrentCaller, caller),
    Stream.provideService(CurrentSender, sender),
    Stream.provideService(CurrentAccess, record),
    Stream.ensuring(Effect.suspend(() => (record.studies.size > before ? told(status) : Effect.void))),
  )
  return HttpServerResponse.setBody(response, HttpBody.stream(stream, body.contentType, body.contentLength))
}

const uidPattern = /^[0-9.]{1,64}$/

const make = Effect.fnUntraced(function* (
  { limits, tokens }: AccessSettings,
  routerConfig: Parameters<typeof accessTable>[0],
) {
  const signIn = yield* SignIn
  const audit = yield* AuditLog
  const find = accessTable(routerConfig)
  const rate = makeBuckets({ perSecond: limits.requestsPerSecond, burst: limits.burst })
  const failures = makeBuckets({ perSecond: limits.failuresPerMinute / 60, burst: limits.failuresPerMinute })
  const underWay = makeUnderWay(limits.concurrentRequests)

  const written = (asked: Asked, event: AuditedEvent, status: number, more: Partial<Audited>) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) =>
      audit.record({
        event,
        at,
        status,
        address: asked.address,
        forwardedFor: asked.message.headers["x-forwarded-for"]?.toString().slice(0, 256),
        method: asked.message.method ?? "",
        route: asked.access?.path ?? "unknown",
        studies: [],
        ...more,
      }),
    )

  const notSignedIn = Effect.fnUntraced(function* (asked: Asked, error: SignInError) {
    const wait = error.reason === "away" ? 0 : failures(asked.address, yield* Clock.currentTimeMillis)
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    const response = wait > 0 ? tooMany(wait) : unauthenticated(error, signIn.takesKeys, headers)
    yield* written(asked, "sign-in", response.status, {})
    return response
  })

  /** Why this caller may not; undefined when they may. */
  const refusal = ({ access, message }: Asked, caller: Caller, id: string, now: number): Response | undefined => {
    if (message.rawHeaders.length > 2 * maxHeaders) return tooManyHeaders
    const wait = rate(id, now)
    if (wait > 0) return tooMany(wait)
    if (!signIn.isOn) return undefined
    if (access === undefined) return unknownRoute
    const { needs } = access
    return needs === "open" || needs === "signed-in" || caller.actions.has(needs)
      ? undefined
      : insufficient(needs, `${tokens.scopePrefix}${needs}`)
  }

  /** A place among the caller's requests under way, until the whole answer is out. */
  const placed = (id: string) =>
    Effect.acquireRelease(
      Effect.sync(() => underWay.begin(id)),
      (begun) => Effect.sync(() => (begun ? underWay.end(id) : undefined)),
    )

  const run = <E, R>(asked: Asked, caller: Caller, id: string, handler: Effect.Effect<Response, E, R>) =>
    Effect.gen(function* () {
      const refused = refusal(asked, caller, id, yield* Clock.currentTimeMillis)
      if (refused !== undefined) return refused
      if (!(yield* placed(id))) return tooMany(1)
      return yield* handler.pipe(
        socketWhileSignedIn(caller, asked.message),
        withinBytes(asked.message, limits.bytesPerRequest, tooLong(limits.bytesPerRequest)),
      )
    })

  const guarded = <E, R>(asked: Asked, handler: Effect.Effect<Response, E, R>) =>
    Effect.gen(function* () {
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const signedIn = yield* Effect.result(signIn.caller({ headers, connection: asked.message }))
      if (signedIn._tag === "Failure") return yield* notSignedIn(asked, signedIn.failure)
      const caller = signedIn.success
      const { study } = asked.access ?? {}
      const record: AccessRecord = { studies: new Set(study !== undefined && uidPattern.test(study) ? [study] : []) }
      const id = signIn.isOn ? `${caller.by} ${caller.name}` : asked.address
      const event = asked.access?.event ?? "activity"
      const answered = (status: number) =>
        written(asked, event, status, { user: caller.name, by: caller.by, studies: [...record.studies] })
      return yield* run(asked, caller, id, handler).pipe(
        Effect.provideService(CurrentCaller, caller),
        Effect.provideService(CurrentSender, id),
        Effect.provideService(CurrentAccess, record),
        Effect.onExit((exit) => answered(Exit.isSuccess(exit) ? exit.value.status : clientClosed)),
        Effect.map((response) => bodyAs(response, caller, id, record, answered)),
      )
    })

  return (handler: Effect.Effect<Response, unhandled>) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const message = NodeHttpServerRequest.toIncomingMessage(request) as IncomingMessage
      const access = find(request.method, request.url)
      if (access?.needs === "open") return handler
      return guarded({ message, access, address: message.socket.remoteAddress ?? "" }, handler)
    })
})

/** `routerConfig`: the router's own, so that both read the same address as the same route. Needs SignIn and AuditLog. */
export const AccessControl = (...options: Parameters<typeof make>) =>
  HttpRouter.middleware(make(...options), { global: true })
