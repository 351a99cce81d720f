// WADO-RS metadata (PS3.18 §10.4.1.1.2): the attributes of each instance with references to its bulk data, streamed.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder } from "../decode/Decoder.ts"
import { withAbsoluteLinks } from "../dicom/bulk-links.ts"
import { documentText } from "../dicom/document-form.ts"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { acceptedForm, stored, type DicomwebOptions } from "./answers.ts"
import { entityTag, isKnown, notModified, weak } from "./entity-tag.ts"
import { type Described, described } from "./described.ts"
import { inChunks } from "./send-pieces.ts"

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
  const blobs = yield* Blobs
  const decoder = yield* Decoder
  const documentOf = ({ held, attributes, isPart }: Described) => {
    const instance = retrieveUrl(base, held)
    const known = Effect.sync(() => Buffer.from(documentText(form.syntax, withAbsoluteLinks(attributes, instance))))
    // What the ledger holds is true as far as it goes.
    return isPart
      ? Effect.catch(decoder.document({ path: blobs.path(held.digest), syntax: form.syntax, instance }), () => known)
      : known
  }
  const body = (yield* described(instances)).pipe(
    Stream.mapEffect(documentOf),
    Stream.zipWithIndex,
    Stream.flatMap(([bytes, position]) =>
      inChunks(Buffer.concat([Buffer.from(form.before(position)), bytes, Buffer.from(form.after)])),
    ),
    (documents) => Stream.concat(Stream.make(Buffer.from(form.start)), documents),
    Stream.concat(Stream.make(Buffer.from(form.end))),
    Stream.filter((bytes) => bytes.length > 0),
  )
  return HttpServerResponse.stream(body, { contentType: form.contentType, headers: { etag } })
})
