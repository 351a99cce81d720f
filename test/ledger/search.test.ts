// QIDO-RS matching (PS3.4 §C.2.2.2) over a small archive.
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { DicomJson } from "../../src/domain/instance.ts"
import { Ledger, type Search } from "../../src/ledger/Ledger.ts"
import type { Key } from "../../src/ledger/matching.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { valueTests } from "../../src/ledger/value-test.ts"
import { newInstance } from "../support/instances.ts"

const study = (name: string, id: string, date: string, time: string): DicomJson => ({
  "00100010": { vr: "PN", Value: [{ Alphabetic: name }] },
  "00100020": { vr: "LO", Value: [id] },
  "00080020": { vr: "DA", Value: [date] },
  "00080030": { vr: "TM", Value: [time] },
})
const mr: DicomJson = { "00080060": { vr: "CS", Value: ["MR"] } }

const archive = Layer.effectDiscard(
  Effect.gen(function* () {
    const ledger = yield* Ledger
    yield* ledger.accept([
      newInstance(1, 1, 1, {
        ...study("Doe^Jane", "A1", "20240105", "093000"),
        "00081030": { vr: "LO", Value: ["Thorax [1]"] },
      }),
      newInstance(1, 1, 2, { "00200013": { vr: "IS", Value: [2] } }),
      newInstance(1, 2, 1, mr),
      newInstance(2, 1, 1, {
        ...study("Müller^Max", "B_2", "20240210", "120000.500"),
        "00400275": { vr: "SQ", Value: [{ "00400007": { vr: "LO", Value: ["Knee"] } }] },
      }),
      newInstance(3, 1, 1, { ...study("doering^Ada", "A10", "20250301", "2359"), ...mr }),
    ])
  }),
).pipe(Layer.provideMerge(layerMemory))

const key = (tag: string, vr: string, value: string): Key => ({ tag, vr, tests: valueTests(vr, value, false) ?? [] })

const uids = (search: Partial<Search>) =>
  Effect.gen(function* () {
    const found = yield* (yield* Ledger).search({ level: "study", match: [], limit: 100, offset: 0, ...search })
    const tag = { study: "0020000D", series: "0020000E", instance: "00080018" }[search.level ?? "study"]
    return found.matches.map((attributes) => attributes[tag]?.Value?.[0])
  })

describe("search", () => {
  layer(archive)("over three studies", (it) => {
    it.effect.each([
      ["all", {}, ["1.1", "1.2", "1.3"]],
      ["a page", { limit: 1, offset: 1 }, ["1.2"]],
      ["exact name, any case", { match: [key("00100010", "PN", "DOE^JANE")] }, ["1.1"]],
      ["wildcard name", { match: [key("00100010", "PN", "doe*")] }, ["1.1", "1.3"]],
      ["one character", { match: [key("00100020", "LO", "A?")] }, ["1.1"]],
      ["an underscore is no wildcard", { match: [key("00100020", "LO", "B_*")] }, ["1.2"]],
      ["case of identifiers matters", { match: [key("00100020", "LO", "a1")] }, []],
      ["a day", { match: [key("00080020", "DA", "20240210")] }, ["1.2"]],
      ["from", { match: [key("00080020", "DA", "20240210-")] }, ["1.2", "1.3"]],
      ["until", { match: [key("00080020", "DA", "-20240210")] }, ["1.1", "1.2"]],
      ["a span", { match: [key("00080020", "DA", "20240101-20241231")] }, ["1.1", "1.2"]],
      ["a time to the minute", { match: [key("00080030", "TM", "1200-2358")] }, ["1.2"]],
      ["uid list", { match: [key("0020000D", "UI", "1.1\\1.3")] }, ["1.1", "1.3"]],
      ["modalities in study", { match: [key("00080061", "CS", "MR")] }, ["1.1", "1.3"]],
      ["a series attribute of a study", { match: [key("00080060", "CS", "MR")] }, ["1.1", "1.3"]],
      ["an attribute without column", { match: [key("00081030", "LO", "Thorax [1*")] }, ["1.1"]],
      ["a sequence attribute", { match: [key("00400275.00400007", "LO", "Knee")] }, ["1.2"]],
      ["quotes are data", { match: [key("00100020", "LO", "' OR 1=1 --")] }, []],
      ["series of a study", { level: "series", StudyInstanceUID: "1.1" }, ["1.1.1", "1.1.2"]],
      ["series by study attribute", { level: "series", match: [key("00100020", "LO", "A1")] }, ["1.1.1", "1.1.2"]],
      ["instances by number", { level: "instance", match: [key("00200013", "IS", "02")] }, ["1.1.1.2"]],
      ["instances by modality", { level: "instance", match: [key("00080060", "CS", "MR")] }, ["1.1.2.1", "1.3.1.1"]],
    ] as const)("matches %s", ([, search, expected]) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* uids(search as Partial<Search>), [...expected])
      }),
    )

    it.effect("counts what a study holds", () =>
      Effect.gen(function* () {
        const found = yield* (yield* Ledger).search({ level: "study", match: [], limit: 1, offset: 0 })
        const [first] = found.matches
        assert.strictEqual(found.remaining, 2)
        assert.deepStrictEqual(first?.["00201206"]?.Value, [2])
        assert.deepStrictEqual(first?.["00201208"]?.Value, [3])
        assert.deepStrictEqual(first?.["00080061"]?.Value?.toSorted(), ["CT", "MR"])
      }),
    )
  })
})
