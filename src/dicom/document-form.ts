// The media types of attribute maps (PS3.18 §8.7.3.2): which one a caller takes, and how maps are written in it.
import { randomUUID } from "node:crypto"
import type { DicomJson } from "../domain/instance.ts"
import { matches, parseAccept } from "./media-type.ts"
import { nativeXml } from "./native-xml.ts"
import { orderedJson } from "./ordered-json.ts"

export const dicomJson = "application/dicom+json"
export const dicomXml = "application/dicom+xml"

/**
 * What the answer is: a list of maps; a list that has just one, so that XML need not be multipart; or one map by
 * itself, as the Store Instances Response is.
 */
export type Documents = "many" | "one" | "object"

/** The body is `start`, each map by `write` with its position from 0, and `end`. */
export interface DocumentForm {
  readonly contentType: string
  readonly start: string
  readonly write: (attributes: DicomJson, position: number) => string
  readonly end: string
}

const json = (contentType: string, documents: Documents): DocumentForm =>
  documents === "object"
    ? { contentType, start: "", write: orderedJson, end: "" }
    : {
        contentType,
        start: "[",
        write: (attributes, position) => `${position === 0 ? "" : ","}${orderedJson(attributes)}`,
        end: "]",
      }

const singleXml: DocumentForm = { contentType: dicomXml, start: "", write: nativeXml, end: "" }

const multipartXml = (): DocumentForm => {
  const boundary = `gateway-${randomUUID()}`
  return {
    contentType: `multipart/related; type="${dicomXml}"; boundary=${boundary}`,
    start: "",
    write: (attributes) => `--${boundary}\r\nContent-Type: ${dicomXml}\r\n\r\n${nativeXml(attributes)}\r\n`,
    end: `--${boundary}--\r\n`,
  }
}

/** What a refusal offers. */
export const documentTypes = `${dicomJson}, application/json, multipart/related; type="${dicomXml}"`

/** The form that the caller likes best; undefined when none is taken. `accept`: header or query parameter. */
export const documentForm = (accept: string | undefined, documents: Documents): DocumentForm | undefined => {
  for (const { type, parameters } of parseAccept(accept)) {
    if (matches(type, dicomJson)) return json(dicomJson, documents)
    if (type === "application/json") return json(type, documents)
    if (type === dicomXml && documents !== "many") return singleXml
    const part = parameters.get("type")?.toLowerCase() ?? "*/*"
    if (matches(type, "multipart/related") && matches(part, dicomXml)) return multipartXml()
  }
  return undefined
}

/** The whole body at once, where there are few maps. */
export const documentBody = (form: DocumentForm, documents: ReadonlyArray<DicomJson>): string =>
  form.start + documents.map(form.write).join("") + form.end
