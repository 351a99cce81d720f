// How far a model is: what it has, what it lacks, and for how long still.
import * as Effect from "effect/Effect"
import type { ModelStatus } from "../domain/model.ts"
import { Ledger } from "../ledger/Ledger.ts"
import { type ModelRecord, ModelRecords } from "../ledger/model-records.ts"
import { without } from "./exemplars.ts"
import type { Lane } from "./Lane.ts"

/** So few instances are caught up with while indexing waits for a switch. */
const few = 200
const shownFailures = 20

/** Instances looked at and the time it took, of each model since this process started. */
export const makePace = () => {
  const seen = new Map<string, { readonly instances: number; readonly milliseconds: number }>()
  return {
    note: (id: string, instances: number, milliseconds: number) => {
      if (instances === 0) return
      const before = seen.get(id) ?? { instances: 0, milliseconds: 0 }
      seen.set(id, {
        instances: before.instances + instances,
        milliseconds: before.milliseconds + milliseconds,
      })
    },
    perSecond: (id: string) => {
      const { instances, milliseconds } = seen.get(id) ?? { instances: 0, milliseconds: 0 }
      return milliseconds > 0 ? (instances * 1000) / milliseconds : 0
    },
  }
}
export type Pace = ReturnType<typeof makePace>

/** What is searchable with the serving model and not in this one's index. */
export const lacks = Effect.fnUntraced(function* ({ model, index, preset }: Lane) {
  const records = yield* ModelRecords
  const { waiting, failed, walked } = yield* records.backlog(model.id)
  const of = (yield* (yield* Ledger).totals).slices.indexed
  const held = (yield* index.state).slices
  const complete = walked && waiting === 0 && failed === 0
  const slices = complete ? 0 : Math.max(0, of - held)
  const [first] = failed === 0 ? [] : yield* records.failures(model.id, 1)
  const why =
    failed > 0 && walked && waiting === 0
      ? `${failed} instances could not be embedded with ${preset} (the first: ${first?.reason ?? ""}); try them again with \`model shadow\`, or leave ${slices} slices unsearchable with --anyway`
      : `${preset} has ${held} of ${of} slices; wait until \`model list\` says complete, or leave the others unsearchable until then with --anyway`
  return { complete, nearly: walked && waiting <= few && failed === 0, slices, why }
})

export const statusOf = Effect.fnUntraced(function* (lane: Lane, list: ReadonlyArray<ModelRecord>, pace: Pace) {
  const records = yield* ModelRecords
  const { model, index, preset, problem } = lane
  const record = list.find(({ id }) => id === model.id)
  const { waiting, failed, walked } = yield* records.backlog(model.id)
  const totals = yield* (yield* Ledger).totals
  const { slices } = yield* index.state
  const of = totals.slices.indexed
  const complete = walked && waiting + failed === 0
  const rate = pace.perSecond(model.id)
  // Frames an instance, as the archive has them on average.
  const instances = of === 0 ? 0 : ((of - slices) / of) * totals.instances
  const failures = failed === 0 ? [] : yield* records.failures(model.id, shownFailures)
  return {
    id: model.id,
    preset,
    role: record?.role === "serving" ? "serving" : record?.served === true ? "standby" : "shadow",
    since: new Date(record?.since ?? 0).toISOString(),
    dimension: model.dimension,
    gridSize: model.gridSize,
    slices: { held: slices, of },
    complete,
    ...(complete || rate === 0 ? {} : { secondsLeft: Math.max(0, Math.round(Math.max(instances, waiting) / rate)) }),
    failed,
    failures: failures.map(({ SOPInstanceUID, reason }) => ({ SOPInstanceUID, reason })),
    ...(problem === undefined ? {} : { problem }),
    standingRegionsWithout: (yield* without(lane)).map(({ id }) => id),
  } satisfies ModelStatus
})
