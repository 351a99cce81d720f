// What QIDO-RS answers with (PS3.18 §10.6.3, §8.3.4, §8.7.3): attributes, pages, warnings and media types, on one gateway.
import { assert, layer } from "@effect/vitest"
import { type Answer } from "./client.fixture.ts"
import { type Check, checks, type DicomJson, items, json, values } from "./checks.fixture.ts"
import { ct, loop, report } from "./archive.fixture.ts"
import { live } from "./gateway.fixture.ts"

const [study1, study2] = ["1.2.3.4.1", "1.2.3.4.2"] as const
const series1 = ct[0]!.SeriesInstanceUID
const dicomJson = "application/dicom+json"

/** 200 with exactly these studies, in any order; no studies: 204. */
const studiesAre =
  (...wanted: ReadonlyArray<string>) =>
  (answer: Answer) =>
    assert.deepStrictEqual([...values(answer, "0020000D")].sort(), [...wanted].sort())
const counts = (name: string, path: string, count: number): Check =>
  count === 0
    ? { name, path, status: 204 }
    : { name, path, status: 200, type: dicomJson, shows: (answer) => assert.lengthOf(json(answer), count) }
const first = (answer: Answer): DicomJson => json(answer)[0]!
const holds = (answer: Answer, attributes: Readonly<Record<string, unknown>>) => {
  for (const [tag, value] of Object.entries(attributes)) assert.deepEqual(first(answer)[tag]?.Value?.[0], value, tag)
}

