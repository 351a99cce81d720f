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

export type DocumentSyntax = "json" | "xml"

export const documentText = (syntax: DocumentSyntax, attributes: DicomJson): string =>
  syntax === "json" ? orderedJson(attributes) : nativeXml(attributes)

/** The body is `start`, each map's text between `before` its position from 0 and `after`, and `end`. */
export interface DocumentForm {
  readonly contentType: string
  readonly syntax: DocumentSyntax
  readonly start: string
  readonly before: (position: number) => string
  readonly after: string
  readonly end: string
}

const plain = { start: "", before: () => "", after: "", end: "" }
const json = (contentType: string, documents: Documents): DocumentForm => ({
  ...plain,
  contentType,
  syntax: "json",
  ...(documents === "object" ? {} : { start: "[", before: (position) => (position === 0 ? "" : ","), end: "]" }),
})

const singleXml: DocumentForm = { ...plain, contentType: dicomXml, syntax: "xml" }

const multipartXml = (): DocumentForm => {
  const boundary = `gateway-${randomUUID()}`
  return {
    contentType: `multipart/related; type="${dicomXml}"; boundary=${boundary}`,
    syntax: "xml",
    start: "",
    before: () => `--${boundary}\r\nContent-Type: ${dicomXml}\r\n\r\n`,
    after: "\r\n",
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

/** One of the maps, as it stands in the body. */
export const writeDocument = ({ syntax, before, after }: DocumentForm, map: DicomJson, position: number): string =>
  before(position) + documentText(syntax, map) + after

/** The whole body at once, where there are few maps. */
export const documentBody = (form: DocumentForm, documents: ReadonlyArray<DicomJson>): string =>
  form.start + documents.map((map, position) => writeDocument(form, map, position)).join("") + form.end
