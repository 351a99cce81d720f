// What the configuration grants, as callers.
import type { Action, Caller } from "../domain/caller.ts"

interface Grant {
  readonly name: string
  readonly actions: ReadonlyArray<Action>
  readonly origins?: "all" | ReadonlyArray<string>
  readonly origin?: string
}

/** Of the whole gateway: whoever may not see all of it does not get it. */
const ofTheWhole: ReadonlyArray<Action> = ["operate"]
/** What begins a study or a work item; done by a caller of no origin it would be another's who has that name. */
const ofAnOrigin: ReadonlyArray<Action> = ["store", "worklist"]

const withheld = (origins: NonNullable<Grant["origins"]>): ReadonlyArray<Action> =>
  origins === "all" ? [] : origins.length > 0 ? ofTheWhole : [...ofTheWhole, ...ofAnOrigin]

export const callerOf = ({ name, actions, origins = "all", origin }: Grant, by: NonNullable<Caller["by"]>): Caller => ({
  name,
  by,
  actions: new Set(actions.filter((action) => !withheld(origins).includes(action))),
  origins: origins === "all" ? "all" : new Set(origins),
  origin: origin ?? (origins === "all" ? name : (origins[0] ?? "")),
})
