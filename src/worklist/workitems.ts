// Transactions on work items (PS3.18 §11.4–§11.9).
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { uidOf } from "../convert/uid.ts"
import { documentBody } from "../dicom/document-form.ts"
import { serviceUrl } from "../dicom/web-links.ts"
import { acceptedForm, Refused } from "../dicomweb/answers.ts"
import type { DicomJson } from "../domain/instance.ts"
import { requesterAE, uidOrRefuse, uidParameter, workitemUid } from "./address.ts"
import { payload } from "./payload.ts"
import { asked, grantedWarning, moreResults, warned, warnings, type WorklistOptions } from "./replies.ts"
import { parseWorkitemQuery } from "./search.ts"
import { type ProcedureStepState, states } from "./states.ts"
import { named, tags, textOf } from "./tags.ts"
import { Worklist } from "./Worklist.ts"

/** File meta and command elements are the transport's, not the work item's. */
const withoutCommand = (attributes: DicomJson): DicomJson =>
  Object.fromEntries(Object.entries(attributes).filter(([tag]) => !/^000[0-2]/.test(tag)))

/** The new item's UID: by the query, by the data set where clients put it, else a new one. */
const newUid = Effect.fnUntraced(function* (attributes: DicomJson) {
  const given = [
    yield* uidParameter(["workitem", "AffectedSOPInstanceUID"]),
    textOf(attributes, tags.AffectedSOPInstanceUID),
    textOf(attributes, tags.SOPInstanceUID),
  ].filter((uid) => uid !== "")
  const [uid = uidOf("workitem", randomUUID()), ...others] = new Set(given)
  if (others.length > 0) {
    return yield* new Refused({ status: 400, error: "address and data set name different work items" })
  }
  return yield* uidOrRefuse(uid)
})

export const create = Effect.fn("ups.create")(function* (options: WorklistOptions) {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const attributes = yield* payload("required")
  const uid = yield* newUid(attributes)
  const worklist = yield* Worklist
  const { modified } = yield* worklist.create(uid, withoutCommand(attributes)).pipe(asked({ transaction: "create" }))
  const location = `${serviceUrl(options.publicUrl, headers)}/workitems/${uid}`
  const response = HttpServerResponse.empty({ status: 201, headers: { location } })
  return yield* warned(response, modified ? [warnings.created] : [], options)
})

export const retrieve = Effect.fn("ups.retrieve")(function* (options: WorklistOptions) {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const form = yield* acceptedForm("one")
  const uid = yield* workitemUid
  const attributes = yield* (yield* Worklist).retrieve(uid).pipe(asked({ transaction: "retrieve" }))
  return HttpServerResponse.text(documentBody(form, [attributes]), {
    contentType: form.contentType,
    headers: { "content-location": `${serviceUrl(options.publicUrl, headers)}/workitems/${uid}` },
  })
})

const tooBroad = new Refused({ status: 413, error: "the search takes too long: name a state or a label too" })

export const searchWorkitems = Effect.fn("ups.search")(function* (options: WorklistOptions) {
  const form = yield* acceptedForm("many")
  const { url } = yield* HttpServerRequest.HttpServerRequest
  const query = parseWorkitemQuery(url)
  if (typeof query === "string") return yield* new Refused({ status: 400, error: query })
  const { matches, remaining } = yield* (yield* Worklist)
    .search(query)
    .pipe(Effect.catchTag("SearchTooBroad", () => Effect.fail(tooBroad)))
  const response =
    matches.length === 0
      ? HttpServerResponse.empty({ status: 204 })
      : HttpServerResponse.text(documentBody(form, matches), { contentType: form.contentType })
  const texts = [...(query.fuzzymatching ? [warnings.fuzzy] : []), ...(remaining > 0 ? [moreResults(remaining)] : [])]
  return yield* warned(response, texts, options)
})

/** The lock is a parameter since PS3.18 2019; before, and in DIMSE, it is in the data set. */
export const update = Effect.fn("ups.update")(function* () {
  const uid = yield* workitemUid
  const changes = yield* payload("required")
  const parameter = yield* uidParameter(["transaction-uid", "transaction", "TransactionUID"])
  const transactionUID = parameter === "" ? textOf(changes, tags.TransactionUID) : parameter
  yield* (yield* Worklist)
    .update(uid, transactionUID, withoutCommand(changes))
    .pipe(asked({ transaction: "update", transactionUID }))
  return HttpServerResponse.empty({ status: 200 })
})

/** PS3.18 §11.7.1.4 spells it so. */
const spelled = (state: string) => (state === "CANCELLED" ? "CANCELED" : state)
const isState = (state: string): state is ProcedureStepState => (states as ReadonlyArray<string>).includes(state)

export const changeState = Effect.fn("ups.state")(function* (options: WorklistOptions) {
  const uid = yield* workitemUid
  yield* requesterAE
  const asking = yield* payload("required")
  const state = spelled(textOf(asking, tags.ProcedureStepState))
  if (!isState(state)) {
    return yield* new Refused({
      status: 400,
      error: `${named(tags.ProcedureStepState)} must be one of ${states.join(", ")}`,
    })
  }
  const transactionUID = textOf(asking, tags.TransactionUID)
  if (transactionUID !== "") {
    yield* uidOrRefuse(transactionUID).pipe(
      Effect.mapError(() => new Refused({ status: 400, error: `${named(tags.TransactionUID)} is malformed` })),
    )
  }
  const code = yield* (yield* Worklist)
    .changeState(uid, state, transactionUID)
    .pipe(asked({ transaction: "state", transactionUID }))
  return yield* warned(HttpServerResponse.empty({ status: 200 }), grantedWarning(code), options)
})

export const requestCancel = Effect.fn("ups.cancel")(function* (options: WorklistOptions) {
  const uid = yield* workitemUid
  const requester = yield* requesterAE
  const reason = yield* payload("optional")
  const code = yield* (yield* Worklist).requestCancel(uid, requester, reason).pipe(asked({ transaction: "cancel" }))
  return yield* warned(HttpServerResponse.empty({ status: 202 }), grantedWarning(code), options)
})
