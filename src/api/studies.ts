// Handlers of the studies group: where a study and each of its instances is.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { Ledger, type StatusPage } from "../ledger/Ledger.ts"
import { Api } from "./Api.ts"
import { NotFound, unavailable } from "./errors.ts"

const pageSize = 1000

export const StudiesHandlers = HttpApiBuilder.group(
  Api,
  "studies",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const status = Effect.fnUntraced(function* (uid: StudyInstanceUID, page: StatusPage) {
      const found = yield* unavailable(ledger.studyStatus(uid, page))
      return Option.isSome(found) ? found.value : yield* new NotFound({ error: `no study ${uid}` })
    })
    return handlers.handleAll({
      status: ({ params: { StudyInstanceUID }, query: { offset = 0, limit = pageSize, ...stage } }) =>
        status(StudyInstanceUID, { offset, limit, ...stage }),
      complete: Effect.fnUntraced(function* ({ params: { StudyInstanceUID } }) {
        yield* unavailable(ledger.complete(StudyInstanceUID))
        return yield* status(StudyInstanceUID, { offset: 0, limit: pageSize })
      }),
    })
  }),
)
