// Whose an instance is, as a key that is compared and never shown.
import type { DicomJson } from "../domain/instance.ts"
import { text } from "./attributes.ts"

/** PatientID with its issuer; empty when there is no PatientID. */
export const patientOf = ({ attributes }: { readonly attributes: DicomJson }): string => {
  const id = text(attributes, "00100020")
  return id === "" ? "" : `${id}\u0000${text(attributes, "00100021")}`
}
