// Metadata documents and the bulk data they refer to as Part 10 files, by plain calls: on the main thread where it is
// cheap, else on another.
import { DataSetError } from "../dicom/data-set-error.ts"
import type { DocumentSyntax } from "../dicom/document-form.ts"
import { fileMeta } from "../dicom/file-meta.ts"
import { explicitLittleEndian } from "../dicom/part10.ts"
import { readDicomJson } from "../dicom/read-dicom-json.ts"
import { nativeXmlReader } from "../dicom/read-native-xml.ts"
import { type Chunk, writeDataSet } from "../dicom/write-data-set.ts"
import type { DicomJson } from "../domain/instance.ts"
import { type BulkIndex, bulkAt } from "./bulk-index.ts"
import { pixelForm } from "./pixel-form.ts"
import { Refusal } from "./refusal.ts"
import { singleText } from "./single-text.ts"
import { FailureReason, type Refused } from "./store-response.ts"

export interface MetadataJob {
  readonly documents: ReadonlyArray<{ readonly syntax: DocumentSyntax; readonly bytes: Uint8Array }>
  readonly bulk: BulkIndex
  readonly maxInstances: number
}

/** The file's chunks; spans are of the bulk data. */
export type Composed = { readonly _tag: "Composed"; readonly chunks: ReadonlyArray<Chunk> } | Refused

/** Twice the parts that a request may have: thousands of references to thousands of frames each are no object. */
const maxSpans = 50_000

const mapsOf = ({ syntax, bytes }: MetadataJob["documents"][number]): ReadonlyArray<DicomJson> => {
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw new DataSetError("the metadata is not UTF-8")
  }
  if (syntax === "json") return readDicomJson(text)
  const xml = nativeXmlReader()
  xml.write(text)
  return [xml.close()]
}

const chunksOf = (attributes: DicomJson, bulk: BulkIndex, spend: (spans: number) => void): ReadonlyArray<Chunk> => {
  const SOPClassUID = singleText(attributes, "00080016")
  const SOPInstanceUID = singleText(attributes, "00080018")
  if (SOPClassUID === undefined || SOPInstanceUID === undefined) {
    throw new Refusal({
      reason: FailureReason.cannotUnderstand,
      detail: "the SOP class or instance UID is missing",
    })
  }
  const uri = attributes["7FE00010"]?.BulkDataURI
  const pixels = typeof uri === "string" ? bulkAt(bulk, uri) : []
  spend(pixels.length)
  const form = pixels.length === 0 ? { TransferSyntaxUID: explicitLittleEndian } : pixelForm(attributes, pixels)
  return [
    fileMeta({ SOPClassUID, SOPInstanceUID, TransferSyntaxUID: form.TransferSyntaxUID }),
    ...writeDataSet(attributes, {
      bulk: (uri, tag) => {
        const parts = bulkAt(bulk, uri)
        if (parts.length === 0) throw new DataSetError(`no part came for the BulkDataURI of ${tag}`)
        spend(parts.length)
        return parts
      },
      encapsulated: "encapsulated" in form ? form.encapsulated : undefined,
    }),
  ]
}

/** In the order of the maps. Throws DataSetError where the metadata as a whole is at fault. */
export const composeInstances = ({ documents, bulk, maxInstances }: MetadataJob): ReadonlyArray<Composed> => {
  const maps = documents.flatMap(mapsOf)
  if (maps.length > maxInstances) throw new DataSetError(`the metadata is of more than ${maxInstances} instances`)
  let spans = 0
  const spend = (count: number) => {
    spans += count
    if (spans > maxSpans) throw new DataSetError(`more than ${maxSpans} references to bulk data`)
  }
  return maps.map((attributes): Composed => {
    try {
      return { _tag: "Composed", chunks: chunksOf(attributes, bulk, spend) }
    } catch (thrown) {
      const known = thrown instanceof Refusal ? thrown : undefined
      if (known === undefined && !(thrown instanceof DataSetError)) throw thrown
      return {
        _tag: "Refused",
        reason: known?.reason ?? FailureReason.cannotUnderstand,
        detail: (thrown as Refusal | DataSetError).detail,
        SOPInstanceUID: singleText(attributes, "00080018"),
        SOPClassUID: singleText(attributes, "00080016"),
      }
    }
  })
}
