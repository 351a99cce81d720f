// Character sets (PS3.5 §6.1, PS3.3 §C.12.1.1.2): every value comes as UTF-8, whatever it was stored in, on one gateway.
import { assert, layer } from "@effect/vitest"
import { type Check, checks, type DicomJson, items, json } from "./checks.fixture.ts"
import type { Answer } from "./client.fixture.ts"
import { live } from "./gateway.fixture.ts"
import { type Attributes, file, imageAttributes, place, ramp } from "./part10-files.fixture.ts"

interface Sample {
  readonly name: string
  readonly SpecificCharacterSet: string
  /** The patient's name as it is stored. */
  readonly stored: Buffer
  readonly read: { readonly Alphabetic: string; readonly Ideographic?: string; readonly Phonetic?: string }
  /** A search that finds it, in UTF-8. */
  readonly sought: string
}
const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex")
const esc = (text: string) => Buffer.from(text, "latin1").toString("hex")

/** The names of PS3.5 Annex H, I, J and K, and one for every other kind of set. */
const samples: ReadonlyArray<Sample> = [
  {
    name: "Latin 1",
    SpecificCharacterSet: "ISO_IR 100",
    stored: Buffer.from("Buc^Jérôme", "latin1"),
    read: { Alphabetic: "Buc^Jérôme" },
    sought: "Buc^Jérôme",
  },
  {
    name: "Latin 2",
    SpecificCharacterSet: "ISO_IR 101",
    stored: bytes(`57 61 b3 ea 73 61 5e 41 67 6e 69 65 73 7a 6b 61`),
    read: { Alphabetic: "Wałęsa^Agnieszka" },
    sought: "Wałęsa*",
  },
  {
    name: "Cyrillic",
    SpecificCharacterSet: "ISO_IR 144",
    stored: bytes("bb ee da 63 65 dc d1 79 70 d3"),
    read: { Alphabetic: "Люкceмбypг" },
    sought: "Люк*",
  },
  {
    name: "Arabic",
    SpecificCharacterSet: "ISO_IR 127",
    stored: bytes("e2 c8 c7 e6 ea 5e e4 e6 d2 c7 d1"),
    read: { Alphabetic: "قباني^لنزار" },
    sought: "قباني*",
  },
  {
    name: "Greek",
    SpecificCharacterSet: "ISO_IR 126",
    stored: bytes("c4 e9 ef ed f5 f3 e9 ef f2"),
    read: { Alphabetic: "Διονυσιος" },
    sought: "Διονυσιος",
  },
  {
    name: "Hebrew",
    SpecificCharacterSet: "ISO_IR 138",
    stored: bytes("f9 f8 e5 ef 5e e3 e1 e5 f8 e4"),
    read: { Alphabetic: "שרון^דבורה" },
    sought: "שרון*",
  },
  {
    name: "Thai",
    SpecificCharacterSet: "ISO_IR 166",
    stored: bytes("b9 d2 c1 ca a1 d8 c5"),
    read: { Alphabetic: "นามสกุล" },
    sought: "นาม*",
  },
  {
    name: "Latin 5",
    SpecificCharacterSet: "ISO_IR 148",
    stored: bytes("c7 61 76 75 fe 6f f0 6c 75"),
    read: { Alphabetic: "Çavuşoğlu" },
    sought: "Çavuş*",
  },
  {
    name: "Japanese, ISO 2022 IR 87 (Annex H.3.1)",
    SpecificCharacterSet: "\\ISO 2022 IR 87",
    stored: bytes(
      `${esc("Yamada^Tarou=")} 1b 24 42 3b 33 45 44 1b 28 42 5e 1b 24 42 42 40 4f 3a 1b 28 42 3d 1b 24 42 24 64 24 5e 24 40 1b 28 42 5e 1b 24 42 24 3f 24 6d 24 26 1b 28 42`,
    ),
    read: { Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎", Phonetic: "やまだ^たろう" },
    sought: "山田*",
  },
  {
    name: "Japanese, half-width katakana (Annex H.3.2)",
    SpecificCharacterSet: "ISO 2022 IR 13\\ISO 2022 IR 87",
    stored: bytes(
      `d4 cf c0 de 5e c0 db b3 3d 1b 24 42 3b 33 45 44 1b 28 4a 5e 1b 24 42 42 40 4f 3a 1b 28 4a 3d 1b 24 42 24 64 24 5e 24 40 1b 28 4a 5e 1b 24 42 24 3f 24 6d 24 26 1b 28 4a`,
    ),
    read: { Alphabetic: "ﾔﾏﾀﾞ^ﾀﾛｳ", Ideographic: "山田^太郎", Phonetic: "やまだ^たろう" },
    sought: "ﾔﾏﾀﾞ*",
  },
  {
    name: "Korean, ISO 2022 IR 149 (Annex I.2)",
    SpecificCharacterSet: "\\ISO 2022 IR 149",
    stored: bytes(
      `${esc("Hong^Gildong=")} 1b 24 29 43 fb f3 5e 1b 24 29 43 d1 ce d4 d7 3d 1b 24 29 43 c8 ab 5e 1b 24 29 43 b1 e6 b5 bf`,
    ),
    read: { Alphabetic: "Hong^Gildong", Ideographic: "洪^吉洞", Phonetic: "홍^길동" },
    sought: "홍*",
  },
  {
    name: "UTF-8 (Annex J.1)",
    SpecificCharacterSet: "ISO_IR 192",
    stored: Buffer.from("Wang^XiaoDong=王^小東"),
    read: { Alphabetic: "Wang^XiaoDong", Ideographic: "王^小東" },
    sought: "王*",
  },
  {
    name: "GB18030 (Annex J.2)",
    SpecificCharacterSet: "GB18030",
    stored: bytes(`${esc("Wang^XiaoDong=")} cd f5 5e d0 a1 b6 ab`),
    read: { Alphabetic: "Wang^XiaoDong", Ideographic: "王^小东" },
    sought: "Wang*",
  },
  {
    name: "GBK (Annex K)",
    SpecificCharacterSet: "GBK",
    stored: bytes(`${esc("Zhang^XiaoDong=")} d5 c5 5e d0 a1 b6 ab`),
    read: { Alphabetic: "Zhang^XiaoDong", Ideographic: "张^小东" },
    sought: "Zhang*",
  },
  {
    name: "several sets by escapes",
    SpecificCharacterSet: "ISO 2022 IR 6\\ISO 2022 IR 100\\ISO 2022 IR 144",
    stored: bytes(`41 1b 2d 41 e9 5e 1b 2d 4c bb ee da`),
    read: { Alphabetic: "Aé^Люк" },
    sought: "Aé*",
  },
]

const made = samples.map(({ SpecificCharacterSet, stored }, i) => {
  const at = place(30 + i, 1, 1)
  const attributes: Attributes = {
    "00080005": ["CS", SpecificCharacterSet],
    "00100010": ["PN", stored],
    "00100020": ["LO", `CS-${i}`],
    "00081115": ["SQ", [{ "0020000E": ["UI", "1.2.3"], "00081050": ["PN", stored] }]],
  }
  const image = imageAttributes(at, 4, 4, ramp(16), attributes)
  return { ...at, bytes: file(image) }
})

const patient = (answer: Answer): DicomJson[string] | undefined => json(answer)[0]!["00100010"]
const all: ReadonlyArray<Check> = samples.flatMap(({ name, read, sought }, i): ReadonlyArray<Check> => [
  {
    name: `${name}: the name in a search`,
    path: `/studies?PatientID=CS-${i}`,
    status: 200,
    shows: (answer) => {
      assert.deepEqual(patient(answer), { vr: "PN", Value: [read] })
      assert.deepEqual(json(answer)[0]!["00080005"]?.Value, ["ISO_IR 192"])
    },
  },
  {
    name: `${name}: the name in metadata, also nested`,
    path: `/studies/${made[i]!.StudyInstanceUID}/metadata`,
    status: 200,
    shows: (answer) => {
      assert.deepEqual(patient(answer), { vr: "PN", Value: [read] })
      const nested = items(json(answer)[0]!, "00081115")[0]!
      assert.deepEqual(nested["00081050"]?.Value, [read])
      assert.deepEqual(json(answer)[0]!["00080005"]?.Value, ["ISO_IR 192"])
    },
  },
  {
    name: `${name}: found by its name`,
    path: `/studies?PatientName=${encodeURIComponent(sought)}&PatientID=CS-${i}`,
    status: 200,
    shows: (answer) => assert.lengthOf(json(answer), 1),
  },
])

layer(live(made), { timeout: 60_000, excludeTestServices: true })("character sets", (it) => {
  checks(it, [
    ...all,
    {
      name: "case does not count in a name beyond ASCII either",
      path: `/studies?PatientName=${encodeURIComponent("BUC^JÉRÔME")}`,
      status: 200,
      shows: (answer) => assert.lengthOf(json(answer), 1),
    },
    {
      name: "the stored bytes are not touched",
      path: `/studies/${made[8]!.StudyInstanceUID}/series/${made[8]!.SeriesInstanceUID}/instances/${made[8]!.SOPInstanceUID}`,
      headers: { accept: "application/dicom" },
      status: 200,
      shows: ({ body }) => assert.isTrue(body.equals(made[8]!.bytes)),
    },
    {
      name: "XML is UTF-8 too",
      path: `/studies/${made[8]!.StudyInstanceUID}/metadata`,
      headers: { accept: 'multipart/related; type="application/dicom+xml"' },
      status: 200,
      shows: ({ text }) => assert.include(text, "<FamilyName>山田</FamilyName>"),
    },
  ])
})
