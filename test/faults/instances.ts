// The instances that are sent: small CT volumes whose pixels follow from the seed, and whose bytes from a generation, too.
import { ctSlice } from "../support/volumes.ts"
import { dice } from "./dice.ts"

export interface Study {
  readonly StudyInstanceUID: string
  readonly SeriesInstanceUID: string
  readonly PatientID: string
  /** Core studies are there at the end of each round, others not. */
  readonly core: boolean
  readonly SOPInstanceUIDs: ReadonlyArray<string>
  readonly bytes: (slice: number, generation: number) => Buffer
}

const side = 64
/** What core studies have and the others have not, so that searches and standing regions can leave the others out. */
export const coreDate = "20240101"
const otherDate = "20200101"

const uidOf = (seed: number, ...path: ReadonlyArray<number | string>) => {
  const { between } = dice(seed).of(path.join("/"))
  return `2.25.${between(1, 9)}${Array.from({ length: 28 }, () => between(0, 9)).join("")}`
}

/** Bodies of a family look alike: an ellipse of tissue with bright and dark ellipses in it that change along z. */
const pixels = (seed: number, family: string, own: string, slice: number) => {
  const shape = dice(seed).of(`family ${family}`)
  const noise = dice(seed).of(`noise ${family} ${own} ${slice}`)
  const values = new Int16Array(side * side).fill(-1000)
  const ellipse = (x: number, y: number, rx: number, ry: number, value: number) => {
    for (let i = 0; i < values.length; i++) {
      const [dx, dy] = [((i % side) - x) / rx, (Math.floor(i / side) - y) / ry]
      if (dx * dx + dy * dy < 1) values[i] = value + noise.between(-8, 8)
    }
  }
  ellipse(32, 32, shape.between(20, 29), shape.between(16, 29), 40)
  for (let n = 0; n < 5; n++) {
    const [x, y] = [shape.between(20, 44), shape.between(20, 44)]
    const grow = shape.between(-10, 10) / 10
    const [rx, ry] = [shape.between(3, 9), shape.between(3, 9)]
    ellipse(
      x,
      y,
      Math.max(1, rx + grow * slice),
      Math.max(1, ry + grow * slice),
      shape.pick([-800, -100, 120, 500, 900]),
    )
  }
  return values.buffer
}

export interface StudyOptions {
  readonly seed: number
  /** Distinguishes studies. */
  readonly name: string
  readonly family: string
  readonly slices: number
  readonly core: boolean
}

export const study = ({ seed, name, family, slices, core }: StudyOptions): Study => {
  const of = {
    StudyInstanceUID: uidOf(seed, name, "study"),
    SeriesInstanceUID: uidOf(seed, name, "series"),
    PatientID: `P-${name}`,
  }
  const SOPInstanceUIDs = Array.from({ length: slices }, (_, slice) => uidOf(seed, name, slice))
  return {
    ...of,
    core,
    SOPInstanceUIDs,
    bytes: (slice, generation) =>
      ctSlice(of, slice, {
        SOPInstanceUID: SOPInstanceUIDs[slice],
        StudyDate: core ? coreDate : otherDate,
        ImageComments: `generation ${generation}`,
        PixelData: pixels(seed, family, name, slice),
      }),
  }
}

export const families = 5
const perFamily = 2
const coreSlices = 6

/** The same for every fault of a run, so that one undisturbed run says what each of them must find. */
export const coreStudies = (seed: number): ReadonlyArray<Study> =>
  Array.from({ length: families * perFamily }, (_, n) =>
    study({ seed, name: `core ${n}`, family: String(n % families), slices: coreSlices, core: true }),
  )
