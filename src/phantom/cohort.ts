// A cohort of synthetic patients as CT series with known organs: for the demo, benchmarks and tests.
import type { Box, Vec3 } from "../domain/slice.ts"
import type { StackGeometry } from "../convert/geometry.ts"
import { commonAttributes, type Identity, modalityAttributes, planeAttributes, sopClass } from "../convert/series.ts"
import { uidOf } from "../convert/uid.ts"
import { decimal, writePart10 } from "../convert/write-part10.ts"
import { type Body, bodyHeight, bodyOf, skinAt } from "./body.ts"
import { type Grid, type Organ, organs } from "./canvas.ts"
import { expose, paintPlane } from "./plane.ts"
import { randomOf } from "./random.ts"

export interface PhantomSeries {
  readonly identity: Identity
  /** How the patient lay: head first supine, or feet first prone. */
  readonly PatientPosition: "HFS" | "FFP"
  readonly part: "trunk" | "chest" | "abdomen" | "head"
  readonly count: number
  /** What the scan shows, as boxes in LPS mm; organs that are cut off by more than half are left out. */
  readonly organs: ReadonlyArray<{ readonly name: Organ; readonly box: Box }>
  /** Part 10 files in the order the scanner sent them, painted one by one. */
  readonly slices: () => Generator<Buffer>
}

interface Scan {
  readonly body: Body
  readonly grid: Grid
  readonly prone: boolean
  /** Patient coordinates of the body's own origin. */
  readonly shift: Vec3
  /** Heights above the perineum (mm), one a slice, from below. */
  readonly heights: ReadonlyArray<number>
  readonly step: number
  readonly table: number
  readonly sigma: number
}

const parts = {
  trunk: [-10, bodyHeight],
  chest: [400, 745],
  abdomen: [10, 480],
  head: [715, bodyHeight],
} as const

/** Most patients are scanned from head to pelvis; some only in part. */
const partOf = (index: number): PhantomSeries["part"] =>
  (["trunk", "trunk", "chest", "trunk", "abdomen", "trunk", "trunk", "head"] as const)[index % 8]!

const scanOf = (seed: number, part: PhantomSeries["part"], prone: boolean): Scan => {
  const random = randomOf(seed ^ 0x5ca0)
  const between = (low: number, high: number) => low + random() * (high - low)
  const pick = <A>(...values: readonly [A, ...ReadonlyArray<A>]) =>
    values[Math.floor(random() * values.length)] ?? values[0]
  const body = bodyOf(seed)
  const [low, high] = parts[part]
  const step = part === "trunk" ? pick(5, 5, 6) : pick(3, 4, 5)
  const columns = pick(192, 224, 256)
  const widest = part === "head" ? 125 : 205 * body.width + (body.arms ? 80 : 0) + 25
  const spacing = Math.round(((widest * 2) / columns) * between(1, 1.12) * 1000) / 1000
  const offset = (columns - 1) / 2
  const grid = {
    columns,
    rows: columns,
    spacing,
    x0: between(-8, 8) - offset * spacing,
    y0: between(0, 18) - offset * spacing,
  }
  const deepest = Math.max(...[60, 300, 450, 900].map((z) => (skinAt(body, z)?.ry ?? 0) + (skinAt(body, z)?.y ?? 0)))
  const count = Math.floor(((high - low) * body.scale) / step)
  return {
    body,
    grid,
    prone,
    shift: [Math.round(between(-20, 20)), Math.round(between(-160, -120)), Math.round(between(-1400, 200))],
    heights: Array.from({ length: count }, (_, index) => low * body.scale + index * step),
    step,
    table: prone ? -deepest - 4 : deepest + 4,
    sigma: between(8, 22),
  }
}

const paint = (scan: Scan, grid: Grid, height: number) =>
  paintPlane(scan.body, grid, height, scan.prone ? undefined : scan.table)

