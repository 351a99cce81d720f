// Handlers of the models: which serves, which is filled beside it, comparison, change and way back.
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { presetOf } from "../embed/preset.ts"
import { type CompareOptions, Models, type ModelsError, type ModelsFailure } from "../models/Models.ts"
import type { QueryError } from "../query/RegionQuery.ts"
import { Api } from "./Api.ts"
import { BadRequest, Conflict, NotFound, unavailable } from "./errors.ts"
import { queryFailure } from "./regions.ts"

const defaults = { samples: 30, k: 10, seed: 1 } satisfies CompareOptions

const failure = ({ reason, message: error }: ModelsError) => {
  switch (reason) {
    case "unknown":
      return new NotFound({ error })
    case "refused":
      return new Conflict({ error })
    case "preset":
      return new BadRequest({ error })
  }
}

/** What the gateway itself could not do is a 503; what was asked for wrongly says so. */
const answered = <A, R>(effect: Effect.Effect<A, ModelsFailure | QueryError, R>) =>
  effect.pipe(
    Effect.catchTags({
      ModelsError: (error) => Effect.fail(failure(error)),
      QueryError: (error) => Effect.fail(queryFailure(error)),
      LedgerError: (error) => unavailable(Effect.fail(error)),
      VectorIndexError: (error) => unavailable(Effect.fail(error)),
    }),
  )

export const ModelsHandlers = HttpApiBuilder.group(
  Api,
  "models",
  Effect.fnUntraced(function* (handlers) {
    const models = yield* Models
    const { model } = yield* GatewayConfig
    const configured = presetOf(model.preset)
    const list = Effect.map(unavailable(models.status), (status) => ({
      serving: status[0]?.id ?? "",
      models: status,
      configured,
      configuredServes: status[0]?.preset === configured,
    }))
    return handlers.handleAll({
      list: () => list,
      shadow: ({ payload: { preset } }) => Effect.andThen(answered(models.shadow(preset)), list),
      compare: ({ payload }) => answered(models.compare({ ...defaults, ...payload })),
      switch: ({ payload }) => {
        const { preset, anyway = false } = payload ?? {}
        return answered(models.change(preset === undefined ? { back: false } : { preset, back: false }, anyway))
      },
      rollback: ({ payload }) => answered(models.change({ back: true }, payload?.anyway ?? false)),
      drop: ({ payload: { preset } }) => Effect.andThen(answered(models.drop(preset)), list),
    })
  }),
)
