// Instances sent as metadata with bulk data (PS3.18 §10.5.1, §8.7.3): put together as Part 10 files once all parts are here.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DataSetError } from "../dicom/data-set-error.ts"
import { fileMeta } from "../dicom/file-meta.ts"
import { parseMediaType } from "../dicom/media-type.ts"
import { readDicomJson } from "../dicom/read-dicom-json.ts"
import { nativeXmlReader } from "../dicom/read-native-xml.ts"
import { writeDataSet } from "../dicom/write-data-set.ts"
import type { DicomJson } from "../domain/instance.ts"
import type { BlobError } from "../ledger/Blobs.ts"
import { type BulkParts, bulkParts } from "./bulk-parts.ts"
import { MultipartError } from "./multipart-error.ts"
import type { Part } from "./parts.ts"
import { pixelForm } from "./pixel-form.ts"
import { Refusal, singleText } from "./read-instance.ts"
import type { Halt, ReceiveLimits } from "./receive.ts"
import { FailureReason, type Refused } from "./store-response.ts"

/** Of all metadata of one request: a thousand instances' headers. Reading takes several times as much memory. */
const maxMetadataBytes = 16 * 2 ** 20
const explicitLittleEndian = "1.2.840.10008.1.2.1"

export const metadataTypes: ReadonlySet<string> = new Set(["application/dicom+json", "application/dicom+xml"])

/** As dcm4che's stowrs calls metadata in JSON, of the payload and of its part. */
export const plainJson = "application/json"

const malformed = (thrown: unknown) => {
  if (thrown instanceof DataSetError) return new MultipartError({ reason: "malformed", detail: thrown.detail })
  throw thrown
}

/** The attribute maps of a metadata part, read as it arrives. `spend` counts its bytes. */
const mapsOf = Effect.fnUntraced(function* (part: Part, spend: (bytes: number) => Effect.Effect<void, MultipartError>) {
  const utf8 = new TextDecoder("utf-8", { fatal: true })
  const isXml = part.mediaType.type === "application/dicom+xml"
  const xml = nativeXmlReader()
  const json: Array<string> = []
  const read = (bytes: Uint8Array | undefined) =>
    Effect.try({
      try: () => {
        const text = bytes === undefined ? utf8.decode() : utf8.decode(bytes, { stream: true })
        if (isXml) xml.write(text)
        else json.push(text)
      },
      catch: (thrown) =>
        malformed(thrown instanceof TypeError ? new DataSetError("the metadata is not UTF-8") : thrown),
    })
  yield* Stream.runForEach(part.body, (bytes) => Effect.andThen(spend(bytes.length), read(bytes)))
  yield* read(undefined)
  return yield* Effect.try({ try: () => (isXml ? [xml.close()] : readDicomJson(json.join(""))), catch: malformed })
})

const compose = Effect.fnUntraced(function* (attributes: DicomJson, bulk: BulkParts) {
  const SOPClassUID = singleText(attributes, "00080016")
  const SOPInstanceUID = singleText(attributes, "00080018")
  if (SOPClassUID === undefined || SOPInstanceUID === undefined) {
    return yield* new Refusal({
      reason: FailureReason.cannotUnderstand,
      detail: "the SOP class or instance UID is missing",
    })
  }
  const uri = attributes["7FE00010"]?.BulkDataURI
  const pixels = typeof uri === "string" ? bulk.find(uri) : []
  const form = pixels.length === 0 ? { TransferSyntaxUID: explicitLittleEndian } : yield* pixelForm(attributes, pixels)
  const chunks = yield* Effect.try({
    try: () => [
      fileMeta({ SOPClassUID, SOPInstanceUID, TransferSyntaxUID: form.TransferSyntaxUID }),
      ...writeDataSet(attributes, {
        bulk: (uri, tag) => {
          const parts = bulk.find(uri)
          if (parts.length === 0) throw new DataSetError(`no part came for the BulkDataURI of ${tag}`)
          return parts
        },
        encapsulated: "encapsulated" in form ? form.encapsulated : undefined,
      }),
    ],
    catch: (thrown) => {
      if (thrown instanceof DataSetError)
        return new Refusal({ reason: FailureReason.cannotUnderstand, detail: thrown.detail })
      throw thrown
    },
  })
  const part: Part = { headers: new Map(), mediaType: parseMediaType("application/dicom"), body: bulk.read(chunks) }
  return part
})

const instanceOf = (attributes: DicomJson, bulk: BulkParts): Effect.Effect<Part | Refused> =>
  Effect.catch(compose(attributes, bulk), ({ reason, detail }) =>
    Effect.succeed<Refused>({
      _tag: "Refused",
      reason,
      detail,
      SOPInstanceUID: singleText(attributes, "00080018"),
      SOPClassUID: singleText(attributes, "00080016"),
    }),
  )

/** Parts that are DICOM files pass; metadata parts and the bulk data behind them become parts that are. */
export const metadataInstances = <E extends MultipartError | BlobError | Halt, R>(
  parts: Stream.Stream<Part, E, R>,
  base: string,
  limits: ReceiveLimits,
) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const bulk = yield* bulkParts(base, limits)
      const maps: Array<DicomJson> = []
      let left = maxMetadataBytes
      const spend = (bytes: number) => {
        left -= bytes
        return left < 0
          ? Effect.fail(
              new MultipartError({ reason: "too-large", detail: `more than ${maxMetadataBytes} bytes of metadata` }),
            )
          : Effect.void
      }
      const sort = Effect.fnUntraced(function* (part: Part) {
        const isDicom = part.headers.has("content-type") && part.mediaType.type === "application/dicom"
        if (metadataTypes.has(part.mediaType.type) || part.mediaType.type === plainJson)
          maps.push(...(yield* mapsOf(part, spend)))
        else if (maps.length > 0 && !isDicom) yield* bulk.take(part)
        else return [part]
        return []
      })
      const files = parts.pipe(
        Stream.mapEffect(sort),
        Stream.flatMap((each) => Stream.fromIterable(each)),
      )
      const composed = Stream.suspend(() => Stream.fromIterable(maps)).pipe(
        Stream.mapEffect((attributes) => instanceOf(attributes, bulk)),
      )
      return Stream.concat(files, composed)
    }),
  )
