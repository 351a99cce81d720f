// What the worklist's codes become over HTTP: status, the standard's Warning, and a sentence (PS3.18 §11.6–§11.11).
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { serviceUrl } from "../dicom/web-links.ts"
import { answer, type Refused } from "../dicomweb/answers.ts"
import type { LedgerError } from "../ledger/Ledger.ts"
import { type Granted, WorkitemRefused } from "./Worklist.ts"

export interface WorklistOptions {
  /** Base of the DICOMweb service as callers reach it; without it the request's headers say. */
  readonly publicUrl?: string | undefined
  /** Waits until the gateway is about to stop: open channels are then closed. */
  readonly stopping: Effect.Effect<void>
}

export const warnings = {
  created: "The Workitem was created with modifications.",
  canceled: "The UPS is already in the requested state of CANCELED.",
  completed: "The UPS is already in the requested state of COMPLETED.",
  missing: "The Transaction UID is missing.",
  incorrect: "The Transaction UID is incorrect.",
  inconsistent: "The submitted request is inconsistent with the state of the UPS Instance.",
  inconsistentUpdate: "The submitted request is inconsistent with the current state of the Workitem.",
  unclaimed: "The target URI did not reference a claimed Workitem.",
  fuzzy: "The fuzzymatching parameter is not supported. Only literal matching has been performed.",
} as const
type Warning = (typeof warnings)[keyof typeof warnings]

/** PS3.18 §8.3.4.4.1. */
export const moreResults = (remaining: number) =>
  `There are at least ${remaining} additional results that can be requested`

/** `Warning: 299 <service>: text` as the standard spells it. */
export const warned = Effect.fnUntraced(function* (
  response: HttpServerResponse.HttpServerResponse,
  texts: ReadonlyArray<string>,
  { publicUrl }: WorklistOptions,
) {
  if (texts.length === 0) return response
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const service = serviceUrl(publicUrl, headers)
  const warning = texts.map((text) => `299 ${service}: ${text}`).join(", ")
  return HttpServerResponse.setHeader(response, "warning", warning)
})

export const grantedWarning = (code: Granted): ReadonlyArray<Warning> =>
  ({ "0000": [], B304: [warnings.canceled], B306: [warnings.completed] })[code]

/** What was asked, as far as the answer depends on it. */
export interface Asked {
  readonly transaction: "create" | "retrieve" | "update" | "state" | "cancel" | "subscribe" | "unsubscribe"
  readonly transactionUID?: string
}

type Reply = readonly [status: number, error: string, warning?: Warning]

const reply = ({ code, detail }: WorkitemRefused, { transaction, transactionUID = "" }: Asked): Reply => {
  const updating = transaction === "update"
  const inconsistent = updating ? warnings.inconsistentUpdate : warnings.inconsistent
  const replies: Readonly<Record<WorkitemRefused["code"], Reply>> = {
    invalid: [400, detail ?? "the data set is not valid"],
    gone: [410, "the work item was deleted"],
    busy: [503, "too many subscriptions or channels are open; try again"],
    full: [507, "too many work items are unfinished: complete or cancel some first"],
    "0111": [409, "a work item of this UID exists"],
    // PS3.18 §11.6.2 asks for 400 at an update.
    C300: [updating ? 400 : 409, "the work item is finished and can no longer be changed", inconsistent],
    C301:
      transactionUID === ""
        ? [400, "the Transaction UID is missing", warnings.missing]
        : [400, "the Transaction UID is incorrect", warnings.incorrect],
    C302: [409, "the work item is already in progress", inconsistent],
    C303: [400, "a work item becomes SCHEDULED by being created only", inconsistent],
    C304: [
      409,
      `the work item cannot be completed: ${detail ?? "its final state requirements are not met"}`,
      inconsistent,
    ],
    C307:
      transaction === "unsubscribe"
        ? [404, "there is no such subscription"]
        : [404, "there is no work item of this UID"],
    C310: [409, "the work item is not in progress", updating ? warnings.unclaimed : inconsistent],
    C311: [409, "the work item is already completed", inconsistent],
    C313: [409, "the gateway performs this work item and goes on with it", inconsistent],
    C314: [400, "this cannot be done with the given UID"],
  }
  return replies[code]
}

/** A refusal on its way to the caller. */
class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {
  status: Schema.Number,
  error: Schema.String,
  warning: Schema.optionalKey(Schema.Literals(Object.values(warnings))),
}) {}

/** Says what a refusal by the worklist means to who asked this. */
export const asked =
  (question: Asked) =>
  <A, E, R>(effect: Effect.Effect<A, E | WorkitemRefused, R>): Effect.Effect<A, E | Rejected, R> =>
    Effect.mapError(effect, (error) => {
      if (!(error instanceof WorkitemRefused)) return error
      const [status, said, warning] = reply(error, question)
      return new Rejected({ status, error: said, ...(warning === undefined ? {} : { warning }) })
    })

/** A handler with its refusals answered. */
export const answering = <R>(
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, Refused | Rejected | LedgerError, R>,
  options: WorklistOptions,
) =>
  answer(
    Effect.catchTag(handler, "Rejected", ({ status, error, warning }) =>
      warned(HttpServerResponse.jsonUnsafe({ error }, { status }), warning === undefined ? [] : [warning], options),
    ),
  )
