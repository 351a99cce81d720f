// The data set of a request (PS3.18 §11.1.3): bounded in bytes, time and depth, checked once.
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import { dictionaryVR } from "../dicom/json-dictionary.ts"
import { parseMediaType } from "../dicom/media-type.ts"
import { Refused } from "../dicomweb/answers.ts"
import type { DicomJson } from "../domain/instance.ts"

/** Largest data set; a work item refers to its input and output instance by instance. */
const maxBytes = 4 * 1024 * 1024
const maxDepth = 32
const bodyTimeout = "30 seconds"

const jsonTypes = new Set(["application/dicom+json", "application/json"])

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

const parseJson = (text: string): DicomJson => {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return refuse("the payload is no JSON")
  }
  if (Array.isArray(parsed) && parsed.length !== 1) return refuse("the payload is not one data set")
  return dataSet(Array.isArray(parsed) ? parsed[0] : parsed, 0)
}

/** Reads all of it, or ends the connection with the answer. */
const bodyText = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  // Interrupting the reader would close the socket before the answer is out.
  const reading = yield* Effect.forkDetach(
    request.text.pipe(
      Effect.provideService(HttpServerRequest.MaxBodySize, ByteSize.fromInputUnsafe(maxBytes)),
      Effect.mapError((error) =>
        error.reason._tag === "RequestParseError" && error.reason.reason === "BodyTooLarge"
          ? new Refused({ status: 413, error: `the data set is longer than ${maxBytes} bytes` })
          : new Refused({ status: 400, error: "the body cannot be read" }),
      ),
    ),
  )
  return yield* Fiber.join(reading).pipe(
    Effect.timeoutOrElse({
      duration: bodyTimeout,
      orElse: () => Effect.fail(new Refused({ status: 408, error: "the body did not come in time" })),
    }),
  )
})

/** The request's one data set; an empty one where it may be left out and is. */
export const payload = Effect.fnUntraced(function* (presence: "required" | "optional") {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const { type } = parseMediaType(headers["content-type"] ?? "application/dicom+json")
  if (headers["content-encoding"] !== undefined && headers["content-encoding"] !== "identity") {
    return yield* new Refused({ status: 415, error: "send the data set without a content encoding" })
  }
  const text = yield* bodyText
  if (text.trim() === "") {
    if (presence === "optional") return {}
    return yield* new Refused({ status: 400, error: "the request has no data set" })
  }
  if (!jsonTypes.has(type)) {
    return yield* new Refused({ status: 415, error: "send application/dicom+json" })
  }
  return yield* Effect.try({
    try: () => parseJson(text),
    catch: (cause) =>
      cause instanceof Refused ? cause : new Refused({ status: 400, error: "the payload is malformed" }),
  })
})
