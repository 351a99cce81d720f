// Store Instances Response Module (PS3.18 §10.5.3 and Annex I) as an attribute map.
import type { DicomJson } from "../domain/instance.ts"
import { retrieveUrl } from "../dicom/web-links.ts"

/** FailureReason (0008,1197): PS3.18 §I.2.2, PS3.4 §B.2.3, PS3.7 Annex C. */
export const FailureReason = {
  /** Nothing else says it. */
  processing: 0x0110,
  /** Same SOP Instance UID, other content: the first is kept. */
  duplicate: 0x0111,
  /** What is sent is no object to store, such as a directory. */
  sopClass: 0x0122,
  notAuthorized: 0x0124,
  outOfResources: 0xa700,
  /** The object is not what its class, its attributes or the address say. */
  mismatch: 0xa900,
  cannotUnderstand: 0xc000,
  transferSyntax: 0xc122,
} as const

/** WarningReason (0008,1196), PS3.18 §I.2.1. */
export const WarningReason = {
  /** The file meta information names another object than the data set, which counts. */
  mismatch: 0xb007,
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
      readonly warning?: number | undefined
      readonly StudyInstanceUID: string
      readonly SeriesInstanceUID: string
      readonly SOPInstanceUID: string
      readonly SOPClassUID: string
    }

const UI = (value: string | undefined) =>
  value === undefined || value === "" ? { vr: "UI" } : { vr: "UI", Value: [value] }
const UR = (value: string) => ({ vr: "UR", Value: [value] })
const US = (value: number) => ({ vr: "US", Value: [value] })
/** Sequences are there only when they have items: an empty failed sequence reads as failure to some senders. */
const SQ = (tag: string, items: ReadonlyArray<DicomJson>): DicomJson =>
  items.length === 0 ? {} : { [tag]: { vr: "SQ", Value: items } }

const reasonOf = ({ reason, detail }: Refused): DicomJson => ({
  // ErrorComment: beyond the module, where the codes say too little.
  "00000902": { vr: "LO", Value: [detail.slice(0, 64)] },
  "00081197": US(reason),
})

export const storeResponse = (base: string, outcomes: ReadonlyArray<Outcome>): DicomJson => {
  const stored = outcomes.filter((outcome) => outcome._tag === "Stored")
  const refused = outcomes.filter((outcome) => outcome._tag === "Refused")
  const [study, ...others] = new Set(stored.map(({ StudyInstanceUID }) => StudyInstanceUID))
  return {
    // Of the study, if it is one (type 2).
    "00081190":
      study === undefined || others.length > 0 ? { vr: "UR" } : UR(retrieveUrl(base, { StudyInstanceUID: study })),
    ...SQ(
      "00081198",
      refused.map((each) => ({
        ...reasonOf(each),
        "00081150": UI(each.SOPClassUID),
        "00081155": UI(each.SOPInstanceUID),
      })),
    ),
    ...SQ(
      "00081199",
      stored.map((uids) => ({
        "00081150": UI(uids.SOPClassUID),
        "00081155": UI(uids.SOPInstanceUID),
        "00081190": UR(retrieveUrl(base, uids)),
        ...(uids.warning === undefined ? {} : { "00081196": US(uids.warning) }),
      })),
    ),
    // Parts of which nobody can say what they were meant to be stand here too: the module has this sequence for them, but
    // senders look at the failed one only.
    ...SQ("0008119A", refused.filter(({ SOPInstanceUID }) => (SOPInstanceUID ?? "") === "").map(reasonOf)),
  }
}

/**
 * PS3.18 §10.5.3.1: 200 only when everything was stored as it came, of however many studies; 409 when nothing was; 202
 * between them.
 */
export const storeStatus = (outcomes: ReadonlyArray<Outcome>): 200 | 202 | 409 => {
  const stored = outcomes.filter((outcome) => outcome._tag === "Stored")
  if (stored.length === 0) return 409
  return stored.length === outcomes.length && stored.every(({ warning }) => warning === undefined) ? 200 : 202
}
