// States of a work item and what each request does in them, as the standard's table has it (PS3.4 §CC.1.1-2).

export const states = ["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"] as const
export type ProcedureStepState = (typeof states)[number]

export const isFinal = (state: ProcedureStepState): boolean => state === "COMPLETED" || state === "CANCELED"

/** DIMSE status codes of the UPS service (PS3.4 §CC.2): what an answer means, whatever carries it. */
export type Code =
  | "0000"
  | "0111"
  | "B304"
  | "B306"
  | "C300"
  | "C301"
  | "C302"
  | "C303"
  | "C304"
  | "C307"
  | "C310"
  | "C311"
  | "C313"

type Row = Readonly<Record<"none" | ProcedureStepState, Code>>

const row = (none: Code, scheduled: Code, inProgress: Code, completed: Code, canceled: Code): Row => ({
  none,
  SCHEDULED: scheduled,
  "IN PROGRESS": inProgress,
  COMPLETED: completed,
  CANCELED: canceled,
})

/**
 * "0000" goes ahead. `right`: with the Transaction UID that holds the item; for a claim any that could hold it.
 * `final` rows go ahead only when the final state requirements are met, else C304.
 */
export const transitions = {
  create: row("0000", "0111", "0111", "0111", "0111"),
  schedule: row("C307", "C303", "C303", "C303", "C303"),
  claim: {
    right: row("C307", "0000", "C302", "C300", "C300"),
    wrong: row("C307", "C301", "C301", "C301", "C301"),
  },
  complete: {
    right: row("C307", "C310", "0000", "B306", "C300"),
    wrong: row("C307", "C301", "C301", "C301", "C301"),
  },
  cancel: {
    right: row("C307", "C310", "0000", "C300", "B304"),
    wrong: row("C307", "C301", "C301", "C301", "C301"),
  },
  requestCancel: row("C307", "0000", "0000", "C311", "B304"),
  /** N-SET (PS3.4 §CC.2.6.3); `unlocked`: without a Transaction UID. */
  update: {
    unlocked: row("C307", "0000", "C301", "C300", "C300"),
    right: row("C307", "C310", "0000", "C300", "C300"),
    wrong: row("C307", "C310", "C301", "C300", "C300"),
  },
} as const

const targets = {
  SCHEDULED: "schedule",
  "IN PROGRESS": "claim",
  COMPLETED: "complete",
  CANCELED: "cancel",
} as const satisfies Record<ProcedureStepState, keyof typeof transitions>

export interface Held {
  readonly state: ProcedureStepState
  /** Transaction UID of the performer; none before a claim, and when the gateway canceled it by itself. */
  readonly lock: string | undefined
}

/** What asking for a state means, before the final state requirements are looked at. */
export const changeCode = (held: Held | undefined, target: ProcedureStepState, transactionUID: string): Code => {
  const event = transitions[targets[target]]
  const state = held?.state ?? "none"
  if ("none" in event) return event[state]
  const right =
    target === "IN PROGRESS" || held?.state === "SCHEDULED"
      ? transactionUID !== ""
      : held?.lock === undefined || held.lock === transactionUID
  return event[right ? "right" : "wrong"][state]
}

export const updateCode = (held: Held | undefined, transactionUID: string): Code => {
  const state = held?.state ?? "none"
  if (transactionUID === "") return transitions.update.unlocked[state]
  return transitions.update[held?.lock === transactionUID ? "right" : "wrong"][state]
}
