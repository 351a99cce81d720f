// What a decode thread can do; the worker module composes it with the normaliser, so that neither stage knows the other.
import { move, transferableSymbol, valueSymbol } from "piscina"
import type { PreparedSlice } from "../domain/slice.ts"
import type { Pieces } from "../dicom/pieces.ts"
import { bulkPieces, type DocumentJob, encodedFrames, type EncodedFrames, wholeDocument, wholeLinks } from "./bulk.ts"
import { loadCodecs } from "./codec.ts"
import type { DecodeJob, Prepared } from "./Decoder.ts"
import { outcome, type Outcome } from "./failure.ts"
import { explicitPieces } from "./explicit.ts"
import { openImage } from "./opened.ts"
import { renderFrame, type RenderJob } from "./render.ts"
import { readSegment, type Segment } from "./segment.ts"
import { volumeFrames, type VolumeFrame } from "./volume-frames.ts"

/** Makes the model input of one decoded frame. */
export type Normalise = (frame: VolumeFrame, inputSize: number) => PreparedSlice

const prepare = ({ path, firstFrame, maxFrames, inputSize }: DecodeJob, normalise: Normalise): Prepared => {
  const found = volumeFrames(path, firstFrame, maxFrames)
  if (found._tag === "NotEmbeddable") return found
  const slices = Array.from(found.frames, (frame) => normalise(frame, inputSize))
  return { _tag: "Slices", slices, NumberOfFrames: found.NumberOfFrames }
}

const bytesOf = (answer: Outcome<Uint8Array>): Outcome<Uint8Array> =>
  answer.ok ? moved(answer, [answer.value]) : answer

/** Pixels are transferred, not cloned; views of a larger buffer are left to cloning. */
const moved = <A extends object>(answer: A, arrays: ReadonlyArray<Uint8Array>): A => {
  const buffers = new Set(
    arrays.filter((array) => array.byteLength === array.buffer.byteLength).map(({ buffer }) => buffer),
  )
  return move({ [transferableSymbol]: [...buffers], [valueSymbol]: answer }) as A
}

/** The tasks of a worker module, to be exported by name. Each answers an Outcome; the codecs load with the first. */
export const decodeTasks = (normalise: Normalise) => ({
  /** Resolves when the thread can decode. */
  ready: (): Promise<void> => loadCodecs(),
  prepare: async (job: DecodeJob): Promise<Outcome<Prepared>> => {
    await loadCodecs()
    const answer = outcome(() => prepare(job, normalise))
    return answer.ok && answer.value._tag === "Slices"
      ? moved(
          answer,
          answer.value.slices.map(({ pixels }) => pixels),
        )
      : answer
  },
  render: async (job: RenderJob): Promise<Outcome<Uint8Array>> => {
    await loadCodecs()
    return bytesOf(outcome(() => renderFrame(job)))
  },
  frame: async ({ path, frame }: { readonly path: string; readonly frame: number }): Promise<Outcome<Uint8Array>> => {
    await loadCodecs()
    return bytesOf(outcome(() => openImage(path).read(frame).bytes))
  },
  explicit: async (path: string): Promise<Outcome<Pieces>> => {
    await loadCodecs()
    return outcome(() => explicitPieces(path))
  },
  bulk: (job: Parameters<typeof bulkPieces>[0]): Outcome<Pieces> => {
    const answer = outcome(() => bulkPieces(job))
    return answer.ok
      ? moved(
          answer,
          answer.value.flatMap((piece) => (piece._tag === "Bytes" ? [piece.bytes] : [])),
        )
      : answer
  },
  encoded: (job: Parameters<typeof encodedFrames>[0]): Outcome<EncodedFrames> => outcome(() => encodedFrames(job)),
  document: (job: DocumentJob): Outcome<Uint8Array> => bytesOf(outcome(() => wholeDocument(job))),
  links: (path: string): Outcome<ReadonlyArray<string>> => outcome(() => wholeLinks(path)),
  segment: async (job: { readonly path: string; readonly SegmentNumber: number }): Promise<Outcome<Segment>> => {
    await loadCodecs()
    return outcome(() => readSegment(job.path, job.SegmentNumber))
  },
})
