// WADO-RS retrieval of stored objects (PS3.18 §10.4): as stored, or in Explicit VR Little Endian.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder, DecodeError } from "../decode/Decoder.ts"
import { acceptOf, matches } from "../dicom/media-type.ts"
import { totalLength, type Pieces } from "../dicom/pieces.ts"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { type Held, Ledger } from "../ledger/Ledger.ts"
import { Refused, stored, type DicomwebOptions } from "./answers.ts"
import { inBatches } from "./described.ts"
import { multipart } from "./multipart-answer.ts"
import { compressedType, explicitLittleEndian, isNative } from "./pixel-types.ts"
import { sender } from "./send-pieces.ts"
import { wantedParts, type Wanted } from "./wanted.ts"

const type = "application/dicom"

/**
 * `stored`: byte for byte. `explicit`: in Explicit VR Little Endian. `default`: the same where nothing is lost by it,
 * else as stored (PS3.18 §8.7.3.5.2).
 */
type Representation = "stored" | "explicit" | "default"

const canBeExplicit = (TransferSyntaxUID: string) =>
  isNative(TransferSyntaxUID) || compressedType(TransferSyntaxUID).decodable

/** The first of the ways that this instance can be sent in. */
const representation = ({ TransferSyntaxUID }: Held, ways: ReadonlyArray<Wanted>): Representation | undefined => {
  for (const { transferSyntax } of ways) {
    if (transferSyntax === "*" || transferSyntax === TransferSyntaxUID) return "stored"
    if (transferSyntax === undefined) {
      const lossless = isNative(TransferSyntaxUID) || compressedType(TransferSyntaxUID).lossless
      return TransferSyntaxUID !== explicitLittleEndian && lossless ? "default" : "stored"
    }
    if (transferSyntax === explicitLittleEndian && canBeExplicit(TransferSyntaxUID)) return "explicit"
  }
  return undefined
}

/** Instances that are looked up together. */
const batch = 64

const decodeFailed = new Set(["corrupt", "unsupported", "too-large", "crashed", "timeout"])

interface Rendition {
  readonly contentType: string
  /** Absent: the stored file as it is. */
  readonly pieces?: Pieces
}

const typed = (TransferSyntaxUID: string) => `${type}; transfer-syntax=${TransferSyntaxUID}`

/** What damaged pixels keep from being decoded goes out as stored, and says so. */
const rendition = Effect.fnUntraced(function* (held: Held, how: Representation) {
  const asStored: Rendition = { contentType: typed(held.TransferSyntaxUID) }
  if (how === "stored") return asStored
  const path = (yield* Blobs).path(held.digest)
  const explicit = Effect.map((yield* Decoder).explicit(path), (pieces): Rendition => ({
    contentType: typed(explicitLittleEndian),
    pieces,
  }))
  return yield* how === "explicit"
    ? explicit
    : Effect.catchIf(
        explicit,
        ({ reason }) => decodeFailed.has(reason),
        () => Effect.succeed(asStored),
      )
})

/** One instance by itself. */
const single = Effect.fnUntraced(function* (held: Held, { contentType, pieces }: Rendition) {
  const blobs = yield* Blobs
  const send = yield* sender
  const contentLength = pieces === undefined ? held.bytes : totalLength(pieces)
  const body = pieces === undefined ? blobs.read(held.digest) : send(pieces, held)
  return HttpServerResponse.stream(body, {
    contentType,
    ...(contentLength === undefined ? {} : { contentLength }),
  })
})

/** Objects of a study or series, and instances for those who take multipart. */
export const retrieve = Effect.fn("wado.retrieve")(function* (options: DicomwebOptions) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const blobs = yield* Blobs
  const ledger = yield* Ledger
  const instances = yield* stored
  const ways = wantedParts(acceptOf(request)).filter((way) => matches(way.type, type))
  const [first] = instances
  for (const form of new Set(ways.map((way) => way.form))) {
    if (form === "single" && instances.length > 1) continue
    const formed = ways.filter((way) => way.form === form)
    const known = instances.filter((held) => representation(held, formed) !== undefined)
    if (known.length === 0) continue
    if (first !== undefined && instances.length === 1) {
      // Decoded before the status is out, so that what cannot be had in the asked-for syntax says so.
      const one = yield* Effect.option(rendition(first, representation(first, formed)!))
      if (one._tag === "None") continue
      if (form === "single") return yield* single(first, one.value)
    }
    const send = yield* sender
    const context = yield* Effect.context<Blobs | Decoder | Ledger>()
    const base = serviceUrl(options.publicUrl, request.headers)
    const parts = inBatches(known, batch).pipe(
      Stream.flatMap((group) => Stream.fromIterable(group)),
      Stream.mapEffect(
        (held) =>
          Effect.gen(function* () {
            const how = representation(held, formed) ?? "stored"
            // Deleted while the answer was on its way.
            if (!(yield* ledger.isCurrent(held))) return []
            const { contentType, pieces } = yield* rendition(held, how).pipe(
              Effect.catchIf(
                (error) => error instanceof DecodeError && decodeFailed.has(error.reason),
                () => rendition(held, "stored"),
              ),
            )
            const body = pieces === undefined ? blobs.read(held.digest) : send(pieces, held)
            return [{ contentType, location: retrieveUrl(base, held), body }]
          }),
        { concurrency: 2 },
      ),
      Stream.flatMap((part) => Stream.fromIterable(part)),
      Stream.provideContext(context),
    )
    return multipart(type, parts, { status: known.length === instances.length ? 200 : 206 })
  }
  const offered = `${type} or multipart/related; type="${type}", with transfer-syntax=* or ${explicitLittleEndian}`
  return yield* new Refused({ status: 406, error: `available: ${offered}` })
})
