// WADO-RS bulk data (PS3.18 §10.4.1.1.4, §10.4.1.1.5): one value by its BulkDataURI, and all those of a study, series or
// instance.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder } from "../decode/Decoder.ts"
import { bulkLinks } from "../dicom/bulk-links.ts"
import { acceptOf, matches } from "../dicom/media-type.ts"
import { bytesPiece, slicePieces, totalLength, type Pieces } from "../dicom/pieces.ts"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import { Blobs } from "../ledger/Blobs.ts"
import type { Held } from "../ledger/Ledger.ts"
import { Refused, stored, type DicomwebOptions } from "./answers.ts"
import { byteRange, contentRange } from "./byte-range.ts"
import { entityTag, isKnown, notModified } from "./entity-tag.ts"
import { pixelWays, type PixelWay } from "./frames.ts"
import { type AnswerPart, multipart } from "./multipart-answer.ts"
import { explicitLittleEndian, octets } from "./pixel-types.ts"
import { sender, type SendError } from "./send-pieces.ts"
import { wantedParts, type Wanted } from "./wanted.ts"
import { described } from "./described.ts"

const isPixelData = (element: string) => /^7FE000(08|09|10)$/.test(element)

/** Values other than pixels are octets in any syntax. */
const waysOf = (element: string, held: Held, wanted: ReadonlyArray<Wanted>): ReadonlyArray<PixelWay> =>
  isPixelData(element)
    ? pixelWays(held.TransferSyntaxUID, wanted)
    : wanted
        .filter(
          ({ type, transferSyntax }) =>
            matches(type, octets) &&
            (transferSyntax === undefined ||
              [explicitLittleEndian, "*", held.TransferSyntaxUID].includes(transferSyntax)),
        )
        .map(({ form }) => ({ form, how: "raw", contentType: octets }))

/** The bytes of each part: one, or one a frame where pixels go out compressed. */
const partsOf = Effect.fnUntraced(function* (element: string, held: Held, { how }: PixelWay) {
  const path = (yield* Blobs).path(held.digest)
  const decoder = yield* Decoder
  return how === "raw" ? [yield* decoder.bulk(path, element)] : (yield* decoder.encoded(path)).frames
})

/** The first frame is decoded before the status, or the part's head, is out: what cannot be served says so. */
const begun = Effect.fnUntraced(function* (pieces: Pieces, held: Held) {
  const [first, ...rest] = pieces
  if (first?._tag !== "Frame") return pieces
  const bytes = yield* (yield* Decoder).frame((yield* Blobs).path(held.digest), first.frame)
  return [bytesPiece(bytes.subarray(first.offset, first.offset + first.length)), ...rest]
})

const notAcceptable = new Refused({ status: 406, error: `available: ${octets} or multipart/related; type="${octets}"` })

