// Searches are bounded: one too many is refused, and a place is free again when a search ends or its caller goes.
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Decoder } from "../../src/decode/Decoder.ts"
import { Blobs } from "../../src/ledger/Blobs.ts"
import { Ledger } from "../../src/ledger/Ledger.ts"
import * as Queries from "../../src/query/query-layer.ts"
import { queryVolumeOf } from "../../src/query/query-volume.ts"
import { CurrentSender } from "../../src/domain/caller.ts"
import { RegionQuery } from "../../src/query/RegionQuery.ts"
import { Reranker } from "../../src/rerank/Reranker.ts"
import { VectorIndex } from "../../src/vector-index/VectorIndex.ts"
import { stackOf } from "./stacks.fixture.ts"

const Stuck = Queries.layer({ candidates: 5, model: "model" }).pipe(
  Layer.provide(
    Layer.mergeAll(
      Layer.mock(Ledger, { seriesFacts: Effect.succeed([]) }),
      Layer.mock(Blobs, { path: (digest) => digest }),
      Layer.mock(Decoder, {}),
      Layer.mock(VectorIndex, {
        state: Effect.succeed({ sequence: 1, slices: 1, indexed: 1, bytes: 1 }),
        search: () => Effect.succeed([[]]),
        mean: Effect.succeed(new Float32Array(2)),
      }),
      Layer.mock(Reranker, {
        stacks: () => Effect.succeed([]),
        outline: () => Effect.succeed([]),
        rerank: () => Effect.never,
      }),
    ),
  ),
)

it.effect("refuses one search too many, until another ends", () =>
  Effect.gen(function* () {
    const service = yield* RegionQuery
    const query = queryVolumeOf({ stack: stackOf({ slices: 1 }), slices: [{ index: 0 }] })!
    const options = { k: 1, filter: {} }
    const of = (sender: string) => Effect.provideService(CurrentSender, sender)
    // One sender gets three quarters of the places; then there is still one for each of the others.
    const running = yield* Effect.forEach(Array.from({ length: Queries.maxSearches }), (_, n) =>
      Effect.forkChild(
        Stream.runDrain(service.searchVolume(query, options)).pipe(of(n < 48 ? "greedy" : `other ${n}`)),
        {
          startImmediately: true,
        },
      ),
    )
    assert.isTrue(running.every((search) => search.pollUnsafe() === undefined))
    const refused = yield* Effect.flip(Stream.runDrain(service.searchVolume(query, options)))
    assert.strictEqual(refused.reason, "unavailable")
    yield* Fiber.interrupt(running[0]!)
    const [first] = yield* Stream.runCollect(Stream.take(service.searchVolume(query, options), 1))
    assert.strictEqual(first?._tag, "Candidates")
    yield* Fiber.interruptAll(running)
  }).pipe(Effect.provide(Stuck)),
)
