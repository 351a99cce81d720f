// What the gateway has promised: each sender writes down what it was answered, and nothing else is held against the gateway.
import type { Study } from "./instances.ts"

export type Violation = {
  readonly kind: "lost" | "altered" | "doubled" | "resurrected" | "refused" | "stuck" | "inconsistent" | "different"
  readonly detail: string
}

interface Promised {
  readonly study: Study
  readonly slice: number
  readonly generation: number
}

export interface Counts {
  answered: number
  resent: number
  deleted: number
  unanswered: number
}

export const makePromises = () => {
  const stored = new Map<string, Promised>()
  const deleted = new Set<string>()
  const violations: Array<Violation> = []
  const counts: Counts = { answered: 0, resent: 0, deleted: 0, unanswered: 0 }
  return {
    violations,
    counts,
    /** Instances that must be there, by SOP Instance UID. */
    stored: stored as ReadonlyMap<string, Promised>,
    /** Instances that must not be there. */
    deleted: deleted as ReadonlySet<string>,
    violate: (kind: Violation["kind"], detail: string) => {
      violations.push({ kind, detail })
    },
    store: (study: Study, slice: number, generation: number) => {
      const uid = study.SOPInstanceUIDs[slice]!
      counts.answered++
      if (deleted.delete(uid)) counts.resent++
      stored.set(uid, { study, slice, generation })
    },
    remove: (uid: string) => {
      if (!stored.delete(uid)) return
      counts.deleted++
      deleted.add(uid)
    },
    unanswered: () => {
      counts.unanswered++
    },
  }
}
export type Promises = ReturnType<typeof makePromises>
