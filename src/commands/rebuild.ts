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
    const client = yield* apiClient(url, signInHeaders(given))
    const { slices } = yield* explain(url)(client.operations.rebuild())
    yield* Console.log(`rebuilt from the journal: ${slices} slices`)
  }),
).pipe(Command.withDescription("Build the index anew from the journal, while searches go on"))
