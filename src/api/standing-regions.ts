// Handlers of the standing regions.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { StandingRegions } from "../alerts/StandingRegions.ts"
import type { StandingRegionId } from "../domain/alert.ts"
import { Api } from "./Api.ts"
import { NotFound, unavailable } from "./errors.ts"
import { queryFailure } from "./regions.ts"

const unknown = (id: StandingRegionId) => new NotFound({ error: `no standing region ${id}` })

export const StandingRegionsHandlers = HttpApiBuilder.group(
  Api,
  "standingRegions",
  Effect.fnUntraced(function* (handlers) {
    const standing = yield* StandingRegions
    return handlers.handleAll({
      list: () => unavailable(standing.list),
      put: ({ params: { id }, payload }) =>
        standing.put(id, payload).pipe(
          Effect.catchTag("QueryError", (error) => Effect.fail(queryFailure(error))),
          Effect.catchTag("LedgerError", (error) => unavailable(Effect.fail(error))),
        ),
      get: Effect.fnUntraced(function* ({ params: { id } }) {
        const found = yield* unavailable(standing.get(id))
        return Option.isSome(found) ? found.value : yield* unknown(id)
      }),
      remove: Effect.fnUntraced(function* ({ params: { id } }) {
        if (!(yield* unavailable(standing.remove(id)))) return yield* unknown(id)
      }),
    })
  }),
)
