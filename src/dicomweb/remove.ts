// DELETE of a study, series or instance.
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { erase } from "../deletion/erase.ts"
import { addressed, Refused } from "./answers.ts"

export const remove = Effect.fn("delete")(function* () {
  const { instances, held } = yield* erase(yield* addressed)
  if (held === true) {
    return yield* new Refused({
      status: 409,
      error: "the study is held and cannot be deleted until its hold is lifted",
    })
  }
  if (instances.length === 0) {
    return yield* new Refused({ status: 404, error: "nothing is stored under this address" })
  }
  return HttpServerResponse.empty({ status: 204 })
})
