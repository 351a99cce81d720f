// Who asks: what they may do, and whose studies they may see. Set by the access middleware for each request; the
// gateway's own streams run as `internal`.
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"

/** What a caller may be allowed to do; also the scopes of a token, as `gateway.read` and so on. */
export const Action = Schema.Literals([
  /** QIDO-RS, WADO-RS, a study's status. */
  "read",
  /** STOW-RS, and saying that a study is complete. */
  "store",
  "delete",
  /** Region search. */
  "search",
  /** Alerts and standing regions. */
  "alerts",
  /** UPS-RS. */
  "worklist",
  /** Status, metrics, set-aside items, verify, rebuild: of the whole gateway, so never of a caller with origins. */
  "operate",
])
export type Action = typeof Action.Type

/** Where a study came from: the name that its sender's key or token gives it. Empty where senders have none. */
export type Origin = string

export interface Caller {
  /** For the audit log; no secret. */
  readonly name: string
  /** How they showed who they are: an issuer may give somebody the name of a key. Left out where nothing was shown. */
  readonly by?: "key" | "certificate" | "token"
  readonly actions: ReadonlySet<Action>
  /** Origins whose studies the caller may see, change and delete. */
  readonly origins: "all" | ReadonlySet<Origin>
  /** Origin of the studies that the caller begins. */
  readonly origin: Origin
  /** Seconds since 1970 at which the sign-in ends; left out where it does not. */
  readonly until?: number
}

export const allActions: ReadonlySet<Action> = new Set(Action.literals)

export const internal: Caller = { name: "gateway", actions: allActions, origins: "all", origin: "" }

/** Among whom the gateway shares what is scarce: who is signed in by name, everybody else by address. */
export const CurrentSender = Context.Reference<string>("gateway/domain/CurrentSender", { defaultValue: () => "" })

/** The ledger answers only what this caller may see: a room that reads through it cannot forget to ask. */
export const CurrentCaller = Context.Reference<Caller>("gateway/domain/CurrentCaller", { defaultValue: () => internal })
