// Handlers of deletions and holds.
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { noteStudies } from "../domain/access-record.ts"
import type { Hold } from "../domain/deletion.ts"
import type { StudyInstanceUID } from "../domain/uid.ts"
import type { HeldStudy } from "../ledger/holds.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { Api } from "./Api.ts"
import { deletionProof } from "./deletion-proof.ts"
import { NotFound, unavailable } from "./errors.ts"

const iso = (millis: number) => new Date(millis).toISOString()

export const DeletionsHandlers = HttpApiBuilder.group(
  Api,
  "deletions",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    return handlers.handleAll({
      list: ({ query: { limit = 100, offset = 0 } }) =>
        unavailable(ledger.deletedStudies(limit, offset)).pipe(
          Effect.map((studies) =>
            studies.map(({ firstAt, lastAt, ...study }) => ({
              ...study,
              firstDeletedAt: iso(firstAt),
              lastDeletedAt: iso(lastAt),
            })),
          ),
        ),
      get: Effect.fnUntraced(function* ({ params: { uid } }) {
        const proof = yield* unavailable(deletionProof(uid))
        return proof ?? (yield* new NotFound({ error: `nothing was deleted under ${uid}` }))
      }),
    })
  }),
)

const holdOf = ({ heldAt, ...hold }: HeldStudy): Hold => ({ ...hold, heldAt: iso(heldAt) })
const notHeld = (uid: StudyInstanceUID) => new NotFound({ error: `the study ${uid} is not held` })

export const HoldsHandlers = HttpApiBuilder.group(
  Api,
  "holds",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* Ledger
    return handlers.handleAll({
      list: ({ query: { limit = 100, offset = 0 } }) =>
        Effect.map(unavailable(ledger.holds(limit, offset)), (holds) => holds.map(holdOf)),
      get: Effect.fnUntraced(function* ({ params: { StudyInstanceUID } }) {
        const hold = yield* unavailable(ledger.hold(StudyInstanceUID))
        return hold === undefined ? yield* notHeld(StudyInstanceUID) : holdOf(hold)
      }),
      put: Effect.fnUntraced(function* ({ params: { StudyInstanceUID }, payload: { reason } }) {
        yield* noteStudies([StudyInstanceUID])
        const hold = yield* unavailable(ledger.putHold(StudyInstanceUID, reason))
        return hold === undefined ? yield* new NotFound({ error: `no study ${StudyInstanceUID}` }) : holdOf(hold)
      }),
      remove: Effect.fnUntraced(function* ({ params: { StudyInstanceUID } }) {
        yield* noteStudies([StudyInstanceUID])
        if (!(yield* unavailable(ledger.removeHold(StudyInstanceUID)))) return yield* notHeld(StudyInstanceUID)
      }),
    })
  }),
)
