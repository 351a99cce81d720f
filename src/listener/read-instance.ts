// What the ledger is told of a received file: read from its header, checked, never from what the sender says beside it.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { attributesOf } from "../dicom/json.ts"
import { namedInMeta } from "../dicom/file-meta.ts"
import { openPart10, type Part10Content } from "../dicom/open-part10.ts"
import { deflatedExplicit, type Part10 } from "../dicom/part10.ts"
import type { DicomJson } from "../domain/instance.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { NewInstance } from "../ledger/Ledger.ts"
import { beginning } from "./draft-content.ts"
import { openDeflated } from "./inflate.ts"
import { FailureReason, WarningReason } from "./store-response.ts"

export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", {
  /** FailureReason (0008,1197). */
  reason: Schema.Number,
  detail: Schema.String,
  SOPInstanceUID: Schema.optionalKey(Schema.String),
  SOPClassUID: Schema.optionalKey(Schema.String),
}) {}

// Opening is synchronous: what it may cost the other callers is bounded.
// Two million elements would hold it for many seconds; ten thousand frames with their functional groups have 300,000.
const limits = { headerBytes: 32 * 2 ** 20, elements: 300_000 }
/** File meta information is a few hundred bytes. */
const metaBytes = 4096
/** DICOMDIR (PS3.10 §8): names objects and is none. */
const directoryClass = "1.2.840.10008.1.3.10"

const Uids = Schema.Struct({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID })

/** The one value; of several, none can be relied on. */
export const singleText = (attributes: DicomJson, tag: string): string | undefined => {
  const [value, ...more] = attributes[tag]?.Value ?? []
  return typeof value === "string" && more.length === 0 ? value : undefined
}

export interface ReadInstance extends Omit<NewInstance, "digest" | "bytes"> {
  /** WarningReason (0008,1196). */
  readonly warning: number | undefined
}

/** A native value that runs past the end of the file, or a fragment that does, as far as the bytes are in memory. */
const isCut = ({ pixelData, fileBytes, littleEndian, source }: Part10): boolean => {
  if (pixelData === undefined) return false
  if (pixelData.length !== undefined) return pixelData.offset + pixelData.length > fileBytes
  if (!("bytes" in source) || !littleEndian) return false
  let at = pixelData.offset
  while (at + 8 <= fileBytes && source.bytes.readUInt32LE(at) === 0xe000fffe)
    at += 8 + source.bytes.readUInt32LE(at + 4)
  return at > fileBytes
}

/** `study`: the one the address names, if any. */
export const readInstance = Effect.fnUntraced(function* (content: Part10Content, study: string | undefined) {
  const said = namedInMeta(yield* beginning(content, metaBytes))
  const ofMeta = {
    ...(said.SOPInstanceUID === undefined ? {} : { SOPInstanceUID: said.SOPInstanceUID }),
    ...(said.SOPClassUID === undefined ? {} : { SOPClassUID: said.SOPClassUID }),
  }
  if (said.SOPClassUID === directoryClass) {
    return yield* new Refusal({ reason: FailureReason.sopClass, detail: "a directory is no object to store" })
  }
  const opened =
    said.TransferSyntaxUID === deflatedExplicit ? openDeflated(content, limits) : openPart10(content, limits)
  const part10 = yield* opened.pipe(
    Effect.mapError(({ detail }) => new Refusal({ reason: FailureReason.cannotUnderstand, detail, ...ofMeta })),
  )
  const attributes = attributesOf(part10)
  const SOPClassUID = singleText(attributes, "00080016")
  const named = singleText(attributes, "00080018")
  const known = {
    ...(named === undefined ? {} : { SOPInstanceUID: named.slice(0, 64) }),
    ...(SOPClassUID === undefined ? {} : { SOPClassUID: SOPClassUID.slice(0, 64) }),
  }
  const uids = yield* Schema.decodeUnknownEffect(Uids)({
    StudyInstanceUID: singleText(attributes, "0020000D"),
    SeriesInstanceUID: singleText(attributes, "0020000E"),
    SOPInstanceUID: named,
  }).pipe(
    Effect.mapError(
      () =>
        new Refusal({
          reason: FailureReason.cannotUnderstand,
          detail: "a study, series or SOP instance UID is missing or malformed",
          ...known,
        }),
    ),
  )
  if (SOPClassUID === undefined || !/^[0-9.]{1,64}$/.test(SOPClassUID)) {
    const detail = "the SOP class UID is missing or malformed"
    return yield* new Refusal({ reason: FailureReason.cannotUnderstand, detail, ...known })
  }
  if (study !== undefined && study !== uids.StudyInstanceUID) {
    const detail = "the instance belongs to another study than the address names"
    return yield* new Refusal({ reason: FailureReason.mismatch, detail, ...known })
  }
  if (isCut(part10)) {
    const detail = "the pixel data end before they should"
    return yield* new Refusal({ reason: FailureReason.cannotUnderstand, detail, ...known })
  }
  // The data set counts; whoever reads the file meta information only is told something else.
  const mismatch = said.SOPClassUID !== undefined && said.SOPClassUID !== SOPClassUID
  const warning = mismatch ? WarningReason.mismatch : undefined
  const { TransferSyntaxUID } = part10
  return { ...uids, SOPClassUID, TransferSyntaxUID, attributes, warning } satisfies ReadInstance
})