/** Paints a coarse copy of the scan and looks where each organ came to lie. */
const organBoxes = (scan: Scan): PhantomSeries["organs"] => {
  const { grid, shift, heights, step } = scan
  const coarse = 4
  const size = Math.ceil((grid.columns * grid.spacing) / coarse)
  const small: Grid = { columns: size, rows: size, spacing: coarse, x0: grid.x0, y0: grid.y0 }
  const seen = organs.map(() => ({
    min: [Infinity, Infinity, Infinity],
    max: [-Infinity, -Infinity, -Infinity],
    pixels: 0,
    edge: 0,
  }))
  heights.forEach((height, slice) => {
    const { organ } = paint(scan, small, height)
    for (let at = 0; at < organ.length; at++) {
      const found = seen[organ[at]! - 1]
      if (found === undefined) continue
      const here = [
        small.x0 + (at % size) * coarse + shift[0],
        small.y0 + Math.floor(at / size) * coarse + shift[1],
        height + shift[2],
      ]
      here.forEach((value, axis) => {
        const half = axis === 2 ? step / 2 : coarse / 2
        found.min[axis] = Math.min(found.min[axis]!, value - half)
        found.max[axis] = Math.max(found.max[axis]!, value + half)
      })
      found.pixels++
      if (slice === 0 || slice === heights.length - 1) found.edge++
    }
  })
  return organs.flatMap((name, index) => {
    const { min, max, pixels, edge } = seen[index]!
    // Cut at its widest, or a mere trace: no region to ask for.
    const slices = (max[2]! - min[2]!) / step
    if (pixels < 40 || edge * slices > pixels * 1.1) return []
    return [{ name, box: { min: [min[0]!, min[1]!, min[2]!], max: [max[0]!, max[1]!, max[2]!] } }]
  })
}

const geometryOf = ({ grid, shift, heights, step, prone }: Scan): StackGeometry => {
  const sign = prone ? -1 : 1
  const reach = prone ? (grid.columns - 1) * grid.spacing : 0
  return {
    // Prone, the image is shown as the patient lies: right and down turn round.
    ImageOrientationPatient: [sign, 0, 0, 0, sign, 0],
    PixelSpacing: [grid.spacing, grid.spacing],
    SliceThickness: step,
    ImagePositionPatient: (k) => [grid.x0 + reach + shift[0], grid.y0 + reach + shift[1], heights[k]! + shift[2]],
  }
}

function* slicesOf(
  scan: Scan,
  series: Omit<PhantomSeries, "slices" | "organs">,
  upwards: boolean,
  seed: number,
): Generator<Buffer> {
  const { grid, heights } = scan
  const geometry = geometryOf(scan)
  const random = randomOf(seed ^ 0x9015e)
  for (let sent = 0; sent < heights.length; sent++) {
    const k = upwards ? sent : heights.length - 1 - sent
    const pixels = expose(paint(scan, grid, heights[k]!), scan.sigma, random)
    if (scan.prone) pixels.reverse()
    yield writePart10({
      ...commonAttributes(series.identity),
      ...modalityAttributes("CT"),
      ManufacturerModelName: "phantom",
      ImageType: ["ORIGINAL", "PRIMARY", "AXIAL"],
      SOPClassUID: sopClass.CT,
      SOPInstanceUID: uidOf(series.identity.SeriesInstanceUID, sent),
      Modality: "CT",
      SeriesInstanceUID: series.identity.SeriesInstanceUID,
      SeriesDescription: series.identity.SeriesDescription,
      SeriesNumber: "1",
      KVP: "120",
      PatientPosition: series.PatientPosition,
      InstanceNumber: String(sent + 1),
      ...planeAttributes(geometry, k),
      SamplesPerPixel: 1,
      PhotometricInterpretation: "MONOCHROME2",
      Rows: grid.rows,
      Columns: grid.columns,
      BitsAllocated: 16,
      BitsStored: 12,
      HighBit: 11,
      PixelRepresentation: 0,
      RescaleSlope: "1",
      RescaleIntercept: "-1024",
      WindowCenter: decimal(40),
      WindowWidth: decimal(400),
      PixelData: pixels.buffer,
    })
  }
}

/** `patients` series, one of each patient; the same options always give the same bytes. */
export function* cohort({
  patients = 12,
  seed = 1,
}: { readonly patients?: number; readonly seed?: number } = {}): Generator<PhantomSeries> {
  for (let index = 0; index < patients; index++) {
    const own = Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)
    const number = String(index + 1).padStart(2, "0")
    const part = partOf(index)
    const prone = index % 5 === 3
    const scan = scanOf(own, part, prone)
    const name = ["phantom", seed, index] as const
    const series = {
      identity: {
        PatientID: `PHANTOM-${seed}-${number}`,
        PatientName: `Phantom^${number}`,
        StudyInstanceUID: uidOf("study", ...name),
        SeriesInstanceUID: uidOf("series", ...name),
        FrameOfReferenceUID: uidOf("frame of reference", ...name),
        StudyID: number,
        StudyDate: `2024${String((index % 12) + 1).padStart(2, "0")}${String(((index * 7) % 28) + 1).padStart(2, "0")}`,
        StudyDescription: `Phantom ${part}`,
        SeriesDescription: `CT ${part} ${scan.step} mm`,
      },
      PatientPosition: prone ? "FFP" : "HFS",
      part,
      count: scan.heights.length,
    } as const
    yield { ...series, organs: organBoxes(scan), slices: () => slicesOf(scan, series, index % 3 !== 1, own) }
  }
}
