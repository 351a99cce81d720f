// Encapsulated documents as what they are (PS3.18 §8.7.4.1.4, PS3.3 §C.24.2): rendering one is handing it out.
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder } from "../decode/Decoder.ts"
import { acceptOf, matches } from "../dicom/media-type.ts"
import { slicePieces, totalLength } from "../dicom/pieces.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { type Held, Ledger } from "../ledger/Ledger.ts"
import { Refused } from "./answers.ts"
import { sender } from "./send-pieces.ts"
import { wantedParts } from "./wanted.ts"

/** Only what a browser does not run. */
const documentTypes = new Set(["application/pdf"])

/** Undefined for what is no encapsulated document. */
export const encapsulatedDocument = Effect.fnUntraced(function* (held: Held) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const attributes = (yield* (yield* Ledger).attributes([held.receipt])).get(held.receipt)
  const type = String(attributes?.["00420012"]?.Value?.[0] ?? "").toLowerCase()
  if (attributes?.["00420011"] === undefined || !documentTypes.has(type)) return undefined
  if (!wantedParts(acceptOf(request), "single").some((way) => way.form === "single" && matches(way.type, type))) {
    return yield* new Refused({ status: 406, error: `available: ${type}` })
  }
  const pieces = yield* (yield* Decoder).bulk((yield* Blobs).path(held.digest), "00420011")
  const whole = totalLength(pieces) ?? 0
  // Encapsulated Document Length, without the padding byte.
  const said = Number(attributes["00420015"]?.Value?.[0] ?? whole)
  const length = said > 0 && said <= whole ? said : whole
  const send = yield* sender
  return HttpServerResponse.stream(send(slicePieces(pieces, 0, length), held), {
    contentType: type,
    contentLength: length,
  })
})
