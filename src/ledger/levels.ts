// The rows of studies and series as an instance's attributes give them: when it comes first, and when it is the oldest left.
import type { DicomJson } from "../domain/instance.ts"
import { columns, columnValue, otherNames, pick, seriesTags, studyTags } from "./attributes.ts"
import { patientOf } from "./patient.ts"

const tagsOf = (table: "study" | "series", key: string) =>
  Object.entries(columns).filter(([tag, column]) => column.table === table && tag !== key)
const studyTagged = tagsOf("study", "0020000D")
const seriesTagged = tagsOf("series", "0020000E")

export const studyColumns: ReadonlyArray<string> = [
  ...studyTagged.map(([, { name }]) => name),
  "PatientNameOther",
  "ReferringPhysicianNameOther",
  "patient",
  "attributes",
]

/** In the order of `studyColumns`. */
export const studyValues = (attributes: DicomJson): ReadonlyArray<string> => [
  ...studyTagged.map(([tag]) => columnValue(attributes, tag)),
  otherNames(attributes, "00100010"),
  otherNames(attributes, "00080090"),
  patientOf({ attributes }),
  JSON.stringify(pick(attributes, studyTags)),
]

export const seriesColumns: ReadonlyArray<string> = [...seriesTagged.map(([, { name }]) => name), "attributes"]

/** In the order of `seriesColumns`. */
export const seriesValues = (attributes: DicomJson): ReadonlyArray<string> => [
  ...seriesTagged.map(([tag]) => columnValue(attributes, tag)),
  JSON.stringify(pick(attributes, seriesTags)),
]
