// WADO-RS retrieval of frames (PS3.18 §10.4.1.1.6): native little endian, or compressed as they are stored.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder, type DecodeError } from "../decode/Decoder.ts"
import { acceptOf, matches } from "../dicom/media-type.ts"
import { totalLength } from "../dicom/pieces.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { type Held, Ledger } from "../ledger/Ledger.ts"
import { Refused, stored } from "./answers.ts"
import { multipart } from "./multipart-answer.ts"
import { compressedType, currentName, explicitLittleEndian, isNative, octets } from "./pixel-types.ts"
import { type Bytes, sender } from "./send-pieces.ts"
import { wantedParts, type Wanted } from "./wanted.ts"

/** 1-based numbers, at most 1,000 of them. */
export const frameNumbers = (text: string | undefined): ReadonlyArray<number> | undefined => {
  if (text === undefined || !/^[0-9]{1,9}(,[0-9]{1,9}){0,999}$/.test(text)) return undefined
  const numbers = text.split(",").map(Number)
  return numbers.every((number) => number > 0) ? numbers : undefined
}

/** The frames that the address names; 400 when it is no list, 404 when the object has not so many. */
export const addressedFrames = Effect.gen(function* () {
  const numbers = frameNumbers((yield* HttpRouter.params)["frames"])
  if (numbers === undefined) return yield* new Refused({ status: 400, error: "malformed frame list" })
  const [held] = yield* stored
  const attributes = (yield* (yield* Ledger).attributes([held!.receipt])).get(held!.receipt)
  const count = Number(attributes?.["00280008"]?.Value?.[0] ?? 1)
  if (Number.isInteger(count) && count >= 1 && numbers.some((number) => number > count)) {
    return yield* new Refused({ status: 404, error: `the object has ${count} frame(s)` })
  }
  return { held: held!, numbers }
})

export interface PixelWay {
  readonly form: Wanted["form"]
  readonly how: "raw" | "stored"
  /** Of the parts. */
  readonly contentType: string
}

/** How the pixels of an object in this syntax can be sent, best first (PS3.18 §8.7.3.3). */
export const pixelWays = (TransferSyntaxUID: string, wanted: ReadonlyArray<Wanted>): ReadonlyArray<PixelWay> =>
  wanted.flatMap(({ form, type, transferSyntax }): ReadonlyArray<PixelWay> => {
    const native = isNative(TransferSyntaxUID)
    const coded = compressedType(TransferSyntaxUID)
    const raw: PixelWay = { form, how: "raw", contentType: octets }
    const asStored = (name: string): PixelWay => ({
      form,
      how: "stored",
      contentType: `${name}; transfer-syntax=${TransferSyntaxUID}`,
    })
    const takesOctets = matches(type, octets)
    if (native) {
      const fits =
        transferSyntax === undefined || ["*", explicitLittleEndian, TransferSyntaxUID].includes(transferSyntax)
      return takesOctets && fits ? [raw] : []
    }
    if (takesOctets && (transferSyntax === undefined || transferSyntax === explicitLittleEndian)) return [raw]
    const named = transferSyntax === "*" || transferSyntax === TransferSyntaxUID
    if (matches(currentName(type), coded.type) && (transferSyntax === undefined || named)) return [asStored(coded.type)]
    return takesOctets && named ? [asStored(octets)] : []
  })

interface Sent {
  /** Of the first. */
  readonly length: number | undefined
  readonly bodies: Stream.Stream<Bytes, DecodeError>
}

const rawFrames = Effect.fnUntraced(function* (held: Held, numbers: ReadonlyArray<number>) {
  const decoder = yield* Decoder
  const path = (yield* Blobs).path(held.digest)
  // The first one is decoded before the status is out, so that what cannot be served says so.
  const head = yield* decoder.frame(path, numbers[0]!)
  const rest = Stream.fromIterable(numbers.slice(1)).pipe(
    Stream.mapEffect((number) => decoder.frame(path, number), { concurrency: 2 }),
  )
  const sent: Sent = {
    length: head.length,
    bodies: Stream.concat(Stream.make(head), rest).pipe(Stream.map((bytes): Bytes => Stream.make(bytes))),
  }
  return sent
})

const storedFrames = Effect.fnUntraced(function* (held: Held, numbers: ReadonlyArray<number>) {
  const send = yield* sender
  const path = (yield* Blobs).path(held.digest)
  const { frames } = yield* (yield* Decoder).encoded(path, numbers)
  const sent: Sent = {
    length: totalLength(frames[0]!),
    bodies: Stream.fromIterable(frames).pipe(Stream.map((pieces): Bytes => send(pieces, held))),
  }
  return sent
})

export const frames = Effect.fn("wado.frames")(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { held, numbers } = yield* addressedFrames
  let failure: DecodeError | undefined
  for (const { form, how, contentType } of pixelWays(held.TransferSyntaxUID, wantedParts(acceptOf(request)))) {
    if (form === "single" && numbers.length > 1) continue
    const found = yield* Effect.result(how === "raw" ? rawFrames(held, numbers) : storedFrames(held, numbers))
    if (found._tag === "Failure") {
      failure = found.failure
      continue
    }
    const { length, bodies } = found.success
    if (form === "multipart") {
      const [type = ""] = contentType.split(";", 1)
      return multipart(
        type,
        Stream.map(bodies, (body) => ({ contentType, body })),
      )
    }
    return HttpServerResponse.stream(
      Stream.flatMap(bodies, (body) => body),
      { contentType, ...(length === undefined ? {} : { contentLength: length }) },
    )
  }
  if (failure !== undefined) return yield* failure
  const coded = isNative(held.TransferSyntaxUID) ? "" : ` or "${compressedType(held.TransferSyntaxUID).type}"`
  return yield* new Refused({ status: 406, error: `available: multipart/related; type="${octets}"${coded}` })
})