const returned: ReadonlyArray<Check> = [
  {
    name: "Table 10.6.3-3 what a study's result holds",
    path: "/studies?PatientID=P-001",
    status: 200,
    shows: (answer) => {
      holds(answer, {
        "00080020": "20240115",
        "00080030": "101500",
        "00080050": "ACC-001",
        "00080056": "ONLINE",
        "00100020": "P-001",
        "00100030": "19700102",
        "00100040": "F",
        "0020000D": study1,
        "00200010": "S1",
        "00201206": 2,
        "00201208": 4,
      })
      assert.sameMembers([...(first(answer)["00080061"]?.Value ?? [])], ["CT", "SR"])
      assert.deepStrictEqual(first(answer)["00100010"], { vr: "PN", Value: [{ Alphabetic: "Doe^Jane^Quincy^Dr" }] })
      assert.deepStrictEqual(first(answer)["00080090"], { vr: "PN", Value: [{ Alphabetic: "Refer^Ring" }] })
      assert.match(
        String(first(answer)["00081190"]?.Value?.[0]),
        /^http:\/\/127\.0\.0\.1:\d+\/dicomweb\/studies\/1\.2\.3\.4\.1$/,
      )
      assert.strictEqual(first(answer)["00081190"]?.vr, "UR")
    },
  },
  {
    name: "Table 10.6.3-3 what is required and unknown is present without a value",
    path: "/studies?PatientID=P-006",
    status: 200,
    shows: (answer) => {
      for (const [tag, vr] of [
        ["00080020", "DA"],
        ["00080030", "TM"],
        ["00080050", "SH"],
        ["00080090", "PN"],
        ["00100030", "DA"],
        ["00100040", "CS"],
        ["00200010", "SH"],
      ] as const) {
        assert.deepStrictEqual(first(answer)[tag], { vr }, tag)
      }
    },
  },
  {
    name: "Table 10.6.3-4 what a series' result holds",
    path: `/studies/${study1}/series?Modality=CT`,
    status: 200,
    shows: (answer) => {
      holds(answer, {
        "00080060": "CT",
        "0008103E": "AXIAL 1.0",
        "0020000E": series1,
        "00200011": 1,
        "00201209": 3,
        "00400244": "20240115",
        "00400245": "101600",
      })
      assert.deepEqual(items(first(answer), "00400275")[0]?.["00400009"], { vr: "SH", Value: ["SPS-1"] })
      assert.match(String(first(answer)["00081190"]?.Value?.[0]), new RegExp(`/studies/${study1}/series/${series1}$`))
    },
  },
  {
    name: "Table 10.6.3-5 what an instance's result holds",
    path: `/studies/${study2}/series/${loop.SeriesInstanceUID}/instances`,
    status: 200,
    shows: (answer) => {
      holds(answer, {
        "00080016": "1.2.840.10008.5.1.4.1.1.3.1",
        "00080018": loop.SOPInstanceUID,
        "00200013": 1,
        "00280008": 3,
        "00280010": 8,
        "00280011": 16,
        "00280100": 8,
        "00080056": "ONLINE",
      })
      assert.match(String(first(answer)["00081190"]?.Value?.[0]), new RegExp(`/instances/${loop.SOPInstanceUID}$`))
    },
  },
  {
    name: "§10.6.3.3.2 all series carry their study's attributes",
    path: "/series?Modality=SR",
    status: 200,
    shows: (answer) =>
      holds(answer, { "0020000D": study1, "00100020": "P-001", "00080020": "20240115", "00201208": 4 }),
  },
  {
    name: "§10.6.3.3.3 all instances carry their study's and series' attributes",
    path: `/instances?SOPInstanceUID=${report.SOPInstanceUID}`,
    status: 200,
    shows: (answer) =>
      holds(answer, {
        "0020000D": study1,
        "0020000E": report.SeriesInstanceUID,
        "00080060": "SR",
        "00100020": "P-001",
        "00201209": 1,
      }),
  },
  {
    name: "§8.3.4.3 attributes come in the order of their tags",
    path: "/studies?PatientID=P-001&includefield=all",
    status: 200,
    shows: (answer) => assert.deepStrictEqual(Object.keys(first(answer)), Object.keys(first(answer)).sort()),
  },
  {
    name: "§8.3.4.1 a matched attribute comes back",
    path: "/series?BodyPartExamined=&Modality=CT&SliceThickness=1.5",
    status: 200,
    shows: (answer) => assert.strictEqual(json(answer).length, 1),
  },
  {
    name: "§8.3.4.3 includefield by tag",
    path: "/studies?PatientID=P-001&includefield=00081030",
    status: 200,
    shows: (answer) => holds(answer, { "00081030": "CHEST CT" }),
  },
  {
    name: "§8.3.4.3 includefield by keyword, repeated, and an encoded comma list",
    path: `/studies/${study1}/series?includefield=SeriesDate&includefield=SeriesTime%2C0008103E&Modality=CT`,
    status: 200,
    shows: (answer) => holds(answer, { "00080021": "20240115", "00080031": "101600", "0008103E": "AXIAL 1.0" }),
  },
  {
    name: "§8.3.4.3 includefield=all on instances gives the data set without its bulk data",
    path: `/studies/${study1}/series/${series1}/instances?includefield=all&InstanceNumber=1`,
    status: 200,
    shows: (answer) => {
      holds(answer, { "00281050": 0, "00180050": 1.5 })
      assert.isUndefined(first(answer)["7FE00010"])
    },
  },
  {
    name: "§8.3.4.3 includefield of a nested attribute brings its sequence",
    path: "/series?Modality=CT&includefield=00400275.00400009",
    status: 200,
    shows: (answer) => assert.deepEqual(items(first(answer), "00400275")[0]?.["00400009"]?.Value, ["SPS-1"]),
  },
  {
    name: "§8.3.4.3 a well-formed tag that nothing has is no error",
    path: "/studies?PatientID=P-001&includefield=00091001",
    status: 200,
  },
  {
    name: "PS3.18 §F.2.3 numbers are numbers, and empty is without Value",
    path: `/studies/${study1}/series/${series1}/instances?includefield=all&InstanceNumber=1`,
    status: 200,
    shows: (answer) => {
      assert.deepStrictEqual(first(answer)["00280010"], { vr: "US", Value: [16] })
      assert.deepStrictEqual(first(answer)["00200032"], { vr: "DS", Value: [0, 0, 1.5] })
    },
  },
]

