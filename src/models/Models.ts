// The models with vectors of their own: one serves, at most one other is filled beside it; change and way back.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ModelComparison, ModelStatus, ModelSwitch } from "../domain/model.ts"
import type { LedgerError } from "../ledger/Ledger.ts"
import type { QueryError, RegionQuery } from "../query/RegionQuery.ts"
import type { VectorIndexError } from "../vector-index/VectorIndex.ts"
import type { Embedding, Lane } from "./Lane.ts"

export class ModelsError extends Schema.TaggedError<ModelsError>()("ModelsError", {
  /** `unknown`: no such model; `refused`: not in this state; `preset`: it does not do what it says. */
  reason: Schema.Literals(["unknown", "refused", "preset"]),
  /** For people. */
  message: Schema.String,
}) {}

export interface Serving extends Embedding {
  readonly query: RegionQuery["Service"]
}

export interface CompareOptions {
  /** Regions that are sampled. */
  readonly samples: number
  readonly k: number
  /** The same seed samples the same regions of the same archive. */
  readonly seed: number
}

export type ModelsFailure = ModelsError | LedgerError | VectorIndexError

export class Models extends Context.Service<
  Models,
  {
    /** The lane that serves now; it stays open until the scope ends, whatever is switched meanwhile. */
    readonly serving: Effect.Effect<Serving, never, Scope.Scope>
    /** All of them, the one that serves first: what is deleted must go from each. */
    readonly lanes: Effect.Effect<ReadonlyArray<Lane>>
    /** Runs with the model that serves; no switch happens before it ends. */
    readonly whileServing: <A, E, R>(use: (lane: Serving) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    readonly status: Effect.Effect<ReadonlyArray<ModelStatus>, LedgerError | VectorIndexError>
    /** Embeds some of what a model lacks; answers how many instances were looked at, 0 when nothing is left to do. */
    readonly fill: Effect.Effect<number, LedgerError | VectorIndexError>
    /** Begins (or tries again) to fill the index of a model beside the one that serves. */
    readonly shadow: (preset: string) => Effect.Effect<void, ModelsFailure>
    readonly compare: (options: CompareOptions) => Effect.Effect<ModelComparison, ModelsFailure | QueryError>
    /** The other model serves from now on, the one before stays beside it. `anyway`: also while it lacks something. */
    readonly change: (
      to: { readonly preset?: string; readonly back: boolean },
      anyway: boolean,
    ) => Effect.Effect<ModelSwitch, ModelsFailure>
    /** The model's vectors are removed; not of the one that serves. */
    readonly drop: (preset: string) => Effect.Effect<void, ModelsFailure>
  }
>()("gateway/models/Models") {}
