// `set-aside`: lists what a stage gave up, and puts it back on the way.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, explain } from "../api/client.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

export const setAside = Command.make(
  "set-aside",
  {
    url,
    json,
    ...signIn,
    requeue: Flag.Boolean("requeue").pipe(
      Flag.withDescription("Put all of it back on the way"),
      Flag.withDefault(false),
    ),
  },
  Effect.fnUntraced(function* ({ url, json, requeue, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const items = yield* explain(url)(client.operations.setAside())
    yield* Console.log(
      json
        ? JSON.stringify(items, null, 2)
        : items.map(({ SOPInstanceUID, reason }) => `${SOPInstanceUID}  ${reason}`).join("\n") ||
            "nothing is set aside",
    )
    if (requeue) {
      const { requeued } = yield* explain(url)(client.operations.requeue({ payload: {} }))
      yield* Console.log(`requeued ${requeued}`)
    }
  }),
).pipe(Command.withDescription("List the instances a stage gave up, with reasons; --requeue tries them again"))
