// What the DICOMweb routes share: their options, the scope an address names, and answers to what goes wrong.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { documentForm, type Documents, documentTypes } from "../dicom/document-form.ts"
import { acceptOf } from "../dicom/media-type.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import { Ledger, type Scope } from "../ledger/Ledger.ts"

export interface DicomwebOptions {
  /** Base of the service as callers reach it, up to and with /dicomweb; without it the request's headers say. */
  readonly publicUrl?: string | undefined
  /** Results of a search that names no limit, and the most that one may ask for. */
  readonly defaultLimit?: number | undefined
  readonly maxLimit?: number | undefined
}

/** An answer that is not what was asked for. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Number,
  error: Schema.String,
}) {}

const Address = Schema.Struct({
  study: Schema.optionalKey(StudyInstanceUID),
  series: Schema.optionalKey(SeriesInstanceUID),
  instance: Schema.optionalKey(SOPInstanceUID),
})

/** The UIDs of the address; 400 when one is none. */
export const addressed = Effect.gen(function* () {
  const { study, series, instance } = yield* HttpRouter.params.pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Address)),
    Effect.mapError(() => new Refused({ status: 400, error: "the address holds a malformed UID" })),
  )
  return {
    ...(study === undefined ? {} : { StudyInstanceUID: study }),
    ...(series === undefined ? {} : { SeriesInstanceUID: series }),
    ...(instance === undefined ? {} : { SOPInstanceUID: instance }),
  } satisfies Scope
})

/** The addressed instances, at least one; 404 otherwise. */
export const stored = Effect.gen(function* () {
  const ledger = yield* Ledger
  const instances = yield* ledger.held(yield* addressed)
  if (instances.length === 0) return yield* new Refused({ status: 404, error: "nothing is stored under this address" })
  return instances
})

/** The form of attribute maps that the caller likes best; 406 when none is taken. */
export const acceptedForm = Effect.fnUntraced(function* (documents: Documents) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const form = documentForm(acceptOf(request), documents)
  return form ?? (yield* new Refused({ status: 406, error: `available: ${documentTypes}` }))
})

const notFound = new Set(["missing"])
const unprocessable = new Set(["corrupt", "unsupported", "too-large", "crashed", "timeout"])

/** A typed failure becomes its status; the cause goes to the log, the caller gets a sentence. */
export const answer = <R>(
  handler: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    Refused | { readonly _tag: string; readonly reason: string; readonly detail?: string },
    R
  >,
) =>
  handler.pipe(
    Effect.catch((error) => {
      if (error._tag === "Refused" && "status" in error) {
        return Effect.succeed(HttpServerResponse.jsonUnsafe({ error: error.error }, { status: error.status }))
      }
      const reason = "reason" in error ? error.reason : "unknown"
      if (error._tag === "DecodeError" && (notFound.has(reason) || unprocessable.has(reason))) {
        const status = notFound.has(reason) ? 404 : 406
        const detail = notFound.has(reason)
          ? "there is no such frame or value"
          : `the pixel data cannot be served (${reason})`
        return Effect.succeed(HttpServerResponse.jsonUnsafe({ error: detail }, { status }))
      }
      return Effect.logError("request failed").pipe(
        Effect.annotateLogs({ error: error._tag, reason }),
        Effect.as(
          HttpServerResponse.jsonUnsafe(
            { error: "the gateway cannot answer now; try again" },
            { status: 503, headers: { "retry-after": "1" } },
          ),
        ),
      )
    }),
  )
