// QIDO-RS (PS3.18 §10.6).
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { writeDocument } from "../dicom/document-form.ts"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import type { DicomJson } from "../domain/instance.ts"
import { Ledger, type Search, type SearchPage } from "../ledger/Ledger.ts"
import { acceptedForm, addressed, Refused, type DicomwebOptions } from "./answers.ts"
import { parametersOf } from "./parameters.ts"
import { parseQuery } from "./query.ts"
import { project } from "./return-fields.ts"

const uid = (attributes: DicomJson, tag: string) => {
  const value = attributes[tag]?.Value?.[0]
  return typeof value === "string" ? value : undefined
}

/** What the answer says of itself: values in UTF-8, and where the object is. */
const withLink = (attributes: DicomJson, level: Search["level"], base: string): DicomJson => {
  const utf8 = { ...attributes, "00080005": { vr: "CS", Value: ["ISO_IR 192"] } }
  const StudyInstanceUID = uid(attributes, "0020000D")
  if (StudyInstanceUID === undefined) return utf8
  const SeriesInstanceUID = level === "study" ? undefined : uid(attributes, "0020000E")
  const SOPInstanceUID = level === "instance" ? uid(attributes, "00080018") : undefined
  const link = retrieveUrl(base, { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID })
  return { ...utf8, "00081190": { vr: "UR", Value: [link] } }
}

/** In the standard's words (PS3.18 §8.3.4.2, §8.3.4.4.1). */
const warnings = (base: string, fuzzymatching: boolean, { remaining, exact }: SearchPage) => {
  const texts = [
    ...(fuzzymatching
      ? ["The fuzzymatching parameter is not supported. Only literal matching has been performed."]
      : []),
    ...(remaining > 0
      ? [`There are ${exact ? "" : "at least "}${remaining} additional results that can be requested`]
      : []),
  ]
  return texts.length === 0 ? {} : { warning: texts.map((text) => `299 ${base}: ${text}`).join(", ") }
}

/** Matches that are written at once. */
const turnMatches = 8

const tooBroad = new Refused({
  status: 413,
  error: "the search is too broad for attributes without an index: name a study, a patient, a date or a modality too",
})

export const search = Effect.fn("qido")(function* (level: Search["level"], options: DicomwebOptions) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const form = yield* acceptedForm("many")
  const scope = yield* addressed
  const given = parametersOf(request.url)
  if (typeof given === "string") return yield* new Refused({ status: 400, error: given })
  const fixed = { study: "StudyInstanceUID" in scope, series: "SeriesInstanceUID" in scope }
  const maxLimit = options.maxLimit ?? 5000
  const limits = { defaultLimit: options.defaultLimit ?? Math.min(1000, maxLimit), maxLimit }
  const query = parseQuery(given, level, fixed, limits)
  if (typeof query === "string") return yield* new Refused({ status: 400, error: query })
  const { match, limit, offset, fields } = query
  const page = yield* (yield* Ledger)
    .search({ ...scope, level, match, limit, offset })
    .pipe(Effect.catchTag("SearchTooBroad", () => Effect.fail(tooBroad)))
  const base = serviceUrl(options.publicUrl, request.headers)
  const headers = warnings(base, query.fuzzymatching, page)
  if (page.matches.length === 0) return HttpServerResponse.empty({ status: 204, headers })
  const texts = [form.start]
  for (const [position, attributes] of page.matches.entries()) {
    // Thousands of maps with all their fields would hold the thread for seconds.
    if (position % turnMatches === turnMatches - 1) yield* Effect.yieldNow
    texts.push(writeDocument(form, project(withLink(attributes, level, base), fields), position))
  }
  texts.push(form.end)
  return HttpServerResponse.text(texts.join(""), { contentType: form.contentType, headers })
})
