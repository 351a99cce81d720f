// Small domain values for tests.
import { Digest, type InstanceRef, Receipt } from "../../src/domain/instance.ts"
import type { SliceGeometry } from "../../src/domain/slice.ts"
import { SeriesInstanceUID, SOPInstanceUID, StudyInstanceUID } from "../../src/domain/uid.ts"

export const instanceRef = (n: number, study = "1.2.3"): InstanceRef => ({
  receipt: Receipt.make(n),
  StudyInstanceUID: StudyInstanceUID.make(study),
  SeriesInstanceUID: SeriesInstanceUID.make(`${study}.1`),
  SOPInstanceUID: SOPInstanceUID.make(`${study}.1.${n}`),
  digest: Digest.make(n.toString(16).padStart(64, "0")),
})

/** An axial slice at z mm of a 64 × 64 image with 2 mm pixels, seen whole by a 224 pixel model input. */
export const axialGeometry = (z: number): SliceGeometry => ({
  stack: "axial",
  position: z,
  ImagePositionPatient: [-64, -64, z],
  ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
  PixelSpacing: [2, 2],
  SliceThickness: 5,
  Rows: 64,
  Columns: 64,
  view: { origin: [-64, -64, z], right: [128 / 224, 0, 0], down: [0, 128 / 224, 0], size: 224 },
  blank: false,
})
