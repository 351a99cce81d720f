// QIDO-RS as a query string finds it (PS3.18 §10.6, PS3.4 §C.2.2.2), over a ledger in memory.
import { assert, describe, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { DicomJson } from "../../src/domain/instance.ts"
import { Ledger, type Search } from "../../src/ledger/Ledger.ts"
import { layerMemory } from "../../src/ledger/sqlite-ledger.ts"
import { parametersOf } from "../../src/dicomweb/parameters.ts"
import { parseQuery } from "../../src/dicomweb/query.ts"
import { project } from "../../src/dicomweb/return-fields.ts"
import { newInstance } from "../support/instances.ts"

const text = (vr: string, ...Value: ReadonlyArray<unknown>) => ({ vr, Value })

const study = (name: object, id: string, date: string, time: string, more: DicomJson = {}): DicomJson => ({
  "00080020": text("DA", date),
  "00080030": time === "" ? { vr: "TM" } : text("TM", time),
  "00080050": { vr: "SH" },
  "00100010": text("PN", name),
  "00100020": text("LO", id),
  ...more,
})

const jane = study({ Alphabetic: "Doe^Jane^^Dr" }, "A+1", "20240105", "093000", {
  "00081030": text("LO", "Thorax [1], routine"),
  "00080090": text("PN", { Alphabetic: "Brown^James" }),
  "00101002": text(
    "SQ",
    { "00100020": text("LO", "X 9"), "00100021": text("LO", "North") },
    { "00100020": text("LO", "X8"), "00100021": text("LO", "South") },
  ),
  "00080201": text("SH", "+0100"),
})
const max = study({ Alphabetic: "Müller^Max" }, "B_2", "2024.02.10", "12:00:00.5")
const tarou = study(
  { Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎", Phonetic: "やまだ^たろう" },
  "A10",
  "20250301",
  "2359",
  {
    "00200010": text("SH", "S7"),
  },
)

const request = (step: string, procedure: string) => ({
  "00400009": text("SH", step),
  "00401001": text("SH", procedure),
})

const archive = Layer.effectDiscard(
  Effect.gen(function* () {
    const ledger = yield* Ledger
    yield* ledger.accept([
      newInstance(1, 1, 1, {
        ...jane,
        "00200011": text("IS", 1),
        "00200013": text("IS", 1),
        "00400275": text("SQ", request("SPS1", "RP1"), request("SPS2", "RP2")),
        "00400244": text("DA", "20240105"),
        "00400245": text("TM", "0931"),
        "00280010": text("US", 512),
        "00080008": text("CS", "ORIGINAL", "PRIMARY"),
        "00290010": text("LO", "ACME"),
        "00291001": text("DS", 1.5),
        "00291002": { vr: "UN", InlineBinary: Buffer.from("secret \0").toString("base64") },
        "00282000": { vr: "OB", BulkDataURI: "http://elsewhere/1" },
      }),
      newInstance(1, 1, 2, { ...jane, "00200013": text("IS", 2), "00280010": text("US", 256) }),
      newInstance(1, 2, 1, {
        ...jane,
        "00080060": text("CS", "MR"),
        "00200011": text("IS", 2),
        "00200013": text("IS", 1),
        "0008103E": text("LO", "T1"),
      }),
      newInstance(2, 1, 1, { ...max, "00200013": text("IS", "0003"), "00280010": text("US", 512) }),
      newInstance(3, 1, 1, { ...tarou, "00080060": text("CS", "PT"), "00080018": text("UI", "1.3.1.1") }),
    ])
  }),
).pipe(Layer.provideMerge(layerMemory))

const limits = { defaultLimit: 100, maxLimit: 100 }

const find = (level: Search["level"], query: string, scope: Partial<Search> = {}) =>
  Effect.gen(function* () {
    const fixed = { study: "StudyInstanceUID" in scope, series: "SeriesInstanceUID" in scope }
    const given = parametersOf(`/x?${query}`)
    const parsed = typeof given === "string" ? given : parseQuery(given, level, fixed, limits)
    if (typeof parsed === "string") return yield* Effect.die(new Error(parsed))
    const { match, limit, offset, fields } = parsed
    const page = yield* (yield* Ledger).search({ ...scope, level, match, limit, offset })
    return { ...page, matches: page.matches.map((attributes) => project(attributes, fields)) }
  })

const tags = { study: "0020000D", series: "0020000E", instance: "00080018" } as const
const uids = (level: Search["level"], query: string) =>
  Effect.map(find(level, query), ({ matches }) =>
    matches.map((attributes) => String(attributes[tags[level]]?.Value?.[0])).join(" "),
  )

const refusal = (query: string) => {
  const given = parametersOf(`/x?${query}`)
  return typeof given === "string" ? given : parseQuery(given, "study", { study: false, series: false }, limits)
}

describe("QIDO", () => {
  layer(archive)("over three studies", (it) => {
    it.effect.each([
      ["", "1.1 1.2 1.3"],
      ["PatientName=DOE%5Ejane%5E%5Edr", "1.1"],
      ["PatientName=Doe^Jane^^Dr^^^", "1.1"],
      ["PatientName=Doe^Jane", ""],
      ["PatientName=doe*", "1.1"],
      ["PatientName=*jane*", "1.1"],
      ["PatientName=*dr", "1.1"],
      ["PatientName=doe^j?ne*", "1.1"],
      ["PatientName=m%C3%9CLLER*", "1.2"],
      ["PatientName=mu%CC%88ller^max", "1.2"],
      ["PatientName=%E5%B1%B1%E7%94%B0*", "1.3"],
      ["PatientName=yamada^tarou=%E5%B1%B1%E7%94%B0^%E5%A4%AA%E9%83%8E", "1.3"],
      ["PatientName=Yamada^Tarou", "1.3"],
      ["00100010=yamada^*", "1.3"],
      ["PatientName=*", "1.1 1.2 1.3"],
      ["PatientName=", "1.1 1.2 1.3"],
      ["PatientName", "1.1 1.2 1.3"],
      ["PatientID=A%2B1", "1.1"],
      ["PatientID=A+1", "1.1"],
      ["PatientID=a%2B1", ""],
      ["PatientID=A?*", "1.1 1.3"],
      ["PatientID=A10%5CB_2", "1.2 1.3"],
      ["PatientID=A10&PatientID=B_2", "1.2 1.3"],
      ["PatientID=%5BA%5D*", ""],
      ["ReferringPhysicianName=brown*", "1.1"],
      ["StudyID=S7", "1.3"],
      ["AccessionNumber=%22%22&emptyvaluematching=true", "1.1 1.2 1.3"],
      ["StudyID=%22%22&emptyvaluematching=true", "1.1 1.2"],
      ["StudyDescription=%22%22&emptyvaluematching=true", "1.2 1.3"],
      ["StudyDescription=*routine", "1.1"],
      ["StudyDescription=Thorax%20[1],+routine", "1.1"],
      ["StudyDate=20240210", "1.2"],
      ["StudyDate=20240210-", "1.2 1.3"],
      ["StudyDate=-20240210", "1.1 1.2"],
      ["StudyDate=20240101-20241231", "1.1 1.2"],
      ["StudyDate=2024.01.01-2024.12.31", "1.1 1.2"],
      ["StudyTime=12", "1.2"],
      ["StudyTime=120000.5", "1.2"],
      ["StudyTime=1200-2358", "1.2"],
      ["StudyTime=-0930", "1.1"],
      ["StudyDate=20240105-20240210&StudyTime=1000-1100", ""],
      ["StudyDate=20240105-20240210&StudyTime=0900-1300", "1.1 1.2"],
      ["StudyDate=20240105-20240210&StudyTime=1000-1300", "1.2"],
      ["StudyDate=20240105-20240210&StudyTime=12", "1.2"],
      ["StudyDate=20240105-&StudyTime=1000-", "1.2 1.3"],
      ["StudyDate=20240105&StudyTime=09-10", "1.1"],
      ["StudyInstanceUID=1.1,1.3", "1.1 1.3"],
      ["StudyInstanceUID=1.1%2C1.3", "1.1 1.3"],
      ["StudyInstanceUID=1.1%5c1.3", "1.1 1.3"],
      ["0020000d=1.2&0020000D=1.3", "1.2 1.3"],
      ["ModalitiesInStudy=MR", "1.1"],
      ["ModalitiesInStudy=PT%5CMR", "1.1 1.3"],
      ["ModalitiesInStudy=PT,MR", "1.1 1.3"],
      ["ModalitiesInStudy=mr", ""],
      ["ModalitiesInStudy=M*", "1.1"],
      ["Modality=MR", "1.1"],
      ["Modality=MR&SeriesNumber=1", ""],
      ["NumberOfStudyRelatedInstances=3", "1.1"],
      ["NumberOfStudyRelatedSeries=1", "1.2 1.3"],
      ["InstanceAvailability=ONLINE", "1.1 1.2 1.3"],
      ["InstanceAvailability=OFFLINE", ""],
      ["SOPInstanceUID=1.1.2.1", "1.1"],
      ["SeriesInstanceUID=1.1.2,1.2.1", "1.1 1.2"],
      ["SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.2", "1.1 1.2 1.3"],
      ["Rows=512", "1.1 1.2"],
      ["Rows=512&Modality=CT&SeriesNumber=1", "1.1"],
      ["SeriesDescription=T1&Rows=512", ""],
      ["OtherPatientIDsSequence.00100020=X8", "1.1"],
      ["OtherPatientIDsSequence.PatientID=X8&OtherPatientIDsSequence.IssuerOfPatientID=North", ""],
      ["00101002.00100020=X8&00101002.00100021=South", "1.1"],
      ["RequestAttributesSequence.ScheduledProcedureStepID=SPS2", "1.1"],
      ["00400275.00400009=SPS1&00400275.00401001=RP2", ""],
      ["TimezoneOffsetFromUTC=%2B0100&PatientID=A10", "1.3"],
      ["SpecificCharacterSet=ISO_IR 192&PatientID=A10", "1.3"],
    ] as const)("/studies?%s", ([query, expected]) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* uids("study", query), expected)
      }),
    )

    it.effect.each([
      ["", "1.1.1 1.1.2 1.2.1 1.3.1"],
      ["PatientID=A%2B1", "1.1.1 1.1.2"],
      ["PatientName=doe*&Modality=MR", "1.1.2"],
      ["Modality=CT,PT", "1.1.1 1.2.1 1.3.1"],
      ["SeriesNumber=02", "1.1.2"],
      ["SeriesInstanceUID=1.1.2%5C1.3.1", "1.1.2 1.3.1"],
      ["PerformedProcedureStepStartDate=20240101-20240131", "1.1.1"],
      ["PerformedProcedureStepStartTime=0931", "1.1.1"],
      ["PerformedProcedureStepStartDate=20240105-20240106&PerformedProcedureStepStartTime=10-11", ""],
      ["00400275.00400009=SPS1", "1.1.1"],
      ["00400275.00400009=SPS?", "1.1.1"],
      ["00400275.00401001=RP2", "1.1.1"],
      ["SeriesDescription=T*", "1.1.2"],
      ["StudyDescription=Thorax*", "1.1.1 1.1.2"],
      ["ModalitiesInStudy=MR", "1.1.1 1.1.2"],
      ["NumberOfSeriesRelatedInstances=2", "1.1.1"],
      ["InstanceNumber=2", "1.1.1"],
      ["Rows=256", "1.1.1"],
      ["limit=2&offset=1", "1.1.2 1.2.1"],
    ] as const)("/series?%s", ([query, expected]) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* uids("series", query), expected)
      }),
    )

    it.effect.each([
      ["", "1.1.1.1 1.1.1.2 1.1.2.1 1.2.1.1 1.3.1.1"],
      ["limit=2&offset=1", "1.1.1.2 1.1.2.1"],
      ["offset=99", ""],
      ["Modality=CT", "1.1.1.1 1.1.1.2 1.2.1.1"],
      ["Modality=CT&limit=1&offset=1", "1.1.1.2"],
      ["InstanceNumber=3", "1.2.1.1"],
      ["InstanceNumber=1&PatientID=A%2B1", "1.1.1.1 1.1.2.1"],
      ["SOPInstanceUID=1.1.2.1,1.3.1.1", "1.1.2.1 1.3.1.1"],
      ["SOPClassUID=1.2.840.10008.5.1.4.1.1.2&PatientID=A10", "1.3.1.1"],
      ["SOPClassUID=1.2.3", ""],
      ["Rows=512", "1.1.1.1 1.2.1.1"],
      ["Rows=512.0&limit=1&offset=1", "1.2.1.1"],
      ["ImageType=PRIMARY", "1.1.1.1"],
      ["00290010=ACME&00291001=1.50", "1.1.1.1"],
      ["00291002=secret", "1.1.1.1"],
      ["StudyDescription=Thorax*&Rows=256", "1.1.1.2"],
      ["SeriesDescription=T1", "1.1.2.1"],
    ] as const)("/instances?%s", ([query, expected]) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* uids("instance", query), expected)
      }),
    )

    it.effect.each([
      `PatientName=${"*a?".repeat(2600)}`,
      `StudyInstanceUID=${"1.9,".repeat(2000)}1.1`,
      `PatientID=${Array.from({ length: 2000 }, (_, n) => `X${n}`).join("%5C")}`,
      `ModalitiesInStudy=${"ZZ,".repeat(2000)}CT`,
      Array.from({ length: 100 }, (_, n) => `0019${(0x1001 + n).toString(16)}=*${"a".repeat(60)}*`).join("&"),
      `PatientName=${Array.from({ length: 100 }, () => "*x*").join("%5C")}&StudyDescription=${Array.from({ length: 99 }, () => "*y*").join("%5C")}`,
      `Rows=1&${Array.from({ length: 90 }, (_, n) => `00400275.0019${(0x1001 + n).toString(16)}=1`).join("&")}`,
    ])("answers hostile query %#", (query) =>
      Effect.gen(function* () {
        for (const level of ["study", "series", "instance"] as const) yield* find(level, query)
      }),
    )

    it.effect("says how many matches come after the page", () =>
      Effect.gen(function* () {
        const remaining = (level: Search["level"], query: string) =>
          Effect.map(find(level, query), ({ remaining: after, exact }) => [after, exact])
        assert.deepStrictEqual(yield* remaining("study", "limit=1"), [2, true])
        assert.deepStrictEqual(yield* remaining("study", "limit=1&offset=2"), [0, true])
        assert.deepStrictEqual(yield* remaining("study", "limit=0"), [3, true])
        assert.deepStrictEqual(yield* remaining("series", "Modality=CT&limit=1"), [1, true])
        assert.deepStrictEqual(yield* remaining("instance", "limit=2&offset=1"), [2, true])
        assert.deepStrictEqual(yield* remaining("instance", "Rows=512&limit=1"), [1, true])
      }),
    )

    it.effect("answers every required attribute, without a value where there is none", () =>
      Effect.gen(function* () {
        const found = yield* find("study", "PatientID=B_2")
        assert.deepStrictEqual(found.matches, [
          {
            "00080020": text("DA", "2024.02.10"),
            "00080030": text("TM", "12:00:00.5"),
            "00080050": { vr: "SH" },
            "00080056": text("CS", "ONLINE"),
            "00080061": text("CS", "CT"),
            "00080090": { vr: "PN" },
            "00100010": text("PN", { Alphabetic: "Müller^Max" }),
            "00100020": text("LO", "B_2"),
            "00100030": { vr: "DA" },
            "00100040": { vr: "CS" },
            "0020000D": text("UI", "1.2"),
            "00200010": { vr: "SH" },
            "00201206": text("IS", 1),
            "00201208": text("IS", 1),
          },
        ])
      }),
    )

    it.effect("answers the levels above that the address leaves open", () =>
      Effect.gen(function* () {
        const keys = (level: Search["level"], scope: Partial<Search> = {}) =>
          Effect.map(find(level, "limit=1", scope), ({ matches }) => Object.keys(matches[0] ?? {}))
        const open = yield* keys("instance")
        assert.includeMembers(open, [
          "00100010",
          "00080061",
          "00201206",
          "00201208",
          "00201209",
          "00200013",
          "00080060",
        ])
        const StudyInstanceUID = newInstance(1, 1, 1).StudyInstanceUID
        const SeriesInstanceUID = newInstance(1, 1, 1).SeriesInstanceUID
        const within = yield* keys("instance", { StudyInstanceUID })
        assert.includeMembers(within, ["00201209", "00080060", "00280010"])
        assert.notIncludeMembers(within, ["00100010", "00201206"])
        const fixed = yield* keys("instance", { StudyInstanceUID, SeriesInstanceUID })
        assert.notIncludeMembers(fixed, ["00100010", "00080060", "00201209"])
        assert.includeMembers(yield* keys("series"), ["00100010", "00201206", "00201209"])
        assert.notInclude(yield* keys("series", { StudyInstanceUID }), "00100010")
      }),
    )

    it.effect.each([
      [
        "includefield=00101002.00100020",
        "00101002",
        text("SQ", { "00100020": text("LO", "X 9") }, { "00100020": text("LO", "X8") }),
      ],
      ["includefield=OtherPatientIDsSequence.PatientID,00101002.00100021", "00101002", jane["00101002"]],
      ["includefield=OtherPatientIDsSequence", "00101002", jane["00101002"]],
      [
        "00101002.00100020=X8",
        "00101002",
        text("SQ", { "00100020": text("LO", "X 9") }, { "00100020": text("LO", "X8") }),
      ],
      ["includefield=all", "00080201", text("SH", "+0100")],
      ["includefield=StudyDescription&includefield=00100021", "00081030", jane["00081030"]],
      ["StudyDescription=*", "00081030", jane["00081030"]],
      ["includefield=00071001,00091001", "00091001", undefined],
      ["includefield=SeriesDescription", "0008103E", undefined],
      ["includefield=Modality", "00080060", undefined],
    ] as const)("/studies?%s answers %s", ([query, tag, expected]) =>
      Effect.gen(function* () {
        const { matches } = yield* find("study", `PatientID=A%2B1&${query}`)
        assert.deepStrictEqual(matches[0]?.[tag], expected as DicomJson[string])
      }),
    )

    it.effect("answers private attributes with their creator, and no bulk data", () =>
      Effect.gen(function* () {
        const [instance] = (yield* find("instance", "SOPInstanceUID=1.1.1.1&includefield=00291001,00282000")).matches
        assert.deepStrictEqual(instance?.["00290010"], text("LO", "ACME"))
        assert.deepStrictEqual(instance?.["00291001"], text("DS", 1.5))
        assert.isUndefined(instance?.["00282000"])
        const [everything] = (yield* find("instance", "SOPInstanceUID=1.1.1.1&includefield=all")).matches
        assert.isUndefined(everything?.["00282000"])
        assert.deepStrictEqual(everything?.["00080008"], text("CS", "ORIGINAL", "PRIMARY"))
      }),
    )

    it.each([
      ["limit=-1", "limit"],
      ["limit=x", "limit"],
      ["limit=1&limit=2", "limit"],
      ["offset=1.5", "offset"],
      ["fuzzymatching=maybe", "fuzzymatching"],
      ["StudyDate=yesterday", "StudyDate"],
      ["StudyDate=20241301", "StudyDate"],
      ["StudyDate=2024*", "StudyDate"],
      ["StudyDate=-", "StudyDate"],
      ["StudyTime=2500", "StudyTime"],
      ["StudyInstanceUID=1.2.x", "StudyInstanceUID"],
      ["StudyInstanceUID=1.2*", "StudyInstanceUID"],
      ["SeriesNumber=one", "SeriesNumber"],
      ["InstanceNumber=1-5", "InstanceNumber"],
      ["PixelData=1", "PixelData"],
      ["RequestAttributesSequence=x", "RequestAttributesSequence"],
      ["PatientID.PatientName=x", "PatientID.PatientName"],
      ["PatientsName=x", "PatientsName"],
      ["constructor=1", "constructor"],
      ["0010001=1", "0010001"],
      ["PatientName=%ff", "PatientName"],
      ["includefield=Nonsense", "Nonsense"],
      [`${"00400275.".repeat(9)}00400009=1`, "00400275"],
      [Array.from({ length: 101 }, () => "PatientID=1").join("&"), "100"],
      [`PatientName=${"a*%5C".repeat(2000)}b`, "PatientName"],
      [`PatientName=${"a%5C".repeat(2000)}b`, "PatientName"],
      [Array.from({ length: 100 }, () => "StudyDate=20240101%5C20240102").join("&"), "StudyDate"],
    ])("refuses %s and names it", (query, name) => {
      const refused = refusal(query)
      assert.include(typeof refused === "string" ? refused : "accepted", name)
    })
  })
})
