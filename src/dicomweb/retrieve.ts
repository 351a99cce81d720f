// WADO-RS retrieval of stored objects and of single frames (PS3.18 §10.4).
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder } from "../decode/Decoder.ts"
import { matches, parseAccept } from "../dicom/media-type.ts"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Refused, stored, type DicomwebOptions } from "./answers.ts"
import { multipart } from "./multipart-answer.ts"

const explicitLittleEndian = "1.2.840.10008.1.2.1"

interface Wanted {
  readonly form: "multipart" | "single"
  /** `*` or nothing: as it comes. */
  readonly transferSyntax: string | undefined
}

/** Every way the caller takes parts of this type, best first. A `transfer-syntax` query parameter of the range counts. */
const wanted = (accept: string | undefined, type: string): ReadonlyArray<Wanted> =>
  parseAccept(accept).flatMap((range): ReadonlyArray<Wanted> => {
    const syntax = range.parameters.get("transfer-syntax")
    const transferSyntax = syntax === "*" ? undefined : syntax
    if (range.type === "*/*") return [{ form: "multipart", transferSyntax }]
    if (range.type === "multipart/related" || range.type === "multipart/*") {
      return matches(range.parameters.get("type")?.toLowerCase() ?? "*/*", type)
        ? [{ form: "multipart", transferSyntax }]
        : []
    }
    return matches(range.type, type) ? [{ form: "single", transferSyntax }] : []
  })

const notAcceptable = (what: string) => new Refused({ status: 406, error: `available: ${what}` })

/** Objects as they were stored. */
export const retrieve = Effect.fn("wado.retrieve")(function* (options: DicomwebOptions) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const blobs = yield* Blobs
  const instances = yield* stored
  const type = "application/dicom"
  const way = wanted(request.headers["accept"], type).find(
    ({ form, transferSyntax }) =>
      (form === "multipart" || instances.length === 1) &&
      (transferSyntax === undefined ||
        instances.every(({ TransferSyntaxUID }) => TransferSyntaxUID === transferSyntax)),
  )
  if (way === undefined)
    return yield* notAcceptable(`multipart/related; type="${type}" with the stored transfer syntax`)
  const [first] = instances
  if (way.form === "single" && first !== undefined) {
    const contentType = `${type}; transfer-syntax=${first.TransferSyntaxUID}`
    return HttpServerResponse.stream(blobs.read(first.digest), { contentType, contentLength: first.bytes })
  }
  const base = serviceUrl(options.publicUrl, request.headers)
  const parts = Stream.fromIterable(instances).pipe(
    Stream.map((instance) => ({
      contentType: `${type}; transfer-syntax=${instance.TransferSyntaxUID}`,
      location: retrieveUrl(base, instance),
      body: blobs.read(instance.digest),
    })),
  )
  return multipart(type, parts)
})

/** 1-based numbers, at most 1,000 of them. */
export const frameNumbers = (text: string | undefined): ReadonlyArray<number> | undefined => {
  if (text === undefined || !/^[0-9]{1,9}(,[0-9]{1,9}){0,999}$/.test(text)) return undefined
  const numbers = text.split(",").map(Number)
  return numbers.every((number) => number > 0) ? numbers : undefined
}

/** Native little endian samples, whatever the object is stored in. */
export const frames = Effect.fn("wado.frames")(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { frames: list } = yield* HttpRouter.params
  const numbers = frameNumbers(list)
  if (numbers === undefined) return yield* new Refused({ status: 400, error: "malformed frame list" })
  const [instance] = yield* stored
  const type = "application/octet-stream"
  const way = wanted(request.headers["accept"], type).find(
    ({ form, transferSyntax }) =>
      (form === "multipart" || numbers.length === 1) &&
      (transferSyntax === undefined || transferSyntax === explicitLittleEndian),
  )
  if (way === undefined) return yield* notAcceptable(`multipart/related; type="${type}"`)
  const path = (yield* Blobs).path(instance!.digest)
  const decoder = yield* Decoder
  // The first one is decoded before the status is out, so that what cannot be served says so.
  const head = yield* decoder.frame(path, numbers[0]!)
  if (way.form === "single") return HttpServerResponse.uint8Array(head, { contentType: type })
  const parts = Stream.make(head).pipe(
    Stream.concat(
      Stream.fromIterable(numbers.slice(1)).pipe(Stream.mapEffect((number) => decoder.frame(path, number))),
    ),
    Stream.map((bytes) => ({ contentType: type, body: Stream.make(bytes) })),
  )
  return multipart(type, parts)
})
