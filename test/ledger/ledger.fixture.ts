// A ledger in memory for each test, and the way of an instance through it.
import { it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Ledger, type Progress } from "../../src/ledger/Ledger.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import type { newInstance } from "../support/instances.ts"

export const fresh = <A, E>(name: string, body: () => Effect.Effect<A, E, Ledger>) =>
  it.effect(name, () => body().pipe(Effect.provide(layerMemory)))

export const accept = Effect.fnUntraced(function* (...instances: ReadonlyArray<ReturnType<typeof newInstance>>) {
  return yield* (yield* Ledger).accept(instances)
})

export const finish = Effect.fnUntraced(function* (
  instance: ReturnType<typeof newInstance>,
  change: Partial<Progress> = {},
) {
  const ledger = yield* Ledger
  const { receipt } = Option.getOrThrow(yield* ledger.instance(instance.SOPInstanceUID))
  yield* ledger.progress([
    {
      SOPInstanceUID: instance.SOPInstanceUID,
      receipt,
      stage: "indexed",
      embeddableFrames: 1,
      indexedFrames: 1,
      ...change,
    },
  ])
})
