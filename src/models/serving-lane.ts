// The index and the search of whichever model serves, for rooms that need not know that there may be two.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { RegionQuery } from "../query/RegionQuery.ts"
import { VectorIndex } from "../vector-index/VectorIndex.ts"
import { Models } from "./Models.ts"

/** Reads and changes of the serving model's index; what is removed goes from every model's. */
const index = Layer.effect(
  VectorIndex,
  Effect.map(Models, ({ lanes }) => {
    const one = <A, E>(use: (index: VectorIndex["Service"]) => Effect.Effect<A, E>) =>
      Effect.flatMap(lanes, ([serving]) => use(serving!.index))
    const each = <A, E>(use: (index: VectorIndex["Service"]) => Effect.Effect<A, E>) =>
      Effect.flatMap(lanes, (all) => Effect.forEach(all, (lane) => use(lane.index)))
    return VectorIndex.of({
      add: (slices) => one((index) => index.add(slices)),
      remove: (instances) => Effect.asVoid(each((index) => index.remove(instances))),
      buriedUpTo: Effect.map(
        each((index) => index.buriedUpTo),
        (known) => Math.min(...known),
      ),
      buried: (upTo) => Effect.asVoid(each((index) => index.buried(upTo))),
      traces: (instances) =>
        Effect.map(
          each((index) => index.traces(instances)),
          (left) => ({
            slices: left.reduce((sum, { slices }) => sum + slices, 0),
            indexed: left.reduce((sum, { indexed }) => sum + indexed, 0),
            snapshots: left.reduce((sum, { snapshots }) => sum + snapshots, 0),
            logged: left.some(({ logged }) => logged),
          }),
        ),
      search: (vectors, k) => one((index) => index.search(vectors, k)),
      stacks: (series) => one((index) => index.stacks(series)),
      state: one((index) => index.state),
      mean: one((index) => index.mean),
      rebuild: one((index) => index.rebuild),
      rebuilding: one((index) => index.rebuilding),
      held: (instances) => one((index) => index.held(instances)),
      series: one((index) => index.series),
      snapshot: one((index) => index.snapshot),
      verify: one((index) => index.verify),
      instancesAfter: (uid, limit) => one((index) => index.instancesAfter(uid, limit)),
    })
  }),
)

/** A search ends with the model it began with. */
const query = Layer.effect(
  RegionQuery,
  Effect.map(Models, ({ serving }) =>
    RegionQuery.of({
      resolve: (request) => Effect.scoped(Effect.flatMap(serving, ({ query }) => query.resolve(request))),
      resolveVolume: (stacks, region) =>
        Effect.scoped(Effect.flatMap(serving, ({ query }) => query.resolveVolume(stacks, region))),
      search: (request) => Stream.unwrap(Effect.map(serving, ({ query }) => query.search(request))),
      searchVolume: (volume, options) =>
        Stream.unwrap(Effect.map(serving, ({ query }) => query.searchVolume(volume, options))),
      matchStudy: (...asked) => Effect.scoped(Effect.flatMap(serving, ({ query }) => query.matchStudy(...asked))),
    }),
  ),
)

export const layer = Layer.mergeAll(index, query)
