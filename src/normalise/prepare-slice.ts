// One decoded frame made ready for the model: in fixed or robust intensities, upright in the patient, cut to the body.
import type { PreparedSlice, SliceGeometry, Vec3 } from "../domain/slice.ts"
import { bodyBox, type BodyBox } from "./body-box.ts"
import type { Samples } from "../domain/samples.ts"
import { coarseGrid, type CoarseGrid } from "./coarse-grid.ts"
import { bodyHounsfield, bodyRange, coherence, frameRange, type Range } from "./intensity.ts"
import { orientationOf, stackOf } from "./orientation.ts"
import { ctPalette, ctRange, greyPalette, paint, type Palette } from "./paint.ts"
import { resample } from "./resample.ts"
import { crop, viewOf } from "./view.ts"

/** A frame of a CT, MR or PET object with sound geometry. */
export interface DecodedFrame {
  /** 1-based. */
  readonly FrameNumber: number
  readonly Rows: number
  readonly Columns: number
  /** Stored values, Rows × Columns, row by row. */
  readonly samples: Samples
  readonly Modality: string
  readonly PhotometricInterpretation: string
  readonly RescaleSlope: number
  readonly RescaleIntercept: number
  readonly RescaleType?: string
  readonly PixelPaddingValue?: number
  readonly ImagePositionPatient: Vec3
  readonly ImageOrientationPatient: SliceGeometry["ImageOrientationPatient"]
  /** mm between rows, mm between columns. */
  readonly PixelSpacing: SliceGeometry["PixelSpacing"]
  /** mm; absent or 0 when unknown. */
  readonly SliceThickness?: number
}

/** What of the frame is shown, in which intensities. */
interface Look {
  /** Modality values that are told apart; what is outside is clamped. */
  readonly clamp: Range
  readonly colours: Palette
  readonly body: BodyBox | undefined
}

/** Share of the frame's range above its floor where the body begins, without Hounsfield units to say so. */
const bodyShare = 0.1
/** Neighbouring cells of anatomy agree far better, those of noise far worse. */
const noiseCoherence = 0.4
/** mm below which a part is table, holder or clothes. */
const thinnest = 14
/** mm²; a smaller patch is no body. */
const smallest = 100

/** In cells. A part cannot be asked to be thicker than an eighth of the field: small fields show small things. */
const thickness = (cell: number, cells: number): number =>
  Math.max(2, Math.min(Math.round(thinnest / cell), cells >> 3))

const grey = (range: Range, body: BodyBox | undefined): Look => ({
  clamp: range,
  colours: greyPalette,
  body,
})

const look = (frame: DecodedFrame, grid: CoarseGrid): Look => {
  const [rowSpacing, columnSpacing] = frame.PixelSpacing
  const cellWidth = grid.columnStep * columnSpacing
  const cellHeight = grid.rowStep * rowSpacing
  const minCells = Math.max(2, Math.min(smallest / (cellWidth * cellHeight), grid.values.length / 50))
  if (frame.Modality === "CT" && (frame.RescaleType ?? "HU") === "HU") {
    const thick = {
      across: thickness(cellWidth, grid.columns),
      down: thickness(cellHeight, grid.rows),
    }
    return {
      clamp: ctRange,
      colours: ctPalette,
      body: bodyBox(grid, bodyHounsfield, thick, minCells),
    }
  }
  const whole = frameRange(grid)
  if (whole === undefined) return grey({ low: 0, high: 1 }, undefined)
  if (coherence(grid, whole) < noiseCoherence) return grey(whole, undefined)
  const threshold = whole.low + (whole.high - whole.low) * bodyShare
  const body = bodyBox(grid, threshold, { across: 2, down: 2 }, minCells)
  return grey(body === undefined ? whole : bodyRange(grid, body, threshold, whole), body)
}

/**
 * RGB of inputSize² pixels and their place in the patient. Axial slices show left to the right and posterior down;
 * sagittal ones posterior to the right, coronal ones left to the right, both feet down; oblique ones as the nearest
 * of the three. CT: three windows of Hounsfield units. Other modalities: grey between percentiles of the slice.
 * MONOCHROME1 turns grey values over, but not Hounsfield units, which mean the same in either (PS3.3 §C.8.2.1.1.4).
 */
export const prepareSlice = (frame: DecodedFrame & { readonly inputSize: number }): PreparedSlice => {
  const { samples, Rows, Columns, PixelPaddingValue: padding, inputSize: size } = frame
  const inverse = frame.PhotometricInterpretation === "MONOCHROME1" && frame.Modality === "MR"
  const slope = (frame.RescaleSlope || 1) * (inverse ? -1 : 1)
  const intercept = frame.RescaleIntercept * (inverse ? -1 : 1)
  const grid = coarseGrid(samples, Rows, Columns, slope, intercept, padding)
  const { clamp, colours, body } = look(frame, grid)
  const [across, down] = crop(frame, grid, body)
  const turn = orientationOf(frame.ImageOrientationPatient)
  const stored = [(clamp.low - intercept) / slope, (clamp.high - intercept) / slope] as const
  // Short samples are summed in whole numbers: a fraction of a unit wider, which painting makes good.
  const whole = samples.BYTES_PER_ELEMENT <= 2
  const low = whole ? Math.floor(Math.min(...stored)) : Math.min(...stored)
  const high = whole ? Math.ceil(Math.max(...stored)) : Math.max(...stored)
  const background = slope > 0 ? low : high
  const plane = resample(samples, Rows, Columns, across, down, size, { low, high, background, padding })
  const scale = slope / (clamp.high - clamp.low)
  const { normal } = turn
  const [x, y, z] = frame.ImagePositionPatient
  return {
    FrameNumber: frame.FrameNumber,
    geometry: {
      stack: stackOf(frame),
      position: x * normal[0] + y * normal[1] + z * normal[2],
      ImagePositionPatient: frame.ImagePositionPatient,
      ImageOrientationPatient: frame.ImageOrientationPatient,
      PixelSpacing: frame.PixelSpacing,
      SliceThickness: frame.SliceThickness ?? 0,
      Rows,
      Columns,
      view: viewOf(frame, turn, across, down, size),
      blank: body === undefined,
    },
    pixels: paint(
      plane,
      size,
      turn,
      colours,
      scale,
      (background * slope + intercept - clamp.low) / (clamp.high - clamp.low),
    ),
  }
}
