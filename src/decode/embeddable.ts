// Which objects are slices of a volume, and for all others the reason, in words for people.
import type { DataSet } from "dicom-parser"
import type { Part10 } from "../dicom/part10.ts"
import type { FrameAttributes } from "./frame-attributes.ts"
import { stringOf, type ImageModule } from "./image-module.ts"

/** CT, MR and PET image storage, classic, enhanced and legacy converted (PS3.4 §B.5). */
const volumeClasses = new Set(
  ["2", "2.1", "2.2", "4", "4.1", "4.3", "4.4", "128", "128.1", "130"].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`),
)
const modalities = new Set(["CT", "MR", "PT"])
/** Pixels per side, and in one frame. */
const [maxSide, maxPixels] = [16_384, 2 ** 26]

const plain = (text: string): string => (/^[A-Z0-9._ ]{1,64}$/.test(text) ? text : "(not a code)")

/** From the header alone, before the image module is read; undefined when it may be embedded. */
export const objectReason = ({ dataset, pixelData }: Part10): string | undefined => {
  const modality = stringOf(dataset, "x00080060")
  const sopClass = stringOf(dataset, "x00080016") || stringOf(dataset, "x00020002")
  if (modality === "") return "no Modality"
  if (!modalities.has(modality)) return `Modality ${plain(modality)} is not indexed`
  if (pixelData === undefined) return "no pixel data"
  if (sopClass === "") return "no SOPClassUID"
  if (!volumeClasses.has(sopClass)) return `SOP class ${plain(sopClass)} is no CT, MR or PET image`
  if (isMosaic(dataset)) return "a mosaic: one frame holds the slices of a whole volume"
  return undefined
}

/** Siemens tiles a volume's slices into one frame and says so in Image Type. */
const isMosaic = (dataset: DataSet): boolean => stringOf(dataset, "x00080008").split("\\").includes("MOSAIC")

type Described = Pick<
  ImageModule,
  "Rows" | "Columns" | "SamplesPerPixel" | "PhotometricInterpretation" | "BitsAllocated"
>

/** From the described size and meaning of the pixels, before their encoding is judged. */
export const imageReason = (image: Described): string | undefined => {
  const { Rows, Columns, SamplesPerPixel, PhotometricInterpretation } = image
  if (Rows > maxSide || Columns > maxSide || Rows * Columns > maxPixels)
    return `${Rows} × ${Columns} pixels are too many`
  if (Rows < 8 || Columns < 8) return `${Rows} × ${Columns} pixels are too few`
  if (SamplesPerPixel !== 1) return "a colour image"
  if (!/^MONOCHROME[12]$/.test(PhotometricInterpretation)) {
    return `PhotometricInterpretation ${plain(PhotometricInterpretation)} holds no intensities`
  }
  if (image.BitsAllocated === 1) return "a bitmap"
  return undefined
}

const sane = (values: ReadonlyArray<number>, count: number, below: number): boolean =>
  values.length === count && values.every((value) => Number.isFinite(value) && Math.abs(value) < below)

const unit = (x: number, y: number, z: number): boolean => Math.abs(Math.hypot(x, y, z) - 1) < 0.05

export const geometryReason = (frame: FrameAttributes): string | undefined => {
  if (frame.ImagePositionPatient.length === 0) return "no ImagePositionPatient"
  if (frame.ImageOrientationPatient.length === 0) return "no ImageOrientationPatient"
  if (frame.PixelSpacing.length === 0) return "no PixelSpacing"
  if (!frame.ownPosition) return "several frames without a position of their own"
  if (!sane(frame.ImagePositionPatient, 3, 1e5)) return "ImagePositionPatient is not three numbers"
  if (!sane(frame.ImageOrientationPatient, 6, 2)) return "ImageOrientationPatient is not two directions"
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = frame.ImageOrientationPatient
  if (!unit(a, b, c) || !unit(d, e, f) || Math.abs(a * d + b * e + c * f) > 0.05) {
    return "ImageOrientationPatient is not two perpendicular directions"
  }
  if (!sane(frame.PixelSpacing, 2, 100) || frame.PixelSpacing.some((mm) => mm < 0.001)) {
    return "PixelSpacing is not two lengths"
  }
  return undefined
}
