// Which attributes belong to a study, a series, an instance, and the columns that index some of them.
import type { DicomJson } from "../domain/instance.ts"
import { comparables } from "./comparable.ts"

const tags = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Patient, study, visit and trial attributes (PS3.3 §C.7.1, §C.7.2), as far as they are not for the whole file only. */
export const studyTags = tags(`
  00080005 00080020 00080030 00080050 00080051 00080090 00080096 0008009C 0008009D 00080201
  00081030 00081032 00081048 00081049 00081060 00081062 00081080 00081084 00081110 00081120
  00100010 00100020 00100021 00100022 00100024 00100026 00100027 00100030 00100032 00100033
  00100034 00100035 00100040 00100101 00100102 00100200 00101000 00101001 00101002 00101005
  00101010 00101020 00101021 00101022 00101030 00101040 00101060 00101100 00102000 00102110
  00102160 00102180 001021A0 001021B0 001021C0 001021D0 00102201 00102202 00102203 00102292
  00102293 00102297 00102299 00104000 00120010 00120020 00120021 00120030 00120031 00120040
  00120042 00120050 00120051 00120062 00120063 00120064 0020000D 00200010 00321032 00321033
  00321034 00321060 00321064 00324000 00380010 00380014 00380060 00380062 00380064 00380500
  00401012
`)

/** Series, frame of reference and equipment attributes (PS3.3 §C.7.3, §C.7.4, §C.7.5). */
export const seriesTags = tags(`
  00080021 00080031 00080060 00080068 00080070 00080080 00080081 00081010 0008103E 0008103F
  00081040 00081041 00081050 00081052 00081070 00081072 00081090 00081111 00081250 00180015
  00181000 00181002 00181020 00181030 00181050 00181200 00181201 00185100 0020000E 00200011
  00200052 00200060 00201040 00400244 00400245 00400250 00400251 00400253 00400254 00400260
  00400275 00400280
`)

export interface Column {
  readonly table: "study" | "series" | "instance"
  readonly name: string
  readonly vr: string
}

/** Attributes with a column of their own, by tag: the first comparable value. */
export const columns: Readonly<Record<string, Column>> = {
  "00080020": { table: "study", name: "StudyDate", vr: "DA" },
  "00080030": { table: "study", name: "StudyTime", vr: "TM" },
  "00080050": { table: "study", name: "AccessionNumber", vr: "SH" },
  "00080090": { table: "study", name: "ReferringPhysicianName", vr: "PN" },
  "00100010": { table: "study", name: "PatientName", vr: "PN" },
  "00100020": { table: "study", name: "PatientID", vr: "LO" },
  "0020000D": { table: "study", name: "StudyInstanceUID", vr: "UI" },
  "00200010": { table: "study", name: "StudyID", vr: "SH" },
  "00080060": { table: "series", name: "Modality", vr: "CS" },
  "0020000E": { table: "series", name: "SeriesInstanceUID", vr: "UI" },
  "00200011": { table: "series", name: "SeriesNumber", vr: "IS" },
  "00400244": { table: "series", name: "PerformedProcedureStepStartDate", vr: "DA" },
  "00400245": { table: "series", name: "PerformedProcedureStepStartTime", vr: "TM" },
  "00080016": { table: "instance", name: "SOPClassUID", vr: "UI" },
  "00080018": { table: "instance", name: "SOPInstanceUID", vr: "UI" },
  "00200013": { table: "instance", name: "InstanceNumber", vr: "IS" },
}

/** The value of an attribute's column. */
export const columnValue = (attributes: DicomJson, tag: string): string =>
  comparables(attributes[tag], columns[tag]?.vr ?? "UN")[0] ?? ""

/** What else finds a name than its alphabetic group, a line each. */
export const otherNames = (attributes: DicomJson, tag: string): string =>
  comparables(attributes[tag], "PN").slice(1).join("\n")

/** First value as text; a person name by its alphabetic group. */
export const text = (attributes: DicomJson, tag: string): string => {
  const value = attributes[tag]?.Value?.[0]
  if (typeof value === "string" || typeof value === "number") return String(value)
  const name = (value as { readonly Alphabetic?: unknown } | null | undefined)?.Alphabetic
  return typeof name === "string" ? name : ""
}

export const pick = (attributes: DicomJson, tags: ReadonlySet<string>): DicomJson =>
  Object.fromEntries(Object.entries(attributes).filter(([tag]) => tags.has(tag)))
