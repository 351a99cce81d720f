// JSON and XML of any shape with DICOM's own words in them, texts that are nearly JSON or XML, and sound metadata with
// something changed.
import * as fc from "fast-check"
import { attributesOf } from "../../src/dicom/json.ts"
import { nativeXml } from "../../src/dicom/native-xml.ts"
import { parsePart10 } from "../../src/dicom/part10.ts"
import type { DicomJson } from "../../src/domain/instance.ts"
import { corpus } from "./corpus.ts"

/** JSON of any shape with DICOM JSON's own words in it, and texts that are nearly JSON. */
const attribute = fc.record(
  {
    vr: fc.constantFrom("UI", "PN", "SQ", "OW", "US", "DS", "UN", "AT", "ZZ", "", "FD"),
    Value: fc.array(
      fc.oneof(
        fc.string({ maxLength: 10 }),
        fc.double(),
        fc.constant(null),
        fc.constant({ Alphabetic: "A^B" }),
        fc.constant({}),
        fc.constant("1.2.3"),
      ),
      { maxLength: 3 },
    ),
    BulkDataURI: fc.constantFrom("x", "../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/", "cid:1", ""),
    InlineBinary: fc.constantFrom("AAAA", "!", "", "A".repeat(9999)),
  },
  { requiredKeys: [] },
)
const tag = fc.oneof(
  fc.constantFrom(
    "0020000D",
    "0020000E",
    "00080018",
    "00080016",
    "7FE00010",
    "00280010",
    "00020010",
    "00741000",
    "00081195",
    "__proto__",
  ),
  fc.stringMatching(/^[0-9A-F]{8}$/),
)
const dataset = fc.dictionary(tag, fc.oneof(attribute, fc.jsonValue({ maxDepth: 3 })), { maxKeys: 12 })
const deep = fc
  .constantFrom(10, 1000, 10_000, 100_000)
  .map((n) => `${'[{"00400275":{"vr":"SQ","Value":'.repeat(n)}${"}}]".repeat(n)}`)
export const json = fc.oneof(
  { weight: 4, arbitrary: fc.array(dataset, { maxLength: 3 }).map((all) => JSON.stringify(all)) },
  dataset.map((one) => JSON.stringify(one)),
  fc.json({ maxDepth: 4 }),
  deep,
  fc.constantFrom(
    "",
    "{",
    "[",
    "null",
    "1",
    '"',
    '{"a":1,"a":2}',
    "[1e999]",
    "\ufeff[]",
    "[".repeat(60_000),
    '[{"0020000D":{"vr":"UI","Value":["..","/etc/passwd"]}}]',
  ),
)

const xmlPiece = fc.constantFrom(
  '<?xml version="1.0"?>',
  "<NativeDicomModel>",
  "</NativeDicomModel>",
  '<DicomAttribute tag="0020000D" vr="UI" keyword="StudyInstanceUID">',
  "</DicomAttribute>",
  '<Value number="1">1.2.3</Value>',
  '<Item number="1">',
  "</Item>",
  '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
  "&b;",
  "&#0;",
  "&#x10FFFF;",
  "<![CDATA[",
  "]]>",
  "<!--",
  '<BulkData uri="file:///etc/passwd"/>',
  '<PersonName number="1"><Alphabetic><FamilyName>A</FamilyName></Alphabetic></PersonName>',
  "<InlineBinary>AAAA</InlineBinary>",
  "<",
  ">",
  "&",
  '<a xmlns:b="c" b:d="e"/>',
  "\0",
  "<Item>".repeat(20_000),
)
export const xml = fc.array(xmlPiece, { maxLength: 14 }).map((pieces) => pieces.join(""))

/** Metadata of a real object whose pixel data come in a part of their own. */
const sound = corpus
  .filter(({ name }) => ["ct", "report", "charset", "enhanced"].includes(name))
  .map(({ bytes }): DicomJson => {
    const attributes = attributesOf(parsePart10(bytes))
    return "7FE00010" in attributes ? { ...attributes, "7FE00010": { vr: "OW", BulkDataURI: "bulk/1" } } : attributes
  })

const nearMetadata = fc
  .tuple(
    fc.constantFrom(...sound),
    fc.dictionary(tag, attribute, { maxKeys: 2 }),
    fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 2 }),
  )
  .map(([base, changes, removed]) => {
    const kept = Object.entries({ ...base, ...changes })
    for (const at of removed) kept.splice(Math.floor(at * kept.length), 1)
    return Object.fromEntries(kept) as DicomJson
  })

/** A work item that could be scheduled, and a state that could be asked for, with something changed. */
export const nearWorkitem = fc
  .tuple(
    fc.constantFrom("SCHEDULED", "SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"),
    fc.dictionary(tag, attribute, { maxKeys: 2 }),
  )
  .map(([state, changes]) =>
    JSON.stringify([
      {
        "00404041": { vr: "CS", Value: ["READY"] },
        "00404005": { vr: "DT", Value: ["20261124120000"] },
        "00741000": { vr: "CS", Value: [state] },
        "00741200": { vr: "CS", Value: ["MEDIUM"] },
        "00741204": { vr: "LO", Value: ["Read the knee"] },
        ...(state === "SCHEDULED" ? {} : { "00081195": { vr: "UI", Value: ["1.2.3.4"] } }),
        ...changes,
      },
    ]),
  )

/** What is no attribute map has no XML of its own. */
const safeXml = (attributes: DicomJson) => {
  try {
    return nativeXml(attributes)
  } catch {
    return "<NativeDicomModel/>"
  }
}

/** Root parts of a store request, with the media type that they say. */
export const metadataStore = fc.oneof(
  json.map((text) => ({ type: "application/dicom+json", text })),
  xml.map((text) => ({ type: "application/dicom+xml", text })),
  nearMetadata.map((one) => ({ type: "application/dicom+json", text: JSON.stringify([one]) })),
  fc.tuple(nearMetadata, fc.option(fc.double({ min: 0, max: 1, noNaN: true }))).map(([one, cut]) => {
    const text = safeXml(one)
    return { type: "application/dicom+xml", text: cut === null ? text : text.slice(0, Math.floor(cut * text.length)) }
  }),
)
