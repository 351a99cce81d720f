// What the ledger is told of a received file: read from its header, checked, never from what the sender says beside it.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { attributesOf } from "../dicom/json.ts"
import { openPart10, type Part10Content } from "../dicom/open-part10.ts"
import type { DicomJson } from "../domain/instance.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { NewInstance } from "../ledger/Ledger.ts"
import { FailureReason } from "./store-response.ts"

export class Refusal extends Schema.TaggedError<Refusal>()("Refusal", {
  /** FailureReason (0008,1197). */
  reason: Schema.Number,
  detail: Schema.String,
  SOPInstanceUID: Schema.optionalKey(Schema.String),
  SOPClassUID: Schema.optionalKey(Schema.String),
}) {}

// Opening is synchronous: what it may cost the other callers is bounded.
const limits = { headerBytes: 32 * 2 ** 20, inflatedBytes: 128 * 2 ** 20 }

const Uids = Schema.Struct({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID })

/** The one value; of several, none can be relied on. */
export const singleText = (attributes: DicomJson, tag: string): string | undefined => {
  const [value, ...more] = attributes[tag]?.Value ?? []
  return typeof value === "string" && more.length === 0 ? value : undefined
}

export type ReadInstance = Omit<NewInstance, "digest" | "bytes">

/** `study`: the one the address names, if any. */
export const readInstance = Effect.fnUntraced(function* (content: Part10Content, study: string | undefined) {
  const part10 = yield* openPart10(content, limits).pipe(
    Effect.mapError(({ detail }) => new Refusal({ reason: FailureReason.cannotUnderstand, detail })),
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
  return { ...uids, SOPClassUID, TransferSyntaxUID: part10.TransferSyntaxUID, attributes } satisfies ReadInstance
})
