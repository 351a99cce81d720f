// The short form of the fault suite: each kind of kill once, with a fixed seed. The long form is `npm run test:faults`.
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { campaign } from "./campaign.ts"
import { someKills } from "./kills.ts"

const seed = 20261124

it.live(
  "keeps every promise over kills of gateway, broker and threads",
  () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const say = (line: string) => void said.push(line)
      const outcomes = yield* Effect.promise(() => campaign([someKills], { seed, kills: 5, lanes: 1, say }))
      yield* Effect.logInfo(`fault suite, short form, seed ${seed}`)
      assert.deepStrictEqual(
        outcomes.flatMap(({ violations }) => violations),
        [],
        said.join("\n"),
      )
      assert.isAbove(outcomes[1]?.counts.answered ?? 0, 60)
      assert.isAtLeast(Object.keys(outcomes[1]?.broken ?? {}).length, 4, said.join("\n"))
    }),
  300_000,
)
