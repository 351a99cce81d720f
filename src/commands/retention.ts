// `retention`: what the rule would delete next. It never deletes: the running gateway does.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { apiClient, explain } from "../api/client.ts"
import { json, signIn, signInHeaders, url } from "./flags.ts"

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`

export const retention = Command.make(
  "retention",
  {
    maxAgeDays: Flag.Int("max-age-days").pipe(
      Flag.withDescription("Try another age than the configured one"),
      Flag.optional,
    ),
    ageFrom: Flag.Literals("age-from", ["arrival", "study-date"]).pipe(
      Flag.withDescription("Try another start of the age"),
      Flag.optional,
    ),
    url,
    json,
    ...signIn,
  },
  Effect.fnUntraced(function* ({ maxAgeDays, ageFrom, url, json, ...given }) {
    const client = yield* apiClient(url, signInHeaders(given))
    const query = {
      ...(Option.isSome(maxAgeDays) ? { maxAgeDays: maxAgeDays.value } : {}),
      ...(Option.isSome(ageFrom) ? { ageFrom: ageFrom.value } : {}),
    }
    const plan = yield* explain(url)(client.retention.plan({ query }))
    if (json) return yield* Console.log(JSON.stringify(plan, null, 2))
    const { rule, freeBytes, next } = plan
    const age = rule.maxAgeDays === 0 ? "no age" : `older than ${rule.maxAgeDays} days by ${rule.ageFrom}`
    const disk =
      rule.belowFreeBytes === 0
        ? "no disk mark"
        : `below ${megabytes(rule.belowFreeBytes)} free until ${megabytes(rule.untilFreeBytes)}`
    yield* Console.log(
      [
        `retention is ${plan.enabled ? "on" : "off"}; ${age}, ${disk}; ${megabytes(freeBytes)} free now`,
        ...next.map(
          ({ StudyInstanceUID, why, since, instances, bytes }) =>
            `${why.padEnd(4)}  ${since.slice(0, 10)}  ${StudyInstanceUID}  ${instances} instances, ${megabytes(bytes)}`,
        ),
        next.length === 0 ? "nothing would be deleted now" : `${next.length} studies would be deleted now`,
      ].join("\n"),
    )
  }),
).pipe(Command.withDescription("Show which studies the retention rule would delete next, and why; deletes nothing"))