const paging: ReadonlyArray<Check> = [
  counts("§8.3.4.4 limit", "/studies?limit=2", 2),
  counts("§8.3.4.4 offset", "/studies?offset=3", 1),
  counts("§8.3.4.4 limit past the end", "/studies?limit=1000", 4),
  counts("§8.3.4.4 an offset past the end: no match", "/studies?offset=4", 0),
  counts("§8.3.4.4 limit and offset within a study", `/studies/${study1}/instances?limit=2&offset=3`, 1),
  {
    name: "§8.3.4.4 a warning says that more can be requested",
    path: "/studies?limit=1",
    status: 200,
    has: { warning: /^299 .*additional results/ },
  },
  {
    name: "§8.3.4.4 no warning when all are there",
    path: "/studies?limit=4",
    status: 200,
    has: { warning: null },
  },
  {
    name: "§8.3.4.2 fuzzymatching=false as OHIF sends it",
    path: "/studies?PatientName=Doe*&fuzzymatching=false&limit=101&offset=0",
    status: 200,
    has: { warning: null },
    shows: studiesAre(study1, study2),
  },
  {
    name: "§8.3.4.2 fuzzymatching=true is warned of and literal",
    path: "/studies?PatientName=Doe*&fuzzymatching=true",
    status: 200,
    has: { warning: /^299 .*fuzzymatching.*not supported/i },
    shows: studiesAre(study1, study2),
  },
]

const forms: ReadonlyArray<Check> = [
  ...[
    undefined,
    "*/*",
    dicomJson,
    "application/dicom+json, application/json",
    "application/json;q=0.1, application/dicom+json",
  ].map((accept): Check => ({
    name: `§8.7.3.2 JSON for Accept: ${accept ?? "(none)"}`,
    path: "/studies",
    ...(accept === undefined ? {} : { headers: { accept } }),
    status: 200,
    type: dicomJson,
  })),
  {
    name: "§8.7.3.2 application/json alone is answered",
    path: "/studies",
    headers: { accept: "application/json" },
    status: 200,
    type: /^application\/(dicom\+)?json/,
  },
  ...['multipart/related; type="application/dicom+xml"', "multipart/related; type=application/dicom+xml"].map(
    (accept): Check => ({
      name: `§8.7.3.2 Accept: ${accept}`,
      path: "/studies?PatientName=Doe*",
      headers: { accept },
      status: 200,
      type: /^multipart\/related; ?type="application\/dicom\+xml"; ?boundary=/,
      shows: ({ text }) => {
        assert.strictEqual(text.match(/<NativeDicomModel/g)?.length, 2)
        assert.strictEqual(text.match(/Content-Type: application\/dicom\+xml/g)?.length, 2)
        assert.match(text, /tag="0020000D" vr="UI" keyword="StudyInstanceUID"/)
        assert.include(text, "<FamilyName>Doe</FamilyName>")
      },
    }),
  ),
  {
    name: "§8.7.5 nothing acceptable",
    path: "/studies",
    headers: { accept: "image/png" },
    status: 406,
  },
  {
    name: "§8.3.3.1 the accept parameter overrides the header",
    path: "/studies?PatientID=P-001&accept=multipart/related;type=%22application/dicom%2Bxml%22",
    headers: { accept: dicomJson },
    status: 200,
    type: /^multipart\/related/,
  },
  {
    name: "§10.6.3 the same question gives the same order",
    path: "/instances?limit=15",
    status: 200,
    shows: (answer) => {
      const uids = values(answer, "00080018")
      assert.strictEqual(new Set(uids).size, 15)
    },
  },
]

layer(live(), { timeout: 60_000, excludeTestServices: true })("QIDO-RS answers", (it) => {
  checks(it, [...returned, ...paging, ...forms])
})
