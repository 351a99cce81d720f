// Which attributes belong to a study, a series, an instance, and the columns that index some of them.
import type { DicomJson } from "../domain/instance.ts"

/** Patient and study attributes (PS3.3 §C.7.1, §C.7.2), as far as QIDO-RS returns them. */
export const studyTags: ReadonlySet<string> = new Set([
  "00080005",
  "00080020",
  "00080030",
  "00080050",
  "00080051",
  "00080090",
  "00080201",
  "00081030",
  "00081032",
  "00081048",
  "00081060",
  "00100010",
  "00100020",
  "00100021",
  "00100030",
  "00100032",
  "00100040",
  "00101000",
  "00101010",
  "00101020",
  "00101030",
  "00102160",
  "00104000",
  "0020000D",
  "00200010",
  "00321060",
  "00321064",
  "00324000",
])

/** Series and equipment attributes (PS3.3 §C.7.3, §C.7.5). */
export const seriesTags: ReadonlySet<string> = new Set([
  "00080021",
  "00080031",
  "00080060",
  "00080070",
  "00080080",
  "00081010",
  "0008103E",
  "0008103F",
  "00081040",
  "00081050",
  "00081070",
  "00081090",
  "00081111",
  "00180015",
  "00181000",
  "00181020",
  "00181030",
  "00185100",
  "0020000E",
  "00200011",
  "00200052",
  "00200060",
  "00201040",
  "00400244",
  "00400245",
  "00400253",
  "00400254",
  "00400275",
])

/** Attributes with a column of their own, by tag. */
export const columns: Readonly<
  Record<string, { readonly table: "study" | "series" | "instance"; readonly name: string }>
> = {
  "00080020": { table: "study", name: "StudyDate" },
  "00080030": { table: "study", name: "StudyTime" },
  "00080050": { table: "study", name: "AccessionNumber" },
  "00080090": { table: "study", name: "ReferringPhysicianName" },
  "00100010": { table: "study", name: "PatientName" },
  "00100020": { table: "study", name: "PatientID" },
  "0020000D": { table: "study", name: "StudyInstanceUID" },
  "00200010": { table: "study", name: "StudyID" },
  "00080060": { table: "series", name: "Modality" },
  "0020000E": { table: "series", name: "SeriesInstanceUID" },
  "00200011": { table: "series", name: "SeriesNumber" },
  "00400244": { table: "series", name: "PerformedProcedureStepStartDate" },
  "00400245": { table: "series", name: "PerformedProcedureStepStartTime" },
  "00080016": { table: "instance", name: "SOPClassUID" },
  "00080018": { table: "instance", name: "SOPInstanceUID" },
  "00200013": { table: "instance", name: "InstanceNumber" },
}

/** First value as text; a person name by its alphabetic group. */
export const text = (attributes: DicomJson, tag: string): string => {
  const value = attributes[tag]?.Value?.[0]
  if (typeof value === "string" || typeof value === "number") return String(value)
  const name = (value as { readonly Alphabetic?: unknown } | null | undefined)?.Alphabetic
  return typeof name === "string" ? name : ""
}

export const pick = (attributes: DicomJson, tags: ReadonlySet<string>): DicomJson =>
  Object.fromEntries(Object.entries(attributes).filter(([tag]) => tags.has(tag)))
