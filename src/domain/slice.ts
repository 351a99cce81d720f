// One frame of a volume as the index sees it: where it lies in the patient, and what it looks like.
import * as Schema from "effect/Schema"
import { InstanceRef } from "./instance.ts"

/** Patient coordinates in mm, LPS: +x left, +y posterior, +z superior (PS3.3 §C.7.6.2.1.1). */
export const Vec3 = Schema.Tuple([Schema.Finite, Schema.Finite, Schema.Finite])
export type Vec3 = typeof Vec3.Type

/** Axis-aligned box in patient mm (LPS). */
export const Box = Schema.Struct({ min: Vec3, max: Vec3 })
export type Box = typeof Box.Type

/** How the square model input was cut from the patient plane: pixel (column, row) lies at origin + column·right + row·down. */
export const View = Schema.Struct({
  /** LPS mm of the centre of the input's first pixel. */
  origin: Vec3,
  /** mm step of one input pixel to the right. */
  right: Vec3,
  /** mm step of one input pixel down. */
  down: Vec3,
  /** Pixels per side. */
  size: Schema.Int,
})
export type View = typeof View.Type

export const SliceGeometry = Schema.Struct({
  /** Names the stack: frames of one series that share orientation, matrix and spacing and so form a volume. */
  stack: Schema.String,
  /** mm along the stack's normal; orders the slices of a stack. */
  position: Schema.Finite,
  ImagePositionPatient: Vec3,
  /** Direction cosines: row direction, then column direction. */
  ImageOrientationPatient: Schema.Tuple([
    Schema.Finite,
    Schema.Finite,
    Schema.Finite,
    Schema.Finite,
    Schema.Finite,
    Schema.Finite,
  ]),
  /** mm between rows, mm between columns. */
  PixelSpacing: Schema.Tuple([Schema.Finite, Schema.Finite]),
  /** mm; the nominal thickness, or the spacing where it is missing. */
  SliceThickness: Schema.Finite,
  Rows: Schema.Int,
  Columns: Schema.Int,
  view: View,
  /** Nothing but background: kept in the volume, kept out of voting. */
  blank: Schema.Boolean,
})
export type SliceGeometry = typeof SliceGeometry.Type

/** A frame ready for the model. */
export interface PreparedSlice {
  /** 1-based, PS3.3 §C.7.6.6. */
  readonly FrameNumber: number
  readonly geometry: SliceGeometry
  /** RGB, interleaved, view.size² × 3, 0..255. */
  readonly pixels: Uint8Array
}

/** What the model says of one slice. */
export interface Embedding {
  /** Unit length; `dimension` values. */
  readonly vector: Float32Array
  /** Unit-length local vectors × 127 of a side × side grid, row by row; empty when the model has none. */
  readonly locals: Int8Array
}

/** Header of one embedded slice; the numbers of `Embedding` travel beside it as binary. */
export const SliceHeader = Schema.Struct({ instance: InstanceRef, FrameNumber: Schema.Int, geometry: SliceGeometry })
export type SliceHeader = typeof SliceHeader.Type

export interface EmbeddedSlice extends SliceHeader, Embedding {}
