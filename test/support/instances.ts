// New instances for ledger tests, with just the attributes a test names.
import { createHash } from "node:crypto"
import { Digest, type DicomJson, type Receipt } from "../../src/domain/instance.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"
import type { Acceptance, NewInstance } from "../../src/ledger/Ledger.ts"

export const newInstance = (
  study: number,
  series: number,
  n: number,
  attributes: DicomJson = {},
  content = "",
): NewInstance => ({
  StudyInstanceUID: StudyInstanceUID.make(`1.${study}`),
  SeriesInstanceUID: SeriesInstanceUID.make(`1.${study}.${series}`),
  SOPInstanceUID: SOPInstanceUID.make(`1.${study}.${series}.${n}`),
  SOPClassUID: "1.2.840.10008.5.1.4.1.1.2",
  TransferSyntaxUID: "1.2.840.10008.1.2.1",
  digest: Digest.make(createHash("sha256").update(`${study}/${series}/${n}/${content}`).digest("hex")),
  bytes: 1000,
  attributes: {
    "0020000D": { vr: "UI", Value: [`1.${study}`] },
    "0020000E": { vr: "UI", Value: [`1.${study}.${series}`] },
    "00080018": { vr: "UI", Value: [`1.${study}.${series}.${n}`] },
    "00080060": { vr: "CS", Value: ["CT"] },
    ...attributes,
  },
})

/** Number of an instance that was taken. */
export const receiptOf = (acceptance: Acceptance | undefined): Receipt => {
  if (acceptance === undefined || acceptance._tag === "NotAuthorized") throw new Error("the instance was not taken")
  return acceptance.receipt
}
