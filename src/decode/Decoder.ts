// A stored file to prepared slices, in worker threads that may die without taking the gateway along.
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Pieces } from "../dicom/pieces.ts"
import type { PreparedSlice } from "../domain/slice.ts"
import type { DocumentJob, EncodedFrames } from "./bulk.ts"
import type { RenderJob } from "./render.ts"

/**
 * The item is at fault (`corrupt`, `unsupported`, `crashed`, `timeout`, `too-large`): trying again will not help, except
 * after `worker`. `missing`: there is no such frame or segment.
 */
export class DecodeError extends Schema.TaggedError<DecodeError>()("DecodeError", {
  reason: Schema.Literals(["corrupt", "unsupported", "too-large", "crashed", "timeout", "worker", "missing"]),
  /** For people; never patient attributes. */
  detail: Schema.String,
}) {}

export interface DecodeJob {
  readonly path: string
  /** 1-based frame to start with; at most `maxFrames` frames come back. */
  readonly firstFrame: number
  readonly maxFrames: number
  /** Pixels per side of the model's input. */
  readonly inputSize: number
}

export interface PrepareJob extends DecodeJob {
  /** Milliseconds of a thread, where less than the decoder allows. */
  readonly within?: number
}

export type Prepared =
  | { readonly _tag: "Slices"; readonly slices: ReadonlyArray<PreparedSlice>; readonly NumberOfFrames: number }
  /** Stored and never searchable: not an image, no geometry, no pixels, other modality … */
  | { readonly _tag: "NotEmbeddable"; readonly reason: string }

export class Decoder extends Context.Service<
  Decoder,
  {
    readonly prepare: (job: PrepareJob) => Effect.Effect<Prepared, DecodeError>
    /** One frame as an 8-bit picture for people (PS3.18 §8.3.5): window applied, MONOCHROME1 and palettes resolved. */
    readonly render: (job: RenderJob) => Effect.Effect<Uint8Array, DecodeError>
    /** One frame, native little endian, as PS3.5 §8 lays it out. */
    readonly frame: (path: string, frame: number) => Effect.Effect<Uint8Array, DecodeError>
    /** The whole object in Explicit VR Little Endian, also from compressed pixels; fails when these cannot be decoded. */
    readonly explicit: (path: string) => Effect.Effect<Pieces, DecodeError>
    /** One bulk value, little endian, pixels uncompressed; `element`: its path as in the BulkDataURI. */
    readonly bulk: (path: string, element: string) => Effect.Effect<Pieces, DecodeError>
    /** Compressed frames as stored, all when none is named; `unsupported` where they are not compressed. */
    readonly encoded: (path: string, frames?: ReadonlyArray<number>) => Effect.Effect<EncodedFrames, DecodeError>
    /** The whole attribute map as text, read from the file, its references absolute. */
    readonly document: (job: DocumentJob) => Effect.Effect<Uint8Array, DecodeError>
    /** The references of the whole attribute map, relative to the instance's address. */
    readonly links: (path: string) => Effect.Effect<ReadonlyArray<string>, DecodeError>
    /** The set pixels of one SEG segment, as a box per frame (PS3.3 §A.51). */
    readonly segment: (
      path: string,
      SegmentNumber: number,
    ) => Effect.Effect<
      { readonly ReferencedSeriesInstanceUID: string | undefined; readonly frames: ReadonlyArray<SegmentFrame> },
      DecodeError
    >
  }
>()("gateway/decode/Decoder") {}

/** The in-plane corners (LPS mm, pixel edges) of a segment's set pixels in one frame, and the referenced source image where named. */
export interface SegmentFrame {
  readonly ReferencedSOPInstanceUID?: string
  /** 1-based, where the source image has several frames. */
  readonly ReferencedFrameNumber?: number
  /** Four corners in LPS mm, around the rectangle. */
  readonly corners: ReadonlyArray<readonly [number, number, number]>
  readonly pixels: number
}
