// Small CT volumes with UIDs of their own, for tests of what clients may send.
import { randomUUID } from "node:crypto"
import { type Dataset, writePart10 } from "../../src/convert/write-part10.ts"

export const newUid = () => `2.25.${BigInt(`0x${randomUUID().replaceAll("-", "")}`)}`

export interface Identity {
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID: string
  readonly PatientID: string
}

export const identity = (PatientID: string): Identity => ({
  StudyInstanceUID: newUid(),
  SeriesInstanceUID: newUid(),
  PatientID,
})

const side = 64

/** A bright disc on soft tissue whose radius grows with the slice. */
const disc = (radius: number) =>
  Int16Array.from({ length: side * side }, (_, i) =>
    Math.hypot((i % side) - side / 2, Math.floor(i / side) - side / 2) < radius ? 200 : i % 7 === 0 ? -50 : 20,
  ).buffer

/** One CT slice; `changes` replace or (as undefined) remove attributes. */
export const ctSlice = (of: Identity, slice: number, changes: Dataset = {}): Buffer =>
  writePart10({
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.2",
    SOPInstanceUID: newUid(),
    ...of,
    PatientName: "Secret^Name",
    StudyDate: "20240101",
    Modality: "CT",
    Rows: side,
    Columns: side,
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    RescaleSlope: "1",
    RescaleIntercept: "0",
    ImagePositionPatient: ["0", "0", String(slice * 3)],
    ImageOrientationPatient: ["1", "0", "0", "0", "1", "0"],
    PixelSpacing: ["1", "1"],
    SliceThickness: "3",
    PixelData: disc(8 + 3 * slice),
    ...changes,
  })

export const ctVolume = (of: Identity, slices = 6): ReadonlyArray<Buffer> =>
  Array.from({ length: slices }, (_, slice) => ctSlice(of, slice))
