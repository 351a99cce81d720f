// WADO-RS metadata (PS3.18 §10.4): the attributes of each instance without its bulk data, streamed.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { stored } from "./answers.ts"
import { jsonType } from "./search.ts"

export const metadata = Effect.fn("wado.metadata")(function* () {
  const contentType = yield* jsonType
  const instances = yield* stored
  const body = Stream.fromIterable(instances).pipe(
    Stream.zipWithIndex,
    Stream.map(([{ attributes }, index]) => `${index === 0 ? "[" : ","}${JSON.stringify(attributes)}`),
    Stream.concat(Stream.make("]")),
    Stream.encodeText,
  )
  return HttpServerResponse.stream(body, { contentType })
})
