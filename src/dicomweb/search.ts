// QIDO-RS (PS3.18 §10.6).
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { documentBody } from "../dicom/document-form.ts"
import { retrieveUrl, serviceUrl } from "../dicom/web-links.ts"
import type { DicomJson } from "../domain/instance.ts"
import { Ledger, type Search } from "../ledger/Ledger.ts"
import { acceptedForm, addressed, Refused, type DicomwebOptions } from "./answers.ts"
import { parseQuery, project } from "./query.ts"

const uid = (attributes: DicomJson, tag: string) => {
  const value = attributes[tag]?.Value?.[0]
  return typeof value === "string" ? value : undefined
}

const withLink = (attributes: DicomJson, level: Search["level"], base: string): DicomJson => {
  const StudyInstanceUID = uid(attributes, "0020000D")
  if (StudyInstanceUID === undefined) return attributes
  const SeriesInstanceUID = level === "study" ? undefined : uid(attributes, "0020000E")
  const SOPInstanceUID = level === "instance" ? uid(attributes, "00080018") : undefined
  const link = retrieveUrl(base, { StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID })
  return { ...attributes, "00081190": { vr: "UR", Value: [link] } }
}

export const search = Effect.fn("qido")(function* (level: Search["level"], options: DicomwebOptions) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const form = yield* acceptedForm("many")
  const scope = yield* addressed
  const mark = request.url.indexOf("?")
  const fixed = { study: "StudyInstanceUID" in scope, series: "SeriesInstanceUID" in scope }
  const maxLimit = options.maxLimit ?? 5000
  const limits = { defaultLimit: options.defaultLimit ?? Math.min(1000, maxLimit), maxLimit }
  const query = parseQuery(new URLSearchParams(mark < 0 ? "" : request.url.slice(mark + 1)), level, fixed, limits)
  if (typeof query === "string") return yield* new Refused({ status: 400, error: query })
  const ledger = yield* Ledger
  const { match, limit, offset } = query
  const found = limit === 0 ? [] : yield* ledger.search({ ...scope, level, match, limit, offset })
  const headers = query.fuzzymatching
    ? { warning: '299 - "fuzzymatching is not supported; only literal matching has been performed"' }
    : {}
  if (found.length === 0) return HttpServerResponse.empty({ status: 204, headers })
  const base = serviceUrl(options.publicUrl, request.headers)
  const results = found.map((attributes) => project(withLink(attributes, level, base), query.fields))
  return HttpServerResponse.text(documentBody(form, results), { contentType: form.contentType, headers })
})
