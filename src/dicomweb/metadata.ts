// WADO-RS metadata (PS3.18 §10.4.1.1.2): the attributes of each instance with references to its bulk data, streamed.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import { acceptedForm, stored, type DicomwebOptions } from "./answers.ts"
import { withAbsoluteLinks } from "./bulk-links.ts"
import { entityTag, isKnown, notModified, weak } from "./entity-tag.ts"
import { wholeAttributes } from "./whole-attributes.ts"

export const metadata = Effect.fn("wado.metadata")(function* (options: DicomwebOptions) {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const instances = yield* stored
  const form = yield* acceptedForm(instances.length === 1 ? "one" : "many")
  const base = serviceUrl(options.publicUrl, headers)
  const [type = ""] = form.contentType.split("; boundary=", 1)
  const versions = instances.map(({ receipt, digest }) => `${receipt} ${digest}`)
  const etag = weak(entityTag(type, base, versions))
  // The headers of the 200 (RFC 9110 §15.4.5), which the compression in front gives this one.
  if (isKnown(etag, headers["if-none-match"])) return notModified(etag, { vary: "Accept-Encoding" })
  const body = Stream.make(form.start).pipe(
    Stream.concat(
      (yield* wholeAttributes(instances)).pipe(
        Stream.zipWithIndex,
        Stream.map(([{ held, attributes }, position]) =>
          form.write(withAbsoluteLinks(attributes, retrieveUrl(base, held)), position),
        ),
      ),
    ),
    Stream.concat(Stream.make(form.end)),
    Stream.filter((text) => text !== ""),
    Stream.encodeText,
  )
  return HttpServerResponse.stream(body, { contentType: form.contentType, headers: { etag } })
})
