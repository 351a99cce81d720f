// The data set of a request (PS3.18 §11.1.3): bounded in bytes, time and depth, checked once.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import { DataSetError } from "../dicom/data-set-error.ts"
import { dicomJson, dicomXml } from "../dicom/document-form.ts"
import { dictionaryVR } from "../dicom/json-dictionary.ts"
import { parseMediaType } from "../dicom/media-type.ts"
import { readDicomJson } from "../dicom/read-dicom-json.ts"
import { nativeXmlReader } from "../dicom/read-native-xml.ts"
import { Refused } from "../dicomweb/answers.ts"
import type { DicomJson } from "../domain/instance.ts"
import { boundaryOf, splitParts } from "../listener/parts.ts"
import { discardBody, requestBody } from "../listener/request-body.ts"

/** Largest data set: five thousand instances named one by one, and no longer a turn of the main thread than 0.15 s. */
const maxBytes = 1024 * 1024
const maxDepth = 32
const idleMillis = 30_000

/** No body, or one with an empty data set. */
const nothing = /^\s*(?:\[\s*(?:\{\s*\}\s*)?\]|\{\s*\})?\s*$/
const readable = new Set([dicomJson, "application/json", dicomXml])

const refuse = (error: string): never => {
  throw new Refused({ status: 400, error })
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const valueOf = (tag: string, vr: string, value: unknown, depth: number): unknown => {
  if (vr === "SQ") return value === null ? {} : dataSet(value, depth + 1)
  if (vr === "PN") {
    if (typeof value === "string") return { Alphabetic: value }
    if (value === null || (isRecord(value) && Object.values(value).every((group) => typeof group === "string"))) {
      return value
    }
  } else if (value === null || typeof value === "string" || typeof value === "number") return value
  return refuse(`${tag} holds a value that does not fit its VR`)
}

const elementOf = (tag: string, element: unknown, depth: number): DicomJson[string] => {
  if (!isRecord(element)) return refuse(`${tag} is no DICOM JSON attribute`)
  const vr = element["vr"] ?? dictionaryVR(tag)
  if (typeof vr !== "string" || !/^[A-Z]{2}$/.test(vr)) return refuse(`${tag} has no VR`)
  const values = element["Value"] ?? []
  if (!Array.isArray(values)) return refuse(`${tag} has a Value that is no array`)
  const { InlineBinary, BulkDataURI } = element
  return {
    vr,
    ...(values.length === 0 ? {} : { Value: values.map((value) => valueOf(tag, vr, value, depth)) }),
    ...(typeof InlineBinary === "string" ? { InlineBinary } : {}),
    ...(typeof BulkDataURI === "string" ? { BulkDataURI } : {}),
  }
}

const dataSet = (map: unknown, depth: number): DicomJson => {
  if (depth > maxDepth) return refuse(`the data set is nested more than ${maxDepth} deep`)
  if (!isRecord(map)) return refuse("the payload is no DICOM JSON object")
  const entries = Object.entries(map).map(([name, element]) => {
    const tag = name.toUpperCase()
    if (!/^[0-9A-F]{8}$/.test(tag)) return refuse(`${name.slice(0, 64)} is no tag`)
    return [tag, elementOf(tag, element, depth)] as const
  })
  return Object.fromEntries(entries)
}

const parse = (text: string, type: string): DicomJson => {
  if (type === dicomXml) {
    const reader = nativeXmlReader()
    reader.write(text)
    return dataSet(reader.close(), 0)
  }
  const [map, ...others] = readDicomJson(text)
  return others.length === 0 ? dataSet(map, 0) : refuse("the payload is not one data set")
}

const textOfBody = <E>(body: Stream.Stream<Uint8Array, E>) =>
  body.pipe(
    Stream.mapAccumEffect(
      () => 0,
      (sum, chunk) =>
        sum + chunk.length > maxBytes
          ? Effect.fail(new Refused({ status: 413, error: `the data set is longer than ${maxBytes} bytes` }))
          : Effect.succeed([sum + chunk.length, [chunk]] as const),
    ),
    Stream.runCollect,
    Effect.map((chunks) => Buffer.concat(chunks).toString("utf8")),
  )

/** XML comes by itself, as the clients that there are send it, or as the one part of a multipart body (PS3.18 §8.7.3). */
const read = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { type } = parseMediaType(request.headers["content-type"] ?? dicomJson)
  const body = requestBody(request, idleMillis)
  if (type !== "multipart/related") return { type, text: yield* textOfBody(body) }
  const boundary = yield* boundaryOf(request.headers["content-type"], dicomXml, dicomJson)
  const texts = yield* splitParts(body, boundary, 1).pipe(
    Stream.mapEffect((part) => Effect.map(textOfBody(part.body), (text) => ({ type: part.mediaType.type, text }))),
    Stream.runCollect,
  )
  return texts[0] ?? { type: dicomXml, text: "" }
}).pipe(
  Effect.catchTags({
    MultipartError: ({ reason, detail: error }) =>
      Effect.fail(new Refused({ status: reason === "idle" ? 408 : reason === "unsupported" ? 415 : 400, error })),
    BlobError: () => Effect.fail(new Refused({ status: 503, error: "the gateway cannot answer now; try again" })),
  }),
)

/** The request's one data set; an empty one where it may be left out and is. */
export const payload = Effect.fnUntraced(
  function* (presence: "required" | "optional") {
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
      return yield* new Refused({ status: 415, error: "send the data set without a content encoding" })
    }
    const { type, text } = yield* read
    if (presence === "optional" && nothing.test(text)) return {}
    if (text.trim() === "") {
      return yield* new Refused({ status: 400, error: "the request has no data set" })
    }
    if (!readable.has(type)) return yield* new Refused({ status: 415, error: `send ${[...readable].join(" or ")}` })
    return yield* Effect.try({
      try: () => parse(text, type),
      catch: (cause) => {
        if (cause instanceof Refused) return cause
        const why = cause instanceof DataSetError ? cause.detail : "it is malformed"
        return new Refused({ status: 400, error: `the data set cannot be read: ${why}` })
      },
    })
  },
  Effect.tapError(() => Effect.flatMap(HttpServerRequest.HttpServerRequest, discardBody)),
)
