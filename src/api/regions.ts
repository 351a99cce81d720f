// POST /api/regions/search: JSON, or NDJSON with the candidates first; the query named, or uploaded with the request.
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { RegionSearch } from "../domain/region.ts"
import type { QueryError, Step } from "../query/RegionQuery.ts"
import { RegionQuery } from "../query/RegionQuery.ts"
import { Api } from "./Api.ts"
import { BadRequest, NotFound, Unavailable, Unprocessable } from "./errors.ts"
import { isUpload, uploadedSearch } from "./upload.ts"

/** Largest JSON request. */
const maxRequestBytes = ByteSize.fromInputUnsafe(64 * 1024)

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
  const text = yield* request.text.pipe(
    Effect.provideService(HttpServerRequest.MaxBodySize, maxRequestBytes),
    Effect.mapError(() => new BadRequest({ error: "the request body cannot be read or is too large" })),
  )
  const search = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(RegionSearch), { onExcessProperty: "error" })(
    text,
  ).pipe(Effect.mapError((error) => new BadRequest({ error: error.message })))
  return (yield* RegionQuery).search(search)
})

export const RegionsHandlers = HttpApiBuilder.group(Api, "regions", (handlers) =>
  Effect.succeed(
    handlers.handleRaw(
      "search",
      Effect.fnUntraced(function* ({ request }) {
        const asked = isUpload(request) ? uploadedSearch(request) : namedSearch(request)
        const steps = yield* asked.pipe(Effect.catchTag("QueryError", (error) => Effect.fail(queryFailure(error))))
        if ((request.headers["accept"] ?? "").includes("application/x-ndjson")) {
          return HttpServerResponse.stream(ndjson(steps), { contentType: "application/x-ndjson" })
        }
        const last = yield* Stream.runLast(steps).pipe(Effect.mapError(queryFailure))
        return HttpServerResponse.jsonUnsafe(Option.getOrThrow(last).answer)
      }),
    ),
  ),
)
