// Objects too large to hold: their headers, and their bytes made while they are sent.
import { request } from "node:http"
import { Effect } from "effect"
import { writePart10 } from "../../src/convert/write-part10.ts"
import { stowType } from "../support/gateway.ts"

const boundary = /boundary=(.+)$/.exec(stowType)?.[1] ?? ""
const piece = Buffer.alloc(256 * 1024, 0x5a)

export interface Huge {
  /** What stands before each stretch of so many bytes. */
  readonly stretches: ReadonlyArray<{ readonly head: Buffer; readonly bytes: number }>
}

export const hugeLength = ({ stretches }: Huge) =>
  stretches.reduce((sum, { head, bytes }) => sum + head.length + bytes, 0)

/** A private value (OB) of so many bytes: explicit VR, 32-bit length. */
const privateValue = (element: number, bytes: number): Buffer => {
  const head = Buffer.alloc(12)
  head.writeUInt16LE(0x7fe1, 0)
  head.writeUInt16LE(element, 2)
  head.write("OB", 4, "latin1")
  head.writeUInt32LE(bytes, 8)
  return head
}

/** Raw data of `gibibytes`, in private values of one GiB each. */
export const rawData = (study: string, gibibytes: number): Huge => {
  const header = writePart10({
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.66",
    SOPInstanceUID: `${study}.2`,
    StudyInstanceUID: study,
    SeriesInstanceUID: `${study}.1`,
    PatientID: "BENCH-HUGE",
    Modality: "MR",
  })
  const creator = Buffer.from("\xe1\x7f\x10\x00LO\x06\x00BENCH ", "latin1")
  return {
    stretches: Array.from({ length: gibibytes }, (_, n) => ({
      head: Buffer.concat([...(n === 0 ? [header, creator] : []), privateValue(0x1001 + n, 2 ** 30)]),
      bytes: 2 ** 30,
    })),
  }
}

/** An enhanced CT of so many frames of 512 × 512, native. */
export const enhanced = (study: string, frames: number): Huge => {
  const size = 512
  const header = writePart10({
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.2.1",
    SOPInstanceUID: `${study}.2`,
    StudyInstanceUID: study,
    SeriesInstanceUID: `${study}.1`,
    PatientID: "BENCH-ENHANCED",
    Modality: "CT",
    Rows: size,
    Columns: size,
    NumberOfFrames: String(frames),
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 0,
    SharedFunctionalGroupsSequence: [
      {
        PixelMeasuresSequence: [{ PixelSpacing: ["0.8", "0.8"], SliceThickness: "1" }],
        PlaneOrientationSequence: [{ ImageOrientationPatient: ["1", "0", "0", "0", "1", "0"] }],
        PixelValueTransformationSequence: [{ RescaleIntercept: "-1024", RescaleSlope: "1", RescaleType: "HU" }],
      },
    ],
    PerFrameFunctionalGroupsSequence: Array.from({ length: frames }, (_, n) => ({
      FrameContentSequence: [{ DimensionIndexValues: [1, n + 1] }],
      PlanePositionSequence: [{ ImagePositionPatient: ["-200", "-200", String(n)] }],
    })),
  })
  const pixels = Buffer.from("\xe0\x7f\x10\x00OW\0\0\0\0\0\0", "latin1")
  pixels.writeUInt32LE(frames * size * size * 2, 8)
  return { stretches: [{ head: Buffer.concat([header, pixels]), bytes: frames * size * size * 2 }] }
}

function* bytesOf({ stretches }: Huge): Generator<Buffer> {
  yield Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`)
  for (const { head, bytes } of stretches) {
    yield head
    for (let left = bytes; left > 0; left -= piece.length) yield left < piece.length ? piece.subarray(0, left) : piece
  }
  yield Buffer.from(`\r\n--${boundary}--\r\n`)
}

/** Fails unless the answer is 200. */
export const sendHuge = (studies: string, huge: Huge) =>
  Effect.callback<void, Error>((resume) => {
    const message = request(studies, { method: "POST", headers: { "content-type": stowType } }, (response) => {
      response.resume().once("end", () => {
        const { statusCode } = response
        resume(statusCode === 200 ? Effect.void : Effect.fail(new Error(`STOW answered ${statusCode}`)))
      })
    })
    message.once("error", (error) => resume(Effect.fail(error)))
    const pieces = bytesOf(huge)
    const write = (): void => {
      for (let next = pieces.next(); ; next = pieces.next()) {
        if (next.done === true) return void message.end()
        if (!message.write(next.value)) return void message.once("drain", write)
      }
    }
    write()
    return Effect.sync(() => message.destroy())
  })
