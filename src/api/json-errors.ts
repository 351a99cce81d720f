// Every failure of the server as JSON `{ error }` with a sentence: unknown addresses, what the framework refuses by
// itself, and defects. The cause of a defect goes to the log only.
import * as ByteSize from "effect/ByteSize"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { decodeFailure } from "./decode-failure.ts"

/** Largest JSON request. Uploads read the request by themselves and have limits of their own. */
export const maxRequestBytes = ByteSize.fromInputUnsafe(64 * 1024)

/** As the API's own errors look, so that its typed client can read them. */
const tags: Readonly<Record<number, string>> = {
  400: "BadRequest",
  404: "NotFound",
  408: "Timeout",
  413: "TooLarge",
  415: "Unsupported",
  500: "Defect",
}

const said = (status: number, error: string) => HttpServerResponse.jsonUnsafe({ _tag: tags[status], error }, { status })

/** Of what is no part of the API: its client never asks for it. */
const unknown = (error: string) => HttpServerResponse.jsonUnsafe({ error }, { status: 404 })

const sentences: Readonly<Record<number, string>> = {
  400: "the request is malformed",
  404: "there is nothing under this address and method",
  408: "the body did not come in time",
  413: `the request is longer than ${maxRequestBytes} bytes`,
  415: "send application/json",
}

/** The framework's own refusals are empty or plain text; every "not now" says when. */
const inJson = (response: HttpServerResponse.HttpServerResponse) => {
  const sentence = sentences[response.status]
  const bare = response.body._tag === "Empty" || response.headers["content-type"]?.startsWith("text/plain") === true
  if (sentence !== undefined && bare) return said(response.status, sentence)
  return response.status === 503 && response.headers["retry-after"] === undefined
    ? HttpServerResponse.setHeader(response, "retry-after", "1")
    : response
}

/** Name and place of an error. Its message may hold what was sent or stored, a patient's name for one. */
const placeOf = (error: unknown) => {
  if (!(error instanceof Error)) return { error: typeof error }
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line))
  return { error: error.name, at: frames.slice(0, 10).map((line) => line.trim()) }
}

const ofFailure = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  if (HttpApiSchemaError.is(error) && error.kind !== "Body" && error.kind !== "ResponseHeaders") {
    return Effect.succeed(said(400, decodeFailure(error.cause)))
  }
  if (error instanceof HttpServerError.HttpServerError) {
    const { reason } = error
    if (reason._tag === "RouteNotFound") return Effect.succeed(unknown(sentences[404]!))
    if (reason._tag === "RequestParseError") {
      // The rest of the body is not read: the connection ends with the answer.
      return reason.reason === "BodyTooLarge"
        ? Effect.succeed(HttpServerResponse.setHeader(said(413, sentences[413]!), "connection", "close"))
        : Effect.succeed(said(400, sentences[400]!))
    }
  }
  return Effect.as(
    Effect.logError("a request failed by a defect", placeOf(error)),
    said(500, "the gateway failed at this request"),
  )
}

/** Longest wait for a JSON body; uploads end idle bodies by themselves. */
const bodyTimeout = "30 seconds"

/** Reads a JSON body within the time; whoever asks for it again has it at once. */
const timely = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const isJson = request.headers["content-type"]?.toLowerCase().startsWith("application/json") === true
  if (!isJson || !request.url.startsWith("/api/")) return undefined
  // Interrupting the reader would close the socket before the answer is out: it ends with the connection.
  const reading = yield* Effect.forkDetach(request.text)
  return yield* Effect.interruptible(Fiber.join(reading)).pipe(
    Effect.as(undefined),
    Effect.timeoutOrElse({
      duration: bodyTimeout,
      orElse: () => Effect.succeed(HttpServerResponse.setHeader(said(408, sentences[408]!), "connection", "close")),
    }),
  )
})

export const JsonErrors = HttpRouter.middleware(
  (handler) =>
    timely.pipe(
      Effect.flatMap((late) => (late === undefined ? handler : Effect.succeed(late))),
      Effect.map(inJson),
      // A caller who hangs up interrupts: nobody is left to answer.
      Effect.catchCauseIf((cause) => !Cause.hasInterrupts(cause), ofFailure),
      Effect.provideService(HttpServerRequest.MaxBodySize, maxRequestBytes),
    ),
  { global: true },
)
