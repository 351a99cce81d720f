// The index as its callers see it: idempotent adds, durable removals, search, stacks, mean.
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { SeriesInstanceUID } from "../../src/domain/uid.ts"
import { dimension, folder, inLife, removal, slice, uidOf, unit } from "./index.fixture.ts"

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

it.live("finds what was added, best first, with the place it lies at", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* index.search(unit(1), 5), [[]])
        const answers = yield* index.add(range(0, 40).map((n) => slice(n)))
        assert.deepStrictEqual(
          answers.map(({ indexedFrames }) => indexedFrames),
          range(0, 40).map(() => 1),
        )
        const queries = new Float32Array([...unit(7), ...unit(31), ...unit(500)])
        const [seven = [], thirtyOne = [], other = []] = yield* index.search(queries.subarray(0), 3)
        assert.deepStrictEqual([seven.length, thirtyOne.length, other.length], [3, 3, 3])
        assert.strictEqual(thirtyOne[0]?.SOPInstanceUID, uidOf(31))
        const { cosine = 0, ...place } = { ...seven[0] }
        assert.approximately(cosine, 1, 2e-3)
        assert.deepStrictEqual(place, {
          SeriesInstanceUID: SeriesInstanceUID.make("1.2.3.1"),
          stack: "axial",
          SOPInstanceUID: uidOf(7),
          FrameNumber: 1,
          position: 7,
        })
        const exact = range(0, 40).map((n) => unit(n).reduce((sum, x, i) => sum + x * (unit(500)[i] ?? 0), 0))
        assert.approximately(other[0]?.cosine ?? 0, Math.max(...exact), 2e-3)
        assert.isTrue(other.every(({ cosine }, i) => i === 0 || cosine <= (other[i - 1]?.cosine ?? 0)))
        // A view into a larger array counts for itself, and stays the caller's.
        assert.strictEqual((yield* index.search(queries.subarray(dimension, 2 * dimension), 1))[0]?.[0]?.position, 31)
        assert.strictEqual(queries.length, 3 * dimension)
        assert.strictEqual((yield* index.search(unit(3), 1000))[0]?.length, 40)
      }),
    )
  }),
)

it.live("refuses vectors of another length, not finite or not of unit length, and takes none of the batch", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        const wrong = [
          { vector: unit(1, dimension + 1) },
          { vector: unit(1).fill(Number.NaN, 0, 1) },
          { vector: unit(1).map((x) => x * 1.05) },
          { locals: new Int8Array(3) },
        ]
        for (const change of wrong) {
          const error = yield* Effect.flip(index.add([slice(1), { ...slice(2), ...change }]))
          assert.strictEqual(error.reason, "dimension")
        }
        assert.strictEqual((yield* Effect.flip(index.search(new Float32Array(dimension + 1), 1))).reason, "dimension")
        assert.deepInclude(yield* index.state, { sequence: 0, slices: 0, indexed: 0 })
      }),
    )
    const other = yield* Effect.flip(inLife(dir, () => Effect.void, { dimension: 16 }))
    assert.strictEqual(other.reason, "dimension")
  }),
)

it.live("counts frames per instance and takes only the newest receipt", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        const frames = (receipt: number, ...numbers: ReadonlyArray<number>) =>
          index
            .add(numbers.map((frame) => slice(1, { receipt, frame, seed: receipt * 100 + frame, z: frame })))
            .pipe(Effect.map((answers) => answers.map(({ indexedFrames }) => indexedFrames)))
        assert.deepStrictEqual(yield* frames(5, 1, 2), [2])
        assert.deepStrictEqual(yield* frames(5, 2, 3), [3])
        const before = yield* index.state
        assert.deepStrictEqual(yield* frames(4, 1, 9), [0])
        assert.strictEqual((yield* index.state).sequence, before.sequence)
        assert.deepStrictEqual(yield* frames(6, 1), [1])
        assert.deepInclude(yield* index.state, { slices: 1, indexed: 1 })
        const [found = []] = yield* index.search(unit(502), 10)
        assert.deepStrictEqual(
          found.map(({ FrameNumber }) => FrameNumber),
          [1],
        )
        assert.deepStrictEqual(yield* index.instancesAfter("", 10), [{ ...removal(1, 6), frames: 1 }])
      }),
    )
  }),
)

const isMeanOf = (mean: Float32Array, ...seeds: ReadonlyArray<number>) =>
  mean.forEach((value, i) =>
    assert.approximately(
      value,
      seeds.reduce((sum, seed) => sum + (unit(seed)[i] ?? 0) / seeds.length, 0),
      1e-6,
    ),
  )

it.live("keeps blank slices in the volume, out of search and mean", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        yield* index.add([slice(2), slice(1, { blank: true }), slice(0)])
        assert.deepInclude(yield* index.state, { slices: 3, indexed: 2 })
        const [found = []] = yield* index.search(unit(1), 10)
        assert.deepStrictEqual(found.map(({ position }) => position).toSorted(), [0, 2])
        const [stack] = yield* index.stacks(SeriesInstanceUID.make("1.2.3.1"))
        assert.deepStrictEqual(
          stack?.headers.map(({ geometry }) => geometry.blank),
          [false, true, false],
        )
        assert.deepStrictEqual(stack?.vectors.slice(dimension, 2 * dimension), unit(1))
        assert.deepStrictEqual([...new Set(stack?.locals)], [0, 1, 2])
        isMeanOf(yield* index.mean, 0, 2)
        yield* index.remove([removal(0)])
        isMeanOf(yield* index.mean, 2)
        yield* index.remove([removal(2), removal(1)])
        assert.deepStrictEqual(yield* index.mean, new Float32Array(dimension))
        assert.deepStrictEqual(yield* index.stacks(SeriesInstanceUID.make("1.2.3.1")), [])
      }),
    )
  }),
)

const gone = (index: Parameters<Parameters<typeof inLife>[1]>[0]) =>
  Effect.gen(function* () {
    assert.deepStrictEqual((yield* index.add([slice(1, { receipt: 3 })]))[0]?.indexedFrames, 0)
    assert.deepStrictEqual((yield* index.add([slice(9, { receipt: 8 })]))[0]?.indexedFrames, 0)
    const [found = []] = yield* index.search(unit(1), 10)
    assert.deepStrictEqual(
      found.map(({ position }) => position),
      [2],
    )
    assert.deepStrictEqual(yield* index.verify, { missing: 0, orphaned: 0 })
  })

it.live("stays without what was removed: late adds, rebuild and restart included", () =>
  Effect.gen(function* () {
    const dir = yield* folder
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        yield* index.add([slice(1, { receipt: 3 }), slice(2)])
        yield* index.snapshot
        const { sequence } = yield* index.state
        // Nothing of instance 9 is there yet; the slices of its deleted receipt come late.
        yield* index.remove([removal(1, 3), removal(9, 8)])
        assert.isAbove((yield* index.state).sequence, sequence)
        yield* gone(index)
        assert.deepStrictEqual(yield* index.rebuild, { slices: 1 })
        yield* gone(index)
      }),
    )
    yield* inLife(dir, gone)
    yield* inLife(dir, (index) =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* index.add([slice(9, { receipt: 9 })]))[0]?.indexedFrames, 1)
        assert.strictEqual((yield* index.search(unit(9), 1))[0]?.[0]?.SOPInstanceUID, uidOf(9))
      }),
    )
  }),
)
