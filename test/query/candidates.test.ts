// Votes per stack, the first window they make, and which series may answer.
import { assert, describe, it } from "@effect/vitest"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"
import { firstWindow, onePerSeries, tally } from "../../src/query/candidates.ts"
import { coverageOf } from "../../src/query/coverage.ts"
import { passes } from "../../src/query/filter.ts"
import type { QueryVolume } from "../../src/rerank/Reranker.ts"
import type { SeriesFacts } from "../../src/ledger/Ledger.ts"
import type { Neighbour } from "../../src/vector-index/VectorIndex.ts"

const neighbour = (series: string, position: number, cosine: number, stack = "main"): Neighbour => ({
  SeriesInstanceUID: SeriesInstanceUID.make(series),
  SOPInstanceUID: SOPInstanceUID.make(`${series}.1`),
  FrameNumber: 1,
  stack,
  position,
  cosine,
})

const query: QueryVolume = {
  dimension: 1,
  vectors: new Float32Array(3),
  boxVectors: new Float32Array(0),
  positions: Float32Array.of(100, 110, 120),
  indices: Int32Array.of(7, 8, 9),
  spacing: 10,
  extent: [0, 0],
}

describe("tally", () => {
  const found = [
    // A stack of thin slices fills the first probe's list; it still has one vote there.
    [neighbour("1.1", 0, 0.99), neighbour("1.1", 1, 0.98), neighbour("1.1", 2, 0.97), neighbour("1.2", 50, 0.9)],
    [neighbour("1.2", 60, 0.9), neighbour("1.3", 5, 0.8)],
    [neighbour("1.2", 71, 0.9), neighbour("1.3", 15, 0.8), neighbour("1.1", 90, 0.7, "other")],
  ]
  const order = (admitted: (uid: string) => boolean) =>
    tally([0, 1, 2], found, admitted).map(({ SeriesInstanceUID, stack, meetings }) => [
      SeriesInstanceUID,
      stack,
      meetings.length,
    ])

  it("counts one vote per probe, then ranks by cosine", () => {
    assert.deepStrictEqual<unknown>(
      order(() => true),
      [
        ["1.2", "main", 3],
        ["1.3", "main", 2],
        ["1.1", "main", 1],
        ["1.1", "other", 1],
      ],
    )
  })

  it("leaves out what may not answer", () => {
    assert.deepStrictEqual<unknown>(
      order((uid) => uid === "1.3"),
      [["1.3", "main", 2]],
    )
  })

  it("keeps the best stack of a series", () => {
    assert.deepStrictEqual(
      onePerSeries(tally([0, 1, 2], found, () => true)).map(({ stack }) => stack),
      ["main", "main", "main"],
    )
  })

  it("shifts the query's extent to where most slices were met", () => {
    const [best] = tally([0, 1, 2], found, () => true)
    const window = firstWindow(query, best!)
    assert.deepStrictEqual([window.low, window.high], [50, 70])
    assert.deepStrictEqual(window.meetings, [
      [7, 50, 0.9],
      [8, 60, 0.9],
    ])
  })
})

const facts = (uid: string, more: Partial<SeriesFacts> = {}): SeriesFacts => ({
  StudyInstanceUID: StudyInstanceUID.make(`${uid}.9`),
  SeriesInstanceUID: SeriesInstanceUID.make(uid),
  Modality: "CT",
  StudyDate: "20200615",
  patient: "p1",
  indexedFrames: 10,
  ...more,
})

describe("filter", () => {
  it.each([
    ["nothing asked", {}, undefined, {}, true],
    ["the same patient, by default", {}, "p1", {}, false],
    ["the same patient, asked for", { excludeSamePatient: false }, "p1", {}, true],
    ["another patient", {}, "p2", {}, true],
    ["unknown patients are not the same", {}, "", { patient: "" }, true],
    ["modality", { Modality: "CT" }, undefined, {}, true],
    ["other modality", { Modality: "MR" }, undefined, {}, false],
    ["one of several", { Modality: ["MR", "CT"] }, undefined, {}, true],
    ["first day", { StudyDate: { from: "20200615" } }, undefined, {}, true],
    ["too early", { StudyDate: { from: "20200616" } }, undefined, {}, false],
    ["last day", { StudyDate: { to: "20200615" } }, undefined, {}, true],
    ["too late", { StudyDate: { to: "20200614" } }, undefined, {}, false],
    ["no date", { StudyDate: { to: "20300101" } }, undefined, { StudyDate: "" }, false],
  ] as const)("%s", (_name, filter, patient, more, expected) => {
    assert.strictEqual(passes(filter, patient)(facts("1.1", more)), expected)
  })
})

describe("coverage", () => {
  it("says which series it could not see, and why", () => {
    const coverage = coverageOf(
      [
        facts("1.1"),
        facts("1.2", { indexedFrames: 0 }),
        facts("1.3", { indexedFrames: 0, notSearchable: "no pixels" }),
      ],
      42,
      "model",
    )
    assert.strictEqual(coverage.model, "model")
    assert.strictEqual(coverage.indexSequence, 42)
    assert.strictEqual(coverage.seriesSearched, 1)
    assert.deepStrictEqual<unknown>(
      coverage.seriesNotSearchable.map(({ SeriesInstanceUID, reason }) => [SeriesInstanceUID, reason]),
      [
        ["1.2", "not searchable yet"],
        ["1.3", "no pixels"],
      ],
    )
  })
})
