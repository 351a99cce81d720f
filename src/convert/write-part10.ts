// Data sets to DICOM Part 10 bytes, explicit VR little endian (PS3.10 §7).
import dcmjs from "dcmjs"
import { decimalString } from "../dicom/decimal-string.ts"

/** DICOM keywords with their values; a sequence is an array of data sets. `undefined` is left out, `""` is an empty value. */
export interface Dataset {
  readonly [keyword: string]: Value | undefined
}
type Value = string | number | ReadonlyArray<string | number> | Dataset | ReadonlyArray<Dataset> | ArrayBuffer

// The dictionary's "US or SS" has to be decided by PixelRepresentation; dcmjs complains on every one it must guess.
const signedOrNot = ["SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"]

/** A number as DS; rounding noise around zero is zero. */
export const decimal = (value: number): string => (Math.abs(value) < 1e-12 ? "0" : decimalString(value))

export const decimals = (values: ReadonlyArray<number>): ReadonlyArray<string> => values.map(decimal)

/** One instance as a file. `dataset` must name SOPClassUID and SOPInstanceUID. */
export const writePart10 = (dataset: Dataset): Buffer => {
  const signed = dataset.PixelRepresentation === 1 ? "SS" : "US"
  return dcmjs.data.datasetToBuffer({
    ...Object.fromEntries(Object.entries(dataset).filter(([, value]) => value !== undefined)),
    _vrMap: {
      PixelData: dataset.BitsAllocated === 16 ? "OW" : "OB",
      ...Object.fromEntries(signedOrNot.map((keyword) => [keyword, signed])),
    },
    _meta: {
      FileMetaInformationVersion: { vr: "OB", Value: [Uint8Array.of(0, 1).buffer] },
      MediaStorageSOPClassUID: { vr: "UI", Value: [dataset.SOPClassUID] },
      MediaStorageSOPInstanceUID: { vr: "UI", Value: [dataset.SOPInstanceUID] },
      TransferSyntaxUID: { vr: "UI", Value: ["1.2.840.10008.1.2.1"] },
    },
  })
}
