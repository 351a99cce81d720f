// Functions of our own inside SQLite: wildcards for searches, and what a migration makes anew from stored attributes.
import type { DatabaseSync } from "node:sqlite"
import type { DicomJson } from "../domain/instance.ts"
import { columnValue, otherNames, pick, seriesTags, studyTags } from "./attributes.ts"
import { nameMatches, wildcardMatches } from "./wildcard.ts"

const text = (value: unknown) => (typeof value === "string" ? value : "")
const parse = (value: unknown) => JSON.parse(text(value) || "{}") as DicomJson

export const registerFunctions = (db: DatabaseSync) => {
  const define = (name: string, compute: (first: unknown, second: unknown) => string | number) =>
    db.function(name, { deterministic: true }, compute)
  define("wildcard", (pattern, value) => Number(wildcardMatches(text(pattern), text(value))))
  define("name_wildcard", (pattern, value) => Number(nameMatches(text(pattern), text(value))))
  define("line_wildcard", (pattern, lines) =>
    Number(
      text(lines)
        .split("\n")
        .some((line) => nameMatches(text(pattern), line)),
    ),
  )
  define("column_value", (attributes, tag) => columnValue(parse(attributes), text(tag)))
  define("other_names", (attributes, tag) => otherNames(parse(attributes), text(tag)))
  define("level_attributes", (attributes, level) =>
    JSON.stringify(pick(parse(attributes), level === "study" ? studyTags : seriesTags)),
  )
}
