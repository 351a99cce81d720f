// CT instances of 512 × 512 pixels in memory, each with UIDs of its own, made by patching one template.
import { StudyInstanceUID } from "../../src/domain/uid.ts"
import { writePart10 } from "../../src/convert/write-part10.ts"

/** Fixed-width UIDs, so that they can be overwritten in place. */
const uid = (study: number, series: number, instance: number) =>
  `2.25.9${String(study).padStart(9, "0")}.1${String(series).padStart(2, "0")}.1${String(instance).padStart(5, "0")}`

const template = (size: number) => {
  const half = size / 2
  const pixels = new Int16Array(size * size)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [u, v] = [(x / half) * 256, (y / half) * 256]
      const inside = ((u - 256) / 200) ** 2 + ((v - 256) / 150) ** 2 < 1
      // A body with organs of different density, and noise, so that nothing about it is cheap.
      const organ =
        ((u - 190) / 60) ** 2 + ((v - 240) / 50) ** 2 < 1
          ? 60
          : ((u - 330) / 55) ** 2 + ((v - 250) / 70) ** 2 < 1
            ? -800
            : 30
      pixels[y * size + x] = (inside ? organ : -1000) + (((x * 7919) ^ (y * 104_729)) % 23) - 11
    }
  }
  return writePart10({
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.2",
    SOPInstanceUID: uid(0, 0, 0),
    StudyInstanceUID: uid(1, 0, 0),
    SeriesInstanceUID: uid(2, 0, 0),
    PatientID: "BENCH-0",
    PatientName: "Bench^Zero",
    StudyDate: "20260101",
    Modality: "CT",
    SeriesNumber: 1,
    InstanceNumber: 1,
    Rows: size,
    Columns: size,
    PixelSpacing: [String(409.6 / size), String(409.6 / size)],
    SliceThickness: "1.00000",
    ImageOrientationPatient: ["1", "0", "0", "0", "1", "0"],
    ImagePositionPatient: ["-204.8", "-204.8", "00000.00"],
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    RescaleIntercept: "0",
    RescaleSlope: "1",
    PixelData: pixels.buffer,
  })
}

const allOffsets = (bytes: Buffer, text: string) => {
  const found: Array<number> = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) found.push(at)
  return found
}

/** `make(study, instance)`: one Part 10 file, of half a megabyte where nothing else is said; slices 1 mm apart, pixels shifted by the slice. */
export const makeCt = (size = 512) => {
  const base = template(size)
  const at = {
    instance: allOffsets(base, uid(0, 0, 0)),
    study: allOffsets(base, uid(1, 0, 0)),
    series: allOffsets(base, uid(2, 0, 0)),
    z: allOffsets(base, "00000.00"),
  }
  const pixels = base.length - size * size * 2
  return (study: number, instance: number): Buffer => {
    const bytes = Buffer.from(base)
    const patch = (offsets: ReadonlyArray<number>, text: string) =>
      offsets.forEach((offset) => bytes.write(text, offset, "latin1"))
    patch(at.instance, uid(study, 3, instance))
    patch(at.study, uid(study, 1, 0))
    patch(at.series, uid(study, 2, 0))
    patch(at.z, String(instance).padStart(5, "0") + ".00")
    // Different content in each slice: the organ pattern moves.
    base.copy(bytes, pixels + (instance % 97) * 64, pixels, base.length - (instance % 97) * 64)
    return bytes
  }
}

export const studyUid = (study: number) => StudyInstanceUID.make(uid(study, 1, 0))
export const seriesUid = (study: number) => uid(study, 2, 0)
