// Subscriptions (PS3.18 §11.10–§11.12).
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { serviceUrl } from "../dicom/web-links.ts"
import { Refused } from "../dicomweb/answers.ts"
import { queryParameters, subscriberAE, workitemUid } from "./address.ts"
import { asked, type WorklistOptions } from "./replies.ts"
import { parseWorkitemQuery } from "./search.ts"
import { filteredSubscription } from "./tags.ts"
import { Worklist } from "./Worklist.ts"

const maxFilterLength = 4096

/** `filter=a=1,b=2` of PS3.18 §11.10.1.2; a comma within a value is one that no attribute follows. */
const filterPairs = (filter: string): ReadonlyArray<readonly [string, string]> =>
  filter.split(/,(?=[A-Za-z0-9.]+=)/).map((pair) => {
    const equals = pair.indexOf("=")
    return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)]
  })

/** The subscription's parameters; filters also come as plain parameters, as dcm4che's clients send them. */
const options = Effect.fnUntraced(function* (target: string) {
  const parameters = yield* queryParameters
  const deletionlock = parameters.get("deletionlock") ?? "false"
  if (deletionlock !== "true" && deletionlock !== "false") {
    return yield* new Refused({ status: 400, error: "bad value of the query parameter deletionlock" })
  }
  const pairs = [...parameters].flatMap(([name, value]) =>
    ["deletionlock", "accept", "charset"].includes(name)
      ? []
      : name === "filter"
        ? filterPairs(value)
        : [[name, value]],
  ) as Array<[string, string]>
  // Percent-encoded throughout: a plus would be a space to one reader and itself to another.
  const filter = new URLSearchParams(pairs).toString().replaceAll("+", "%20")
  if (target === filteredSubscription) {
    const query = parseWorkitemQuery(`?${filter}`)
    if (typeof query === "string") return yield* new Refused({ status: 400, error: query })
    if (query.match.length === 0) return yield* new Refused({ status: 400, error: "the filter is missing" })
  } else if (filter !== "") {
    return yield* new Refused({ status: 400, error: "only a filtered subscription takes a filter" })
  }
  if (filter.length > maxFilterLength) return yield* new Refused({ status: 400, error: "the filter is too long" })
  return { deletionLock: deletionlock === "true", filter }
})

export const subscribe = Effect.fn("ups.subscribe")(function* ({ publicUrl }: WorklistOptions) {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const target = yield* workitemUid
  const AE = yield* subscriberAE
  const { deletionLock, filter } = yield* options(target)
  yield* (yield* Worklist).subscribe({ target, AE, deletionLock, filter }).pipe(asked({ transaction: "subscribe" }))
  // Where the events are: http becomes ws, https wss.
  const channel = `${serviceUrl(publicUrl, headers).replace(/^http/, "ws")}/subscribers/${encodeURIComponent(AE)}`
  return HttpServerResponse.empty({ status: 201, headers: { "content-location": channel } })
})

export const unsubscribe = Effect.fn("ups.unsubscribe")(function* () {
  const target = yield* workitemUid
  yield* (yield* Worklist).unsubscribe(target, yield* subscriberAE).pipe(asked({ transaction: "unsubscribe" }))
  return HttpServerResponse.empty({ status: 200 })
})

export const suspend = Effect.fn("ups.suspend")(function* () {
  const target = yield* workitemUid
  yield* (yield* Worklist).suspend(target, yield* subscriberAE).pipe(asked({ transaction: "unsubscribe" }))
  return HttpServerResponse.empty({ status: 200 })
})
