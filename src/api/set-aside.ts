// Handlers of the set-aside group: what the stages gave up, and another try for it.
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { Ledger, type SetAsideFilter } from "../ledger/Ledger.ts"
import { Api } from "./Api.ts"
import { NotFound, unavailable } from "./errors.ts"

const pageSize = 1000

export const SetAsideHandlers = HttpApiBuilder.group(
  Api,
  "setAside",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    /** A commit for each thousand, in the order of their receipts: what is given up again meanwhile is not taken twice. */
    const requeue = Effect.fnUntraced(function* (filter: SetAsideFilter) {
      let [requeued, after] = [0, 0]
      for (;;) {
        const receipts = yield* ledger.requeueSetAside(filter, after, pageSize)
        requeued += receipts.length
        if (receipts.length < pageSize) return { requeued }
        after = receipts.at(-1)!
      }
    })
    return handlers.handleAll({
      list: ({ query: { after = 0, limit = pageSize, ...filter } }) =>
        unavailable(ledger.setAsideList(filter, after, limit)),
      show: Effect.fnUntraced(function* ({ params: { SOPInstanceUID } }) {
        const [item] = yield* unavailable(ledger.setAsideList({ SOPInstanceUIDs: [SOPInstanceUID] }, 0, 1))
        return item ?? (yield* new NotFound({ error: `instance ${SOPInstanceUID} is not set aside` }))
      }),
      requeue: ({ payload }) => {
        const { SOPInstanceUID, ...filter } = payload ?? {}
        const uids = typeof SOPInstanceUID === "string" ? [SOPInstanceUID] : SOPInstanceUID
        return unavailable(requeue(uids === undefined ? filter : { ...filter, SOPInstanceUIDs: uids }))
      },
    })
  }),
)
