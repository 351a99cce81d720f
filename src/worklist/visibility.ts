// Which work items a caller may see: those that its own origins made, and those about studies it may see.
import type { Caller } from "../domain/caller.ts"
import type { Condition } from "../ledger/matching.ts"

/** Origin of a study that the gateway no longer holds, or never did: no restricted caller has it. */
export const unknownOrigin = "\u0000"

/** The view of whoever may see all studies. */
export const everything = "*"

/** A caller's view as a key: callers with the same view share AE titles, others never meet. */
export const viewOf = ({ origins }: Caller): string =>
  origins === "all" ? everything : JSON.stringify([...origins].sort())

/** SQL over the table workitem. */
export const visibleTo = (view: string): Condition => {
  if (view === everything) return { sql: "1", values: [] }
  const origins = JSON.parse(view) as ReadonlyArray<string>
  const marks = origins.map(() => "?").join(", ")
  return {
    sql: `(workitem.origin IN (${marks}) OR workitem.studyOrigin IN (${marks}))
      AND (workitem.alsoOrigin IS NULL OR workitem.alsoOrigin IN (${marks}))`,
    values: [...origins, ...origins, ...origins],
  }
}
