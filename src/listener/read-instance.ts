// What the ledger is told of a received file: read from its header, checked, never from what the sender says beside it.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { namedInMeta } from "../dicom/file-meta.ts"
import { Part10Error } from "../dicom/part10-error.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../domain/uid.ts"
import type { NewInstance } from "../ledger/Ledger.ts"
import { beginning } from "./draft-content.ts"
import { cheapLimits, type FileContent, type Header, readHeader } from "./header.ts"
import { ReadingThreads } from "./ReadingThreads.ts"
import { Refusal } from "./refusal.ts"
import { singleText } from "./single-text.ts"
import { FailureReason, WarningReason } from "./store-response.ts"

/** File meta information is a few hundred bytes. */
const metaBytes = 4096
/** DICOMDIR (PS3.10 §8): names objects and is none. */
const directoryClass = "1.2.840.10008.1.3.10"

const Uids = Schema.Struct({ StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID })

export interface ReadInstance extends Omit<NewInstance, "digest" | "bytes"> {
  /** WarningReason (0008,1196). */
  readonly warning: number | undefined
}

/** At once where that is cheap, which nearly every header is: the way to a thread and back costs more. */
const openHeader = (content: FileContent): Effect.Effect<Header, Part10Error, ReadingThreads> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(readHeader(content, cheapLimits))
    } catch (thrown) {
      // What the file system throws is a defect: the caller named a file of ours.
      if (!(thrown instanceof Part10Error)) return Effect.die(thrown)
      return thrown.reason === "too-large"
        ? Effect.flatMap(ReadingThreads, (threads) => threads.header(content))
        : Effect.fail(thrown)
    }
  })

/** `study`: the one the address names, if any. */
export const readInstance = Effect.fnUntraced(function* (content: FileContent, study: string | undefined) {
  const said = namedInMeta(yield* beginning(content, metaBytes))
  const ofMeta = {
    ...(said.SOPInstanceUID === undefined ? {} : { SOPInstanceUID: said.SOPInstanceUID }),
    ...(said.SOPClassUID === undefined ? {} : { SOPClassUID: said.SOPClassUID }),
  }
  if (said.SOPClassUID === directoryClass) {
    return yield* Effect.fail(
      new Refusal({ reason: FailureReason.sopClass, detail: "a directory is no object to store" }),
    )
  }
  const { attributes, TransferSyntaxUID, isCut } = yield* openHeader(content).pipe(
    Effect.mapError(({ detail }) => new Refusal({ reason: FailureReason.cannotUnderstand, detail, ...ofMeta })),
  )
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
    return yield* Effect.fail(new Refusal({ reason: FailureReason.cannotUnderstand, detail, ...known }))
  }
  if (study !== undefined && study !== uids.StudyInstanceUID) {
    const detail = "the instance belongs to another study than the address names"
    return yield* Effect.fail(new Refusal({ reason: FailureReason.mismatch, detail, ...known }))
  }
  if (isCut) {
    const detail = "the pixel data end before they should"
    return yield* Effect.fail(new Refusal({ reason: FailureReason.cannotUnderstand, detail, ...known }))
  }
  // The data set counts; whoever reads the file meta information only is told something else.
  const mismatch = said.SOPClassUID !== undefined && said.SOPClassUID !== SOPClassUID
  const warning = mismatch ? WarningReason.mismatch : undefined
  return { ...uids, SOPClassUID, TransferSyntaxUID, attributes, warning } satisfies ReadInstance
})
