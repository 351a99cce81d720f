// WADO-RS rendered pictures of a frame (PS3.18 §10.4.1.1.3, §8.3.5).
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Decoder } from "../decode/Decoder.ts"
import { matches, parseAccept } from "../dicom/media-type.ts"
import { Blobs } from "../ledger/Blobs.ts"
import { Refused, stored } from "./answers.ts"
import { frameNumbers } from "./frames.ts"

const mediaTypes = ["image/jpeg", "image/png"] as const
const maxSide = 8192

const bad = (name: string) => new Refused({ status: 400, error: `bad value of the query parameter ${name}` })

const numbersOf = (text: string | null) =>
  text?.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)))

const isSide = (side: number | undefined): side is number => Number.isInteger(side) && side! >= 1 && side! <= maxSide

/** Window, viewport and quality; a Refused names the parameter at fault. */
export const renderParameters = (parameters: URLSearchParams) => {
  const [center, width, ...rest] =
    numbersOf(parameters.get("window")?.replace(/,(linear|linear-exact|sigmoid)$/i, "") ?? null) ?? []
  if (
    parameters.has("window") &&
    !(Number.isFinite(center) && width !== undefined && width > 0 && width < Infinity && rest.length === 0)
  ) {
    return bad("window")
  }
  const [columns, rows, ...crop] = numbersOf(parameters.get("viewport")) ?? []
  if (parameters.has("viewport") && !(isSide(columns) && isSide(rows) && crop.length === 0)) return bad("viewport")
  const quality = parameters.has("quality") ? Number(parameters.get("quality")) : undefined
  if (quality !== undefined && !(Number.isInteger(quality) && quality >= 1 && quality <= 100)) return bad("quality")
  if (parameters.has("annotation")) return bad("annotation")
  return {
    ...(center === undefined || width === undefined ? {} : { window: { center, width } }),
    ...(columns === undefined || rows === undefined ? {} : { viewport: { width: columns, height: rows } }),
    ...(quality === undefined ? {} : { quality }),
  }
}

/** One frame: the named one, or the first. */
export const rendered = Effect.fn("wado.rendered")(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { frames } = yield* HttpRouter.params
  const numbers = frameNumbers(frames ?? "1")
  if (numbers === undefined || numbers.length !== 1) {
    return yield* new Refused({ status: 400, error: "name one frame" })
  }
  const mark = request.url.indexOf("?")
  const parameters = renderParameters(new URLSearchParams(mark < 0 ? "" : request.url.slice(mark + 1)))
  if (parameters instanceof Refused) return yield* parameters
  const mediaType = parseAccept(request.headers["accept"])
    .map((range) => mediaTypes.find((type) => matches(range.type, type)))
    .find((type) => type !== undefined)
  if (mediaType === undefined) return yield* new Refused({ status: 406, error: `available: ${mediaTypes.join(", ")}` })
  const [instance] = yield* stored
  const path = (yield* Blobs).path(instance!.digest)
  const picture = yield* (yield* Decoder).render({ path, frame: numbers[0]!, mediaType, ...parameters })
  return HttpServerResponse.uint8Array(picture, { contentType: mediaType })
})
