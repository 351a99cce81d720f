// Handlers of the studies group: where each instance of a study is.
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type { StudyInstanceUID } from "../domain/uid.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { Api } from "./Api.ts"
import { NotFound, unavailable } from "./errors.ts"

export const StudiesHandlers = HttpApiBuilder.group(
  Api,
  "studies",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    const status = Effect.fnUntraced(function* (uid: StudyInstanceUID) {
      const found = yield* unavailable(ledger.studyStatus(uid))
      return Option.isSome(found) ? found.value : yield* new NotFound({ error: `no study ${uid}` })
    })
    return handlers.handleAll({
      status: ({ params }) => status(params.StudyInstanceUID),
      complete: Effect.fnUntraced(function* ({ params: { StudyInstanceUID } }) {
        const { instances } = yield* status(StudyInstanceUID)
        yield* unavailable(ledger.complete(StudyInstanceUID, { kind: "explicit", instances: instances.length }))
        return yield* status(StudyInstanceUID)
      }),
    })
  }),
)
