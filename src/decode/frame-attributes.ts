// Where a frame lies and how its values are meant: the frame's functional groups, the shared ones, the object's own
// attributes, in this order (PS3.3 §C.7.6.16).
import type { DataSet } from "dicom-parser"
import { numbersOf, stringOf, type ImageModule } from "./image-module.ts"

type Numbers = ReadonlyArray<number>

export interface FrameAttributes {
  readonly ImagePositionPatient: Numbers
  readonly ImageOrientationPatient: Numbers
  readonly PixelSpacing: Numbers
  readonly SliceThickness: number | undefined
  readonly RescaleSlope: number
  readonly RescaleIntercept: number
  readonly RescaleType: string | undefined
  readonly WindowCenter: Numbers
  readonly WindowWidth: Numbers
  readonly VOILUTFunction: string | undefined
  /** False where several frames share attributes of which only one can be true. */
  readonly ownPosition: boolean
}

const groups = {
  position: "x00209113",
  orientation: "x00209116",
  measures: "x00289110",
  transformation: "x00289145",
  window: "x00289132",
} as const

const item = (dataset: DataSet | undefined, tag: string, index = 0): DataSet | undefined =>
  dataset?.elements[tag]?.items?.[index]?.dataSet

const finite = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) ? value : undefined

/** `frame` is 1-based. Missing attributes are empty lists. */
export const frameAttributes = (dataset: DataSet, image: ImageModule, frame: number): FrameAttributes => {
  const own = item(dataset, "x52009230", frame - 1)
  const shared = item(dataset, "x52009229")
  const group = (tag: string): ReadonlyArray<DataSet> =>
    [item(own, tag), item(shared, tag), dataset].filter((found) => found !== undefined)
  const numbers = (name: keyof typeof groups, tag: string): Numbers =>
    group(groups[name])
      .map((found) => numbersOf(found, tag))
      .find((found) => found.length > 0) ?? []
  const text = (name: keyof typeof groups, tag: string): string | undefined =>
    group(groups[name])
      .map((found) => stringOf(found, tag))
      .find((found) => found !== "")
  const slope = finite(numbers("transformation", "x00281053")[0])
  return {
    ImagePositionPatient: numbers("position", "x00200032"),
    ImageOrientationPatient: numbers("orientation", "x00200037"),
    PixelSpacing: numbers("measures", "x00280030"),
    SliceThickness: finite(numbers("measures", "x00180050")[0]),
    RescaleSlope: slope === undefined || slope === 0 ? 1 : slope,
    RescaleIntercept: finite(numbers("transformation", "x00281052")[0]) ?? 0,
    RescaleType: text("transformation", "x00281054"),
    WindowCenter: numbers("window", "x00281050"),
    WindowWidth: numbers("window", "x00281051"),
    VOILUTFunction: text("window", "x00281056"),
    ownPosition: image.NumberOfFrames === 1 || item(own, groups.position) !== undefined,
  }
}
