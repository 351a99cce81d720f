// A label map as one binary Segmentation object (PS3.3 §A.51, §C.8.20): a segment a label, a frame a plane it touches.
import type { NiftiVolume } from "./nifti.ts"
import { codeOf, type Code } from "./segment-codes.ts"
import { commonAttributes, sopClass, type ConvertedSeries, type Identity, type Modality } from "./series.ts"
import { uidOf } from "./uid.ts"
import { decimal, decimals, type Dataset } from "./write-part10.ts"

/** Bounds of what one object may hold. */
export const maxFrames = 65_535
const maxPixelBytes = 2 ** 30

interface Frame {
  readonly segment: number
  readonly plane: number
}

const code = ({ value, scheme, meaning }: Code): Dataset => ({
  CodeValue: value,
  CodingSchemeDesignator: scheme,
  CodeMeaning: meaning,
})
const dcm = (value: string, meaning: string) => code({ value, scheme: "DCM", meaning })

/** Which labels occur in which planes: label → planes in order. */
const planesOfLabels = ({ shape, voxels, slope, intercept }: NiftiVolume) => {
  const size = shape[0] * shape[1]
  const planes = new Map<number, Array<number>>()
  for (let k = 0; k < shape[2]; k++) {
    const here = new Set<number>()
    let last = 0
    for (let n = k * size; n < (k + 1) * size; n++) {
      const raw = voxels[n]!
      if (raw === last) continue
      last = raw
      const label = Math.round(raw * slope + intercept)
      if (label > 0) here.add(label)
    }
    for (const label of here) planes.set(label, [...(planes.get(label) ?? []), k])
  }
  return planes
}

/** One bit a pixel, frame after frame without padding between them (PS3.5 §8.1.1). */
const packBits = (labels: NiftiVolume, ids: ReadonlyArray<number>, frames: ReadonlyArray<Frame>) => {
  const size = labels.shape[0] * labels.shape[1]
  const bytes = Math.ceil((frames.length * size) / 8)
  const packed = new Uint8Array(bytes + (bytes % 2))
  frames.forEach(({ segment, plane }, index) => {
    const label = ids[segment - 1]!
    for (let n = 0, bit = index * size; n < size; n++, bit++) {
      if (Math.round(labels.voxels[plane * size + n]! * labels.slope + labels.intercept) === label) {
        packed[bit >> 3]! |= 1 << (bit & 7)
      }
    }
  })
  return packed.buffer
}

const segmentAttributes = (id: number, index: number, name: string): Dataset => ({
  SegmentNumber: index + 1,
  SegmentLabel: name.slice(0, 64),
  SegmentDescription: `label ${id}`,
  SegmentAlgorithmType: "SEMIAUTOMATIC",
  SegmentAlgorithmName: "label map",
  SegmentedPropertyCategoryCodeSequence: [code({ value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" })],
  SegmentedPropertyTypeCodeSequence: [code(codeOf(name))],
})

const reference = (series: ConvertedSeries, modality: Modality, plane: number): Dataset => ({
  ReferencedSOPClassUID: sopClass[modality],
  ReferencedSOPInstanceUID: series.sopInstanceUid(plane),
})

/** Sentence when the label map does not fit the image or the standard's bounds; `undefined` when it labels nothing. */
export const segmentation = (
  labels: NiftiVolume,
  image: NiftiVolume,
  modality: Modality,
  series: ConvertedSeries,
  identity: Identity,
  names: ReadonlyMap<number, string>,
): Dataset | string | undefined => {
  const apart = labels.affine.some((row, r) => row.some((value, c) => Math.abs(value - image.affine[r]![c]!) > 1e-2))
  if (apart || labels.shape.some((n, axis) => n !== image.shape[axis]))
    return "the labels lie on another grid than the image"
  const planes = planesOfLabels(labels)
  const ids = [...planes.keys()].toSorted((a, b) => a - b)
  if (ids.length === 0) return undefined
  const frames = ids.flatMap((id, index) => planes.get(id)!.map((plane): Frame => ({ segment: index + 1, plane })))
  const [Columns, Rows] = labels.shape
  if (frames.length > maxFrames || (frames.length * Rows * Columns) / 8 > maxPixelBytes) {
    return `the labels need ${frames.length} frames: too many for one object`
  }
  const { geometry } = series
  const SeriesInstanceUID = uidOf("segmentation series", identity.SeriesInstanceUID, labels.digest)
  const organization = uidOf("dimensions", SeriesInstanceUID)
  const dimension = (pointer: number, group: number, DimensionDescriptionLabel: string): Dataset => ({
    DimensionOrganizationUID: organization,
    DimensionIndexPointer: pointer,
    FunctionalGroupPointer: group,
    DimensionDescriptionLabel,
  })
  return {
    ...commonAttributes(identity),
    ImageType: ["DERIVED", "PRIMARY"],
    SOPClassUID: sopClass.SEG,
    SOPInstanceUID: uidOf("segmentation", SeriesInstanceUID),
    Modality: "SEG",
    SeriesInstanceUID,
    SeriesNumber: "2",
    SeriesDescription: "Segmentation",
    SeriesDate: identity.StudyDate || undefined,
    DeviceSerialNumber: "1",
    SoftwareVersions: "1",
    InstanceNumber: "1",
    ContentDate: identity.StudyDate || "20000101",
    ContentTime: "120000",
    ContentLabel: "LABELS",
    ContentDescription: "",
    ContentCreatorName: "",
    LossyImageCompression: "00",
    SegmentationType: "BINARY",
    SegmentsOverlap: "NO",
    SegmentSequence: ids.map((id, index) => segmentAttributes(id, index, names.get(id) ?? `label ${id}`)),
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organization }],
    DimensionIndexSequence: [
      dimension(0x0062000b, 0x0062000a, "ReferencedSegmentNumber"),
      dimension(0x00200032, 0x00209113, "ImagePositionPatient"),
    ],
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: identity.SeriesInstanceUID,
        ReferencedInstanceSequence: Array.from({ length: series.count }, (_, k) => reference(series, modality, k)),
      },
    ],
    SharedFunctionalGroupsSequence: [
      {
        PlaneOrientationSequence: [{ ImageOrientationPatient: decimals(geometry.ImageOrientationPatient) }],
        PixelMeasuresSequence: [
          {
            PixelSpacing: decimals(geometry.PixelSpacing),
            SliceThickness: decimal(geometry.SliceThickness),
            SpacingBetweenSlices: decimal(geometry.SliceThickness),
          },
        ],
      },
    ],
    PerFrameFunctionalGroupsSequence: frames.map(({ segment, plane }) => ({
      FrameContentSequence: [{ DimensionIndexValues: [segment, plane + 1] }],
      PlanePositionSequence: [{ ImagePositionPatient: decimals(geometry.ImagePositionPatient(plane)) }],
      SegmentIdentificationSequence: [{ ReferencedSegmentNumber: segment }],
      DerivationImageSequence: [
        {
          DerivationCodeSequence: [dcm("113076", "Segmentation")],
          SourceImageSequence: [
            {
              ...reference(series, modality, plane),
              SpatialLocationsPreserved: "YES",
              PurposeOfReferenceCodeSequence: [dcm("121322", "Source image for image processing operation")],
            },
          ],
        },
      ],
    })),
    NumberOfFrames: String(frames.length),
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    Rows,
    Columns,
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    PixelRepresentation: 0,
    PixelData: packBits(labels, ids, frames),
  }
}
