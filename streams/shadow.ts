// What a model beside the serving one (or just switched to) lacks → embedded and in its index, a few at a time.
import * as Effect from "effect/Effect"
import { Models } from "../src/models/Models.ts"
import { ReceivingFirst } from "./receiving-first.ts"

/** Nothing to do: looked at again after this. */
const pause = "500 millis"

export const shadow = Effect.gen(function* () {
  const { fill } = yield* Models
  const { turn } = yield* ReceivingFirst
  const step = Effect.andThen(turn, fill)
  return yield* step.pipe(
    Effect.flatMap((looked) => (looked === 0 ? Effect.sleep(pause) : Effect.void)),
    Effect.forever,
  )
})
