// Both layouts of labelled volumes, and what their labels say.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { coarseName, readCollection } from "../../src/benchmark/collection.ts"
import { labelledRegions, regionWords, verdict } from "../../src/benchmark/eligible.ts"
import { readTruth } from "../../src/benchmark/truth.ts"
import { asEntries, asTotalSegmentator, organPlanes, planes } from "./volumes.fixture.ts"

const folder = mkdtempSync(join(tmpdir(), "collection-"))
afterAll(() => rmSync(folder, { recursive: true }))

describe("collection", () => {
  it("has coarse names without side, level and part", () => {
    assert.deepStrictEqual(
      ["rib_left_5", "lung_upper_lobe_left", "vertebrae_T12", "kidney_right", "heart_atrium_left", "aorta"].map(
        coarseName,
      ),
      ["rib", "lung", "vertebrae", "kidney", "heart", "aorta"],
    )
  })

  it.effect("reads TotalSegmentator's layout with its split", () =>
    Effect.gen(function* () {
      const dir = join(folder, "totalsegmentator")
      asTotalSegmentator(dir, 3)
      const volumes = yield* readCollection(dir)
      assert.deepStrictEqual(
        volumes.map(({ name, split }) => [name, split]),
        [
          ["s0", "train"],
          ["s1", "test"],
          ["s2", "test"],
        ],
      )
      const truth = yield* readTruth(volumes[0]!)
      // The empty mask of the spleen is no structure.
      assert.deepStrictEqual(truth.fine.map(({ name }) => name).toSorted(), ["liver", "lung_upper_lobe_left"])
      assert.deepStrictEqual(truth.coarse.map(({ name }) => name).toSorted(), ["liver", "lung"])
      const known = { volume: volumes[0]!, truth }
      assert.strictEqual(verdict(known, "coarse", "spleen", new Map()), "lacks")
    }).pipe(Effect.provide(NodeServices.layer)),
  )

  it.effect("reads image, labels and entry.json; a missing label is not absence", () =>
    Effect.gen(function* () {
      const dir = join(folder, "entries")
      asEntries(dir, 2)
      const volumes = yield* readCollection(dir)
      const known = yield* Effect.forEach(volumes, (volume) =>
        Effect.map(readTruth(volume), (truth) => ({ volume, truth })),
      )
      const labelled = labelledRegions(known, "coarse")
      assert.strictEqual(verdict(known[0]!, "coarse", "lung", labelled), "shows")
      assert.strictEqual(verdict(known[1]!, "coarse", "lung", labelled), "unknown")
      assert.strictEqual(verdict(known[1]!, "coarse", "brain", labelled), "lacks")

      const liver = known[0]!.truth.coarse.find(({ name }) => name === "liver")!
      const [first, last] = organPlanes(0).liver
      assert.deepStrictEqual(
        [...liver.planes.keys()],
        Array.from({ length: last - first + 1 }, (_, n) => first + n),
      )
      // 14 columns of 4 mm; 6 planes of 6 mm, from half a plane below the first on.
      assert.deepStrictEqual(liver.box.min[2], -60 + first * 6 - 3)
      assert.deepStrictEqual(liver.box.max[2], -60 + last * 6 + 3)
      assert.approximately(liver.box.max[0] - liver.box.min[0], 14 * 4, 1e-9)
      assert.lengthOf(known[0]!.truth.SOPInstanceUID, planes)
    }).pipe(Effect.provide(NodeServices.layer)),
  )

  it.effect("says what a folder lacks", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(readCollection(join(folder, "totalsegmentator", "s0")))
      assert.include(error.message, "holds neither")
    }).pipe(Effect.provide(NodeServices.layer)),
  )

  it("takes neighbouring parts of the trunk for one", () => {
    assert.deepStrictEqual([...regionWords("abdomen+pelvis")], ["torso"])
    assert.deepStrictEqual([...regionWords("head+neck")], ["head", "neck"])
    assert.deepStrictEqual([...regionWords("brain (skull-stripped)")], ["brain"])
    assert.deepStrictEqual([...regionWords(undefined)], [])
  })
})
