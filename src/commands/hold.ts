// `hold`: studies that are not to be deleted, by anybody or by retention.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, explain } from "../api/client.ts"
import { StudyInstanceUID } from "../domain/uid.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

const study = Argument.String("StudyInstanceUID").pipe(Argument.withSchema(StudyInstanceUID))

const add = Command.make(
  "add",
  {
    study,
    reason: Flag.String("reason").pipe(Flag.withDescription("Why; shown to whoever may delete")),
    url,
    ...signIn,
  },
  Effect.fnUntraced(function* ({ study, reason, url, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const hold = yield* explain(url)(client.holds.put({ params: { StudyInstanceUID: study }, payload: { reason } }))
    yield* Console.log(`${hold.StudyInstanceUID} is held since ${hold.heldAt}`)
  }),
).pipe(Command.withDescription("Hold a study: nothing of it can be deleted until the hold is removed"))

const remove = Command.make(
  "remove",
  { study, url, ...signIn },
  Effect.fnUntraced(function* ({ study, url, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    yield* explain(url)(client.holds.remove({ params: { StudyInstanceUID: study } }))
    yield* Console.log(`${study} is no longer held`)
  }),
).pipe(Command.withDescription("Lift the hold of a study"))

const list = Command.make(
  "list",
  {
    limit: Flag.Int("limit").pipe(Flag.withDescription("Holds to list"), Flag.withDefault(100)),
    offset: Flag.Int("offset").pipe(Flag.withDescription("Holds to skip"), Flag.withDefault(0)),
    url,
    json,
    ...signIn,
  },
  Effect.fnUntraced(function* ({ limit, offset, url, json, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const holds = yield* explain(url)(client.holds.list({ query: { limit, offset } }))
    yield* Console.log(
      json
        ? JSON.stringify(holds, null, 2)
        : holds
            .map(
              ({ StudyInstanceUID, reason, heldAt, heldBy }) => `${StudyInstanceUID}  ${heldAt}  ${heldBy}  ${reason}`,
            )
            .join("\n") || "no study is held",
    )
  }),
).pipe(Command.withDescription("List the held studies, the oldest hold first"))

export const hold = Command.make("hold").pipe(
  Command.withDescription("Studies that nobody may delete"),
  Command.withSubcommands([add, remove, list]),
)
