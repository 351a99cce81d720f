// WADO-RS metadata (PS3.18 §10.4): the attributes of each instance without its bulk data, streamed.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { acceptedForm, stored } from "./answers.ts"

export const metadata = Effect.fn("wado.metadata")(function* () {
  const form = yield* acceptedForm("many")
  const instances = yield* stored
  const body = Stream.make(form.start).pipe(
    Stream.concat(
      Stream.fromIterable(instances).pipe(
        Stream.zipWithIndex,
        Stream.map(([{ attributes }, position]) => form.write(attributes, position)),
      ),
    ),
    Stream.concat(Stream.make(form.end)),
    Stream.encodeText,
  )
  return HttpServerResponse.stream(body, { contentType: form.contentType })
})
