// Store Instances Response Module (PS3.18 §10.5.3 and Annex I) as DICOM JSON.
import type { DicomJson } from "../domain/instance.ts"
import { retrieveUrl } from "../dicom/web-links.ts"

/** FailureReason (0008,1197), PS3.18 §I.2.2 and PS3.4 §B.2.3. */
export const FailureReason = {
  /** Nothing else says it. */
  processing: 0x0110,
  /** Same SOP Instance UID, other content: the first is kept. */
  duplicate: 0x0111,
  /** PS3.7 Annex C: refused, not authorized. */
  notAuthorized: 0x0124,
  outOfResources: 0xa700,
  /** The object belongs to another study than the address says. */
  mismatch: 0xa900,
  cannotUnderstand: 0xc000,
} as const

export interface Refused {
  readonly _tag: "Refused"
  readonly reason: number
  /** For people; no attribute values. */
  readonly detail: string
  readonly SOPInstanceUID?: string | undefined
  readonly SOPClassUID?: string | undefined
}

export type Outcome =
  | Refused
  | {
      readonly _tag: "Stored"
      /** False when the same bytes were stored before. */
      readonly fresh: boolean
      readonly StudyInstanceUID: string
      readonly SeriesInstanceUID: string
      readonly SOPInstanceUID: string
      readonly SOPClassUID: string
    }

const UI = (value: string | undefined) =>
  value === undefined || value === "" ? { vr: "UI" } : { vr: "UI", Value: [value] }
const UR = (value: string) => ({ vr: "UR", Value: [value] })

/** Sequences are there only when they have items: an empty failed sequence reads as failure to some senders. */
export const storeResponse = (base: string, outcomes: ReadonlyArray<Outcome>): DicomJson => {
  const stored = outcomes.filter((outcome) => outcome._tag === "Stored")
  const refused = outcomes.filter((outcome) => outcome._tag === "Refused")
  const studies = new Set(stored.map(({ StudyInstanceUID }) => StudyInstanceUID))
  const [study] = studies
  return {
    ...(study !== undefined && studies.size === 1
      ? { "00081190": UR(retrieveUrl(base, { StudyInstanceUID: study })) }
      : {}),
    ...(refused.length === 0
      ? {}
      : {
          "00081198": {
            vr: "SQ",
            Value: refused.map(({ reason, detail, SOPClassUID, SOPInstanceUID }) => ({
              // ErrorComment: beyond the module, where the codes say too little.
              "00000902": { vr: "LO", Value: [detail.slice(0, 64)] },
              "00081150": UI(SOPClassUID),
              "00081155": UI(SOPInstanceUID),
              "00081197": { vr: "US", Value: [reason] },
            })),
          },
        }),
    ...(stored.length === 0
      ? {}
      : {
          "00081199": {
            vr: "SQ",
            Value: stored.map((uids) => ({
              "00081150": UI(uids.SOPClassUID),
              "00081155": UI(uids.SOPInstanceUID),
              "00081190": UR(retrieveUrl(base, uids)),
            })),
          },
        }),
  }
}

/** PS3.18 §10.5.3.1: everything, something or nothing was stored. */
export const storeStatus = (outcomes: ReadonlyArray<Outcome>): 200 | 202 | 409 => {
  const stored = outcomes.some(({ _tag }) => _tag === "Stored")
  return outcomes.every(({ _tag }) => _tag === "Stored") ? 200 : stored ? 202 : 409
}