/** One value. A Range goes for it alone, in one part (RFC 9110 §14). */
export const bulkValue = Effect.fn("wado.bulk")(function* (options: DicomwebOptions) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const element = ((yield* HttpRouter.params)["element"] ?? "").toUpperCase()
  if (!/^[0-9A-F]{8}(\.[0-9]{1,7}\.[0-9A-F]{8}){0,64}$/.test(element)) {
    return yield* new Refused({ status: 400, error: "the address holds a malformed path of a bulk value" })
  }
  const [held] = yield* stored
  const ways = waysOf(element, held!, wantedParts(acceptOf(request), "single"))
  const [way] = ways
  if (way === undefined) return yield* notAcceptable
  const found = yield* partsOf(element, held!, way)
  if (way.form === "single" && found.length > 1) {
    return yield* new Refused({ status: 406, error: "several frames are one part each: multipart/related" })
  }
  const etag = entityTag(held!.digest, element, way.form, way.contentType)
  const headers = { etag, "accept-ranges": "bytes" }
  if (isKnown(etag, request.headers["if-none-match"])) return notModified(etag)
  const send = yield* sender
  const [pieces = []] = found
  const total = totalLength(pieces)
  const ifRange = request.headers["if-range"]
  const range =
    total === undefined || found.length > 1 || (ifRange !== undefined && ifRange !== etag)
      ? undefined
      : byteRange(request.headers["range"], total)
  if (range === "unsatisfiable") {
    return HttpServerResponse.jsonUnsafe(
      { error: `the value has ${total} bytes` },
      { status: 416, headers: { "content-range": `bytes */${total}` } },
    )
  }
  const [head = [], ...others] = range === undefined ? found : [slicePieces(pieces, range.from, range.length)]
  const wanted = [yield* begun(head, held!), ...others]
  const ranged = range === undefined ? {} : { "content-range": contentRange(range, total ?? 0) }
  const status = range === undefined ? 200 : 206
  const { contentType } = way
  if (way.form === "single") {
    const contentLength = range?.length ?? total
    return HttpServerResponse.stream(send(wanted[0] ?? [], held!), {
      status,
      contentType,
      headers: { ...headers, ...ranged },
      ...(contentLength === undefined ? {} : { contentLength }),
    })
  }
  const location = `${retrieveUrl(serviceUrl(options.publicUrl, request.headers), held!)}/bulkdata/${element}`
  const parts = Stream.fromIterable(wanted).pipe(
    Stream.map((part) => ({
      contentType,
      location,
      ...(range === undefined ? {} : { range: contentRange(range, total ?? 0) }),
      body: send(part, held!),
    })),
  )
  return multipart(contentType.split(";", 1)[0]!, parts, { status, headers })
})

interface Sendable {
  readonly held: Held
  readonly link: string
  readonly way: PixelWay
}

/** Every bulk value below the address, or the pixel data alone. */
export const bulkValues = Effect.fn("wado.bulks")(function* (only: "all" | "pixels", options: DicomwebOptions) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const wanted = wantedParts(acceptOf(request)).filter(({ form }) => form === "multipart")
  const instances = yield* stored
  const blobs = yield* Blobs
  const decoder = yield* Decoder
  const links = yield* (yield* described(instances)).pipe(
    Stream.mapEffect(({ held, attributes, isPart }) => {
      const known = Effect.sync(() => bulkLinks(attributes))
      // What the ledger holds is true as far as it goes.
      const all = isPart ? Effect.catch(decoder.links(blobs.path(held.digest)), () => known) : known
      return Effect.map(all, (found) =>
        found
          .filter((link) => only === "all" || isPixelData(link.slice("bulkdata/".length)))
          .map((link) => ({ held, link })),
      )
    }),
    Stream.flatMap((found) => Stream.fromIterable(found)),
    Stream.runCollect,
  )
  if (links.length === 0) return yield* new Refused({ status: 404, error: "there is no bulk data under this address" })
  const sendable = links.flatMap(({ held, link }): ReadonlyArray<Sendable> => {
    const [way] = waysOf(link.slice("bulkdata/".length), held, wanted)
    return way === undefined ? [] : [{ held, link, way }]
  })
  if (sendable.length === 0) return yield* notAcceptable
  const send = yield* sender
  const context = yield* Effect.context<Blobs | Decoder>()
  const base = serviceUrl(options.publicUrl, request.headers)
  const partsFor = Effect.fnUntraced(function* ({ held, link, way }: Sendable) {
    const [head = [], ...others]: ReadonlyArray<Pieces> = yield* partsOf(link.slice("bulkdata/".length), held, way)
    return [yield* begun(head, held), ...others].map((pieces): AnswerPart<SendError> => ({
      contentType: way.contentType,
      location: `${retrieveUrl(base, held)}/${link}`,
      body: send(pieces, held),
    }))
  })
  // The first is tried before the status is out.
  const first = yield* partsFor(sendable[0]!)
  const parts = Stream.fromIterable(first).pipe(
    Stream.concat(
      Stream.fromIterable(sendable.slice(1)).pipe(
        Stream.mapEffect(partsFor),
        Stream.flatMap((found) => Stream.fromIterable(found)),
      ),
    ),
    Stream.provideContext(context),
  )
  const [type = octets] = sendable[0]!.way.contentType.split(";", 1)
  return multipart(type, parts, { status: sendable.length === links.length ? 200 : 206 })
})
