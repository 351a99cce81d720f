// WADO-RS pictures for people: rendered and thumbnail resources at every level (PS3.18 §10.4.1.1.3, §8.3.5).
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder } from "../decode/Decoder.ts"
import { acceptOf, matches } from "../dicom/media-type.ts"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { Refused, stored, type DicomwebOptions } from "./answers.ts"
import { encapsulatedDocument } from "./document.ts"
import { addressedFrames } from "./frames.ts"
import { multipart } from "./multipart-answer.ts"
import { pictureOf, representative, type Pictured } from "./pictured.ts"
import { renderParameters } from "./render-parameters.ts"
import type { Bytes } from "./send-pieces.ts"
import { wantedParts } from "./wanted.ts"

const mediaTypes = ["image/jpeg", "image/png"] as const
type MediaType = (typeof mediaTypes)[number]

const thumbnailSide = 256
/** Pictures of one answer. */
const mostPictures = 1000

const notAcceptable = new Refused({ status: 406, error: `available: ${mediaTypes.join(", ")}` })

interface Way {
  readonly form: "single" | "multipart"
  readonly mediaType: MediaType
}

const ways = (accept: string | undefined): ReadonlyArray<Way> =>
  wantedParts(accept, "single").flatMap(({ form, type }): ReadonlyArray<Way> => {
    const mediaType = mediaTypes.find((one) => matches(type, one))
    return mediaType === undefined ? [] : [{ form, mediaType }]
  })

interface Shot {
  readonly of: Pictured
  readonly frame: number
}

/** What a thumbnail is shown in, unless the caller says: never larger than the picture itself. */
const small = ({ width, height }: Pictured) => ({
  width: Math.min(width, thumbnailSide),
  height: Math.min(height, thumbnailSide),
})

const renderer = Effect.fnUntraced(function* (kind: "rendered" | "thumbnail", first: Pictured) {
  const { url } = yield* HttpServerRequest.HttpServerRequest
  const mark = url.indexOf("?")
  const parameters = renderParameters(new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)), first)
  if (parameters instanceof Refused) return yield* parameters
  const { job, warnings } = parameters
  const blobs = yield* Blobs
  const decoder = yield* Decoder
  const render = ({ of, frame }: Shot, mediaType: MediaType) =>
    decoder.render({
      path: blobs.path(of.held.digest),
      frame,
      mediaType,
      ...(kind === "thumbnail" ? { viewport: small(of) } : {}),
      ...job,
    })
  return { render, headers: warnings.length === 0 ? {} : { warning: warnings.join(", ") } }
})

/** The pictures, all in one answer or the first alone; `single`: one stands for all. */
const answered = Effect.fnUntraced(function* (
  kind: "rendered" | "thumbnail",
  shots: {
    readonly single: Shot | undefined
    readonly all: Effect.Effect<
      ReadonlyArray<Shot>,
      Refused | { readonly _tag: string; readonly reason: string },
      Ledger
    >
  },
  options: DicomwebOptions,
) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const way = ways(acceptOf(request)).find(({ form }) => form === "multipart" || shots.single !== undefined)
  if (way === undefined) return yield* notAcceptable
  const { mediaType } = way
  const list = way.form === "single" ? [shots.single!] : yield* shots.all
  const [first] = list
  if (first === undefined) return yield* notAcceptable
  const { render, headers } = yield* renderer(kind, first.of)
  // The first one is made before the status is out, so that what cannot be shown says so.
  const picture = yield* render(first, mediaType)
  if (way.form === "single") return HttpServerResponse.uint8Array(picture, { contentType: mediaType, headers })
  const base = serviceUrl(options.publicUrl, request.headers)
  const part = ({ of, frame }: Shot, bytes: Uint8Array) => ({
    contentType: mediaType,
    location: `${retrieveUrl(base, of.held)}/frames/${frame}/${kind}`,
    body: Stream.make(bytes) as Bytes,
  })
  const rest = Stream.fromIterable(list.slice(1)).pipe(
    Stream.mapEffect((shot) => Effect.map(render(shot, mediaType), (bytes) => part(shot, bytes))),
  )
  return multipart(mediaType, Stream.concat(Stream.make(part(first, picture)), rest), { headers })
})

/** Of a study, series or instance. */
export const pictures = Effect.fn("wado.rendered")(function* (
  kind: "rendered" | "thumbnail",
  options: DicomwebOptions,
) {
  const instances = yield* stored
  const [only] = instances
  if (kind === "rendered" && only !== undefined && instances.length === 1) {
    const document = yield* encapsulatedDocument(only)
    if (document !== undefined) return document
  }
  const of = yield* representative(instances)
  const all = Effect.gen(function* () {
    if (kind === "thumbnail") return [{ of, frame: 1 }]
    if (instances.length === 1) {
      return Array.from({ length: Math.min(of.frames, mostPictures) }, (_, i) => ({ of, frame: i + 1 }))
    }
    const some = instances.slice(0, mostPictures)
    const known = yield* (yield* Ledger).attributes(some.map(({ receipt }) => receipt))
    return some.flatMap((held): ReadonlyArray<Shot> => {
      const picture = pictureOf(held, known.get(held.receipt))
      return picture === undefined ? [] : [{ of: picture, frame: 1 }]
    })
  })
  return yield* answered(kind, { single: { of, frame: 1 }, all }, options)
})

/** Of the named frames. */
export const framePictures = Effect.fn("wado.renderedFrames")(function* (
  kind: "rendered" | "thumbnail",
  options: DicomwebOptions,
) {
  const { held, numbers } = yield* addressedFrames
  const of = yield* representative([held])
  const all = numbers.map((frame) => ({ of, frame }))
  return yield* answered(kind, { single: all.length === 1 ? all[0] : undefined, all: Effect.succeed(all) }, options)
})
