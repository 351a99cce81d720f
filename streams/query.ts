// Region queries over NATS: the same request, steps and rights as POST /api/regions/search, streamed to the reply inbox.
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AuditLog } from "../src/access/AuditLog.ts"
import { queryAccess } from "../src/access/routes.ts"
import { SignIn } from "../src/access/SignIn.ts"
import { type AccessRecord, CurrentAccess } from "../src/domain/access-record.ts"
import { type Caller, CurrentCaller } from "../src/domain/caller.ts"
import { RegionSearch } from "../src/domain/region.ts"
import { subjects } from "../src/events/events.ts"
import { Nats } from "../src/events/Nats.ts"
import type { Asked } from "../src/events/request.ts"
import { RegionQuery } from "../src/query/RegionQuery.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(RegionSearch), { onExcessProperty: "error" })

/** For the asker: not allowed to search. */
class NotAllowed extends Schema.TaggedError<NotAllowed>()("NotAllowed", { message: Schema.String }) {}

/** Needs Nats, RegionQuery, SignIn and AuditLog. */
export const query = Effect.gen(function* () {
  const nats = yield* Nats
  const regions = yield* RegionQuery
  const signIn = yield* SignIn
  const audit = yield* AuditLog

  const allowed = Effect.fnUntraced(function* ({ header }: Asked) {
    const shown = { authorization: header("authorization"), "x-api-key": header("x-api-key") }
    const caller = yield* signIn.caller({ headers: shown })
    const { needs } = queryAccess
    return caller.actions.has(needs) ? caller : yield* new NotAllowed({ message: `this needs the right to ${needs}` })
  })

  const answer = (asked: Asked) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const record: AccessRecord = { studies: new Set() }
        const written = (status: number, signedIn?: Caller) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) =>
            audit.record({
              ...queryAccess,
              at,
              status,
              user: signedIn?.name,
              by: signedIn?.by,
              method: "NATS",
              route: queryAccess.path,
              studies: [...record.studies],
            }),
          )
        const caller = yield* allowed(asked).pipe(Effect.tapError(() => written(403)))
        return Stream.unwrap(Effect.map(decode(new TextDecoder().decode(asked.payload)), regions.search)).pipe(
          Stream.onExit((exit) => written(Exit.isSuccess(exit) ? 200 : 400, caller)),
          Stream.provideService(CurrentCaller, caller),
          Stream.provideService(CurrentAccess, record),
        )
      }),
    )

  yield* nats.respond(subjects.queryRegion, (asked) =>
    answer(asked).pipe(
      Stream.map(({ _tag, answer }) => ({ type: _tag === "Candidates" ? "candidates" : "hits", ...answer })),
      Stream.map((step) => new TextEncoder().encode(JSON.stringify(step))),
    ),
  )
})
