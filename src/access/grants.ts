// What the configuration grants, as callers.
import type { Action, Caller } from "../domain/caller.ts"

interface Grant {
  readonly name: string
  readonly actions: ReadonlyArray<Action>
  readonly origins?: "all" | ReadonlyArray<string>
  readonly origin?: string
}

/** `operate` is of the whole gateway: whoever may not see all of it does not get it. */
export const callerOf = ({ name, actions, origins = "all", origin }: Grant): Caller => ({
  name,
  actions: new Set(origins === "all" ? actions : actions.filter((action) => action !== "operate")),
  origins: origins === "all" ? "all" : new Set(origins),
  origin: origin ?? (origins === "all" ? name : (origins[0] ?? name)),
})
