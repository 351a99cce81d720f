// `rebuild`: builds the index anew from the journal while the gateway serves.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { apiClient, explain } from "../api/client.ts"
import { signIn, signInHeaders, url } from "./flags.ts"

export const rebuild = Command.make(
  "rebuild",
  { url, ...signIn },
  Effect.fnUntraced(function* ({ url, ...given }) {
    const { operations } = yield* apiClient(url, signInHeaders(given))
    const watched = operations.rebuilding().pipe(
      Effect.tap(({ running, slices, of }) =>
        running ? Console.error(`${slices} of ${of} slices are in the new index`) : Effect.void,
      ),
      Effect.delay("2 seconds"),
      Effect.repeat({ while: ({ running }) => running }),
    )
    // An archive takes longer than a client waits for an answer: the gateway goes on, and says when it is done.
    const asked = operations
      .rebuild()
      .pipe(
        Effect.catch((error) =>
          Effect.flatMap(operations.rebuilding(), ({ running }) => (running ? watched : Effect.fail(error))),
        ),
      )
    const { slices } = yield* explain(url)(
      Effect.raceFirst(asked, Effect.andThen(Effect.ignore(watched), Effect.never)),
    )
    yield* Console.log(`rebuilt from the journal: ${slices} slices`)
  }),
).pipe(Command.withDescription("Build the index anew from the journal, while searches go on"))
