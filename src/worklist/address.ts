// What the address of a request names: a work item, an application, query parameters.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import { Refused } from "../dicomweb/answers.ts"
import { SOPInstanceUID } from "../domain/uid.ts"

const isUid = Schema.is(SOPInstanceUID)

export const uidOrRefuse = (uid: string): Effect.Effect<string, Refused> =>
  isUid(uid)
    ? Effect.succeed(uid)
    : Effect.fail(new Refused({ status: 400, error: "the work item's UID is malformed" }))

/** The addressed work item's UID. */
export const workitemUid = Effect.flatMap(HttpRouter.params, ({ workitem = "" }) => uidOrRefuse(workitem))

/** PS3.5 §6.2: at most 16 characters, no backslash, no control characters, not only spaces. */
// oxlint-disable-next-line no-control-regex
const aePattern = /^[^\\\u0000-\u001f\u007f]{1,16}$/

const checkedAE = (ae: string): Effect.Effect<string, Refused> =>
  aePattern.test(ae.trim())
    ? Effect.succeed(ae.trim())
    : Effect.fail(new Refused({ status: 400, error: "an AE title has 1 to 16 characters" }))

export const subscriberAE = Effect.flatMap(HttpRouter.params, ({ subscriber = "" }) => checkedAE(subscriber))

export const queryParameters = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => {
  const mark = url.indexOf("?")
  return new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1))
})

/** Who asks, by its own account: in the path, as ?requester=, or not at all. */
export const requesterAE = Effect.gen(function* () {
  const { requester } = yield* HttpRouter.params
  const given = requester ?? (yield* queryParameters).get("requester") ?? ""
  return given === "" ? "ANONYMOUS" : yield* checkedAE(given)
})

/** Beside those of the transaction itself. */
const common = ["accept", "charset"]

/** The UID given by one of these parameters, or bare, as `?1.2.3`; "" when none is. Any other parameter is refused. */
export const uidParameter = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const uids = new Set<string>()
  for (const [name, value] of yield* queryParameters) {
    if (names.includes(name)) uids.add(yield* uidOrRefuse(value))
    else if (value === "" && isUid(name)) uids.add(name)
    else if (!common.includes(name)) {
      return yield* new Refused({ status: 400, error: `unknown query parameter ${name.slice(0, 64)}` })
    }
  }
  const [uid = "", ...others] = uids
  return others.length === 0 ? uid : yield* new Refused({ status: 400, error: "the query names more than one UID" })
})
