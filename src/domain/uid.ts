// DICOM unique identifiers, branded per level so that a series is never passed where a study is meant.
import * as Schema from "effect/Schema"

/** PS3.5 §9.1: digits and dots, at most 64 characters. Leading zeros in a component occur in the field and are let through. */
const uid = Schema.String.check(
  Schema.isPattern(/^[0-9]+(\.[0-9]+)*$/, { expected: "a DICOM UID" }),
  Schema.isMaxLength(64),
)

export const StudyInstanceUID = uid.pipe(Schema.brand("StudyInstanceUID"))
export type StudyInstanceUID = typeof StudyInstanceUID.Type

export const SeriesInstanceUID = uid.pipe(Schema.brand("SeriesInstanceUID"))
export type SeriesInstanceUID = typeof SeriesInstanceUID.Type

export const SOPInstanceUID = uid.pipe(Schema.brand("SOPInstanceUID"))
export type SOPInstanceUID = typeof SOPInstanceUID.Type

/** Of whatever level. */
export const AnyUID = uid.pipe(Schema.brand("AnyUID"))
export type AnyUID = typeof AnyUID.Type
