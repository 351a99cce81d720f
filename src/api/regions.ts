// POST /api/regions/search: JSON, or NDJSON with the candidates first; the query named, or uploaded with the request.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { matches, parseAccept, parseMediaType } from "../dicom/media-type.ts"
import { RegionSearch } from "../domain/region.ts"
import * as Reading from "../listener/ReadingThreads.ts"
import type { QueryError, Step } from "../query/RegionQuery.ts"
import { RegionQuery } from "../query/RegionQuery.ts"
import { Api } from "./Api.ts"
import { decodeFailure } from "./decode-failure.ts"
import { BadRequest, NotFound, Unavailable, Unprocessable, Unsupported } from "./errors.ts"
import { isUpload, uploadedSearch } from "./upload.ts"

export const queryFailure = (error: QueryError) => {
  const said = { error: error.message }
  switch (error.reason) {
    case "unknown":
      return new NotFound(said)
    case "region":
    case "not-searchable":
      return new Unprocessable(said)
    case "unavailable":
      return new Unavailable(said)
  }
}

const json = "application/json"
const lines = "application/x-ndjson"

const wantsLines = (request: HttpServerRequest.HttpServerRequest) => {
  const [first] = parseAccept(request.headers["accept"]).filter(({ type }) => type === lines || matches(type, json))
  return first?.type === lines
}

/** Waits for the first step: what fails before it has a status of its own. */
const begun = Effect.fnUntraced(function* (steps: Stream.Stream<Step, QueryError>) {
  const pull = yield* Stream.toPull(steps)
  const first = yield* Pull.catchDone(pull, () => Effect.succeed<ReadonlyArray<Step>>([])).pipe(
    Effect.mapError(queryFailure),
  )
  return Stream.concat(Stream.fromIterable(first), Stream.fromPull(Effect.succeed(pull)))
})

const line = (value: unknown) => `${JSON.stringify(value)}\n`

/** One line per step, then `done`; a failure after the first line is a line too, as the status is gone by then. */
const ndjson = (steps: Stream.Stream<Step, QueryError>) =>
  steps.pipe(
    Stream.map(({ _tag, answer }) => line({ type: _tag === "Candidates" ? "candidates" : "hits", ...answer })),
    Stream.concat(Stream.make(line({ type: "done" }))),
    Stream.catch((error) => Stream.make(line({ type: "error", ...queryFailure(error) }))),
    Stream.encodeText,
  )

const namedSearch = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const { type } = parseMediaType(request.headers["content-type"] ?? json)
  if (type !== json) {
    return yield* new Unsupported({ error: `send the search as ${json}, or with a volume as multipart/related` })
  }
  // A body that is too long, or breaks off, is answered as for every other route.
  const text = yield* Effect.orDie(request.text)
  const search = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(RegionSearch), { onExcessProperty: "error" })(
    text,
  ).pipe(Effect.mapError((error) => new BadRequest({ error: decodeFailure(error) })))
  return (yield* RegionQuery).search(search)
})

const ofUpload = (request: HttpServerRequest.HttpServerRequest) =>
  uploadedSearch(request).pipe(Effect.catchTag("QueryError", (error) => Effect.fail(queryFailure(error))))

export const RegionsHandlers = HttpApiBuilder.group(Api, "regions", (handlers) =>
  Effect.map(Reading.ReadingThreads, (threads) =>
    handlers.handleRaw(
      "search",
      Effect.fnUntraced(function* ({ request }) {
        const steps = yield* isUpload(request)
          ? Effect.provideService(ofUpload(request), Reading.ReadingThreads, threads)
          : namedSearch(request)
        if (wantsLines(request)) {
          return HttpServerResponse.stream(ndjson(yield* begun(steps)), { contentType: lines })
        }
        const last = yield* Stream.runLast(steps).pipe(Effect.mapError(queryFailure))
        return HttpServerResponse.jsonUnsafe(Option.getOrThrow(last).answer)
      }),
    ),
  ),
).pipe(Layer.provide(Reading.layer))
