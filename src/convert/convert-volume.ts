// One NIfTI volume, with or without labels, to a folder of DICOM files.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { readNifti } from "./nifti.ts"
import { segmentation } from "./segmentation.ts"
import { identify, imageSeries, type Modality } from "./series.ts"
import { writePart10 } from "./write-part10.ts"

/** `detail` names the volume's fault, for people. */
export class ConvertError extends Schema.TaggedError<ConvertError>()("ConvertError", {
  file: Schema.String,
  detail: Schema.String,
}) {
  override get message() {
    return `${this.file}: ${this.detail}`
  }
}

export interface ConvertRequest {
  readonly image: string
  readonly labels?: string
  /** Label id → name; unnamed labels are called by their number. */
  readonly names: ReadonlyMap<number, string>
  readonly out: string
  readonly modality: Modality
  readonly PatientID: string
  readonly description: string
  /** Told of every file written, with its bytes. */
  readonly onFile?: (bytes: number) => Effect.Effect<void>
}

export interface Converted {
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID: string
  readonly slices: number
  readonly segments: number
  readonly bytes: number
}

const read = (file: string) => readNifti(file).pipe(Effect.mapError(({ detail }) => new ConvertError({ file, detail })))

const fail = (file: string) => (detail: string) => Effect.fail(new ConvertError({ file, detail }))

/** Writes `00001.dcm` … and, with labels that mark anything, `segmentation.dcm` into `out`. */
export const convertVolume = Effect.fnUntraced(function* (request: ConvertRequest) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const unwritable = () => new ConvertError({ file: request.out, detail: "it cannot be written" })

  const image = yield* read(request.image)
  const identity = identify(image.digest, request.PatientID, {
    StudyDescription: request.description.slice(0, 64),
    SeriesDescription: request.description.slice(0, 64),
  })
  const series = imageSeries(image, request.modality, identity)
  if (typeof series === "string") return yield* fail(request.image)(series)

  let bytes = 0
  const write = (name: string, file: Buffer) =>
    fs.writeFile(path.join(request.out, name), file).pipe(
      Effect.mapError(unwritable),
      Effect.andThen(() => {
        bytes += file.byteLength
        return request.onFile?.(file.byteLength) ?? Effect.void
      }),
    )

  yield* fs.makeDirectory(request.out, { recursive: true }).pipe(Effect.mapError(unwritable))
  yield* Effect.forEach(
    Array.from({ length: series.count }, (_, k) => k),
    (k) => Effect.suspend(() => write(`${String(k + 1).padStart(5, "0")}.dcm`, writePart10(series.instance(k)))),
    { concurrency: 4, discard: true },
  )

  let segments = 0
  if (request.labels !== undefined) {
    const labels = yield* read(request.labels)
    const seg = segmentation(labels, image, request.modality, series, identity, request.names)
    if (typeof seg === "string") return yield* fail(request.labels)(seg)
    if (seg !== undefined) {
      segments = (seg.SegmentSequence as ReadonlyArray<unknown>).length
      yield* write("segmentation.dcm", writePart10(seg))
    }
  }
  const converted: Converted = {
    StudyInstanceUID: identity.StudyInstanceUID,
    SeriesInstanceUID: identity.SeriesInstanceUID,
    slices: series.count,
    segments,
    bytes,
  }
  return converted
})
