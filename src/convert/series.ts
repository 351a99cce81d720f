// A volume as a CT or MR image series: one single-frame instance a plane (PS3.3 §A.3, §A.4).
import { stackGeometry, type StackGeometry } from "./geometry.ts"
import type { NiftiVolume } from "./nifti.ts"
import { storedValues } from "./stored-values.ts"
import { uidOf } from "./uid.ts"
import { decimal, decimals, type Dataset } from "./write-part10.ts"

/** What the images say of their patient and study besides pixels. */
export interface Identity {
  readonly PatientID: string
  readonly PatientName: string
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID: string
  readonly FrameOfReferenceUID: string
  readonly StudyID: string
  /** YYYYMMDD, or empty when it is not known. */
  readonly StudyDate: string
  readonly StudyDescription: string
  readonly SeriesDescription: string
}

/** The same volume under the same patient always gets the same UIDs. */
export const identify = (
  digest: string,
  PatientID: string,
  texts: Pick<Identity, "StudyDescription" | "SeriesDescription">,
): Identity => ({
  ...texts,
  PatientID,
  PatientName: `${PatientID}^`,
  StudyInstanceUID: uidOf("study", digest, PatientID),
  SeriesInstanceUID: uidOf("series", digest, PatientID),
  FrameOfReferenceUID: uidOf("frame of reference", digest, PatientID),
  StudyID: digest.slice(0, 16),
  StudyDate: "",
})

export const sopClass = {
  CT: "1.2.840.10008.5.1.4.1.1.2",
  MR: "1.2.840.10008.5.1.4.1.1.4",
  SEG: "1.2.840.10008.5.1.4.1.1.66.4",
} as const

export type Modality = "CT" | "MR"

/** Attributes of patient, study and equipment that every object of a study shares (PS3.3 §C.7.1–C.7.5). */
export const commonAttributes = (identity: Identity): Dataset => ({
  SpecificCharacterSet: "ISO_IR 192",
  StudyDate: identity.StudyDate,
  StudyTime: identity.StudyDate === "" ? "" : "120000",
  AccessionNumber: "",
  Manufacturer: "region-gateway",
  ManufacturerModelName: "convert",
  ReferringPhysicianName: "",
  StudyDescription: identity.StudyDescription,
  PatientName: identity.PatientName,
  PatientID: identity.PatientID,
  PatientBirthDate: "",
  PatientSex: "",
  StudyInstanceUID: identity.StudyInstanceUID,
  StudyID: identity.StudyID,
  FrameOfReferenceUID: identity.FrameOfReferenceUID,
  PositionReferenceIndicator: "",
})

/** What belongs to one modality alone; empty values stand for what a NIfTI file does not tell (type 2). */
export const modalityAttributes = (Modality: Modality): Dataset =>
  Modality === "CT"
    ? { RescaleType: "HU", KVP: "", AcquisitionNumber: "" }
    : {
        ScanningSequence: "RM",
        SequenceVariant: "NONE",
        ScanOptions: "",
        MRAcquisitionType: "3D",
        RepetitionTime: "",
        EchoTime: "",
        EchoTrainLength: "",
      }

/** The image plane and matrix of plane k (PS3.3 §C.7.6.2, §C.7.6.3). */
export const planeAttributes = (geometry: StackGeometry, k: number): Dataset => ({
  ImagePositionPatient: decimals(geometry.ImagePositionPatient(k)),
  ImageOrientationPatient: decimals(geometry.ImageOrientationPatient),
  PixelSpacing: decimals(geometry.PixelSpacing),
  SliceThickness: decimal(geometry.SliceThickness),
})

export interface ConvertedSeries {
  readonly geometry: StackGeometry
  readonly count: number
  readonly sopInstanceUid: (k: number) => string
  readonly instance: (k: number) => Dataset
}

/** A sentence instead of the series when DICOM cannot hold the volume's geometry. */
export const imageSeries = (volume: NiftiVolume, Modality: Modality, identity: Identity): ConvertedSeries | string => {
  const geometry = stackGeometry(volume.affine)
  if (typeof geometry === "string") return geometry
  const stored = storedValues(volume)
  const [low, high] = stored.range
  const [Columns, Rows, count] = volume.shape
  // CT in the usual soft-tissue window; MR values have no unit, so all of them are shown.
  const [center, width] = Modality === "CT" ? [40, 400] : [(low + high) / 2, Math.max(1, high - low)]
  const sopInstanceUid = (k: number) => uidOf("instance", identity.SeriesInstanceUID, k)
  return {
    geometry,
    count,
    sopInstanceUid,
    instance: (k) => ({
      ...commonAttributes(identity),
      ...modalityAttributes(Modality),
      ImageType: Modality === "CT" ? ["DERIVED", "SECONDARY", "AXIAL"] : ["DERIVED", "SECONDARY", "OTHER"],
      SOPClassUID: sopClass[Modality],
      SOPInstanceUID: sopInstanceUid(k),
      Modality,
      SeriesInstanceUID: identity.SeriesInstanceUID,
      SeriesDescription: identity.SeriesDescription,
      SeriesNumber: "1",
      PatientPosition: "HFS",
      InstanceNumber: String(k + 1),
      ...planeAttributes(geometry, k),
      SamplesPerPixel: 1,
      PhotometricInterpretation: "MONOCHROME2",
      Rows,
      Columns,
      BitsAllocated: 16,
      BitsStored: 16,
      HighBit: 15,
      PixelRepresentation: stored.PixelRepresentation,
      RescaleSlope: decimal(stored.RescaleSlope),
      RescaleIntercept: decimal(stored.RescaleIntercept),
      WindowCenter: decimal(center),
      WindowWidth: decimal(width),
      PixelData: stored.plane(k).buffer,
    }),
  }
}
