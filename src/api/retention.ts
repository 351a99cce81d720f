// Handler of the retention plan: what would be deleted next; nothing is.
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { noteStudies } from "../domain/access-record.ts"
import { doomed, isEnabled } from "../deletion/retention.ts"
import { Api } from "./Api.ts"
import { unavailable } from "./errors.ts"

export const RetentionHandlers = HttpApiBuilder.group(
  Api,
  "retention",
  Effect.fnUntraced(function* (handlers) {
    const { retention } = yield* GatewayConfig
    return handlers.handleAll({
      plan: Effect.fnUntraced(function* ({ query }) {
        const rule = { ...retention, ...query }
        const { freeBytes, studies } = yield* unavailable(doomed(rule))
        yield* noteStudies(studies.map(({ StudyInstanceUID }) => StudyInstanceUID))
        const { maxAgeDays, ageFrom, belowFreeBytes, untilFreeBytes } = rule
        return {
          enabled: isEnabled(retention),
          rule: { maxAgeDays, ageFrom, belowFreeBytes, untilFreeBytes },
          freeBytes,
          next: studies.map(({ since, ...study }) => ({ ...study, since: new Date(since).toISOString() })),
        }
      }),
    })
  }),
)
