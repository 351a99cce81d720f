// NIfTI to DICOM: no voxel moves, no value is lost beyond a rounding step, labels stay on their pixels.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Affine, stackGeometry } from "../../src/convert/geometry.ts"
import { parseNifti } from "../../src/convert/nifti.ts"
import { segmentation } from "../../src/convert/segmentation.ts"
import { identify, imageSeries } from "../../src/convert/series.ts"
import { storedValues } from "../../src/convert/stored-values.ts"
import { decimal } from "../../src/convert/write-part10.ts"
import { randomOf } from "../../src/phantom/random.ts"
import { int16, float32, nifti } from "./nifti.fixture.ts"

const permutations = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const

/** All ways to lay the three voxel axes along the patient's: 6 orders × 8 directions. */
const orientations = permutations.flatMap((order) =>
  Array.from({ length: 8 }, (_, bits) => ({
    order,
    signs: [bits & 1, bits & 2, bits & 4].map((bit) => (bit ? -1 : 1)),
  })),
)

const affineOf = (index: number, spacing: ReadonlyArray<number>, origin: ReadonlyArray<number>): Affine => {
  const { order, signs } = orientations[index]!
  const row = (world: number) => {
    const entry = (axis: number) => (order[axis] === world ? signs[axis]! * spacing[axis]! : 0)
    return [entry(0), entry(1), entry(2), origin[world]!] as const
  }
  return [row(0), row(1), row(2)]
}

const world = (affine: Affine, [i, j, k]: readonly [number, number, number]) =>
  affine.map((row) => row[0] * i + row[1] * j + row[2] * k + row[3])

const written = (values: ReadonlyArray<number>) => values.map((value) => Number(decimal(value)))

describe("geometry", () => {
  it("puts every voxel where NIfTI has it, in all 48 orientations", () => {
    const random = randomOf(48)
    const three = (low: number, high: number) => [0, 1, 2].map(() => low + random() * (high - low))
    for (let index = 0; index < 48 * 100; index++) {
      const affine = affineOf(index % 48, three(0.2, 8), three(-900, 900))
      const [i = 0, j = 0, k = 0] = three(0, 400).map(Math.floor)
      const geometry = stackGeometry(affine)
      if (typeof geometry === "string") return assert.fail(geometry)
      // PS3.3 §C.7.6.2.1.1, from the numbers as they are written.
      const p = written(geometry.ImagePositionPatient(k))
      const o = written(geometry.ImageOrientationPatient)
      const [row = 0, column = 0] = written(geometry.PixelSpacing)
      const lps = [0, 1, 2].map((axis) => p[axis]! + o[axis]! * column * i + o[axis + 3]! * row * j)
      const [r = 0, a = 0, s = 0] = world(affine, [i, j, k])
      ;[-r, -a, s].forEach((value, axis) => assert.closeTo(lps[axis]!, value, 1e-5))
    }
    return undefined
  })

  it("refuses planes that are sheared or flat", () => {
    assert.match(
      String(
        stackGeometry([
          [1, 0.5, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
        ]),
      ),
      /shears/,
    )
    assert.match(
      String(
        stackGeometry([
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 0, 0],
        ]),
      ),
      /singular/,
    )
    assert.match(
      String(
        stackGeometry([
          [Number.NaN, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
        ]),
      ),
      /no millimetres/,
    )
  })
})

const refused = (bytes: Uint8Array<ArrayBuffer>) => Effect.map(Effect.flip(parseNifti(bytes)), ({ reason }) => reason)

describe("NIfTI", () => {
  it.effect("reads the sform, the qform where there is none, and big endian files", () =>
    Effect.gen(function* () {
      const rows: Affine = [
        [0, -2, 0, 5],
        [3, 0, 0, -6],
        [0, 0, 4, 7],
      ]
      const bySform = yield* parseNifti(nifti({ shape: [2, 2, 1], data: int16([1, 2, 3, 4]), sform: rows }))
      assert.deepStrictEqual(bySform.affine, rows)
      // A quarter turn about z: (a, b, c, d) = (√½, 0, 0, √½).
      const qform = { quaternion: [0, 0, Math.SQRT1_2], offset: [5, -6, 7], pixdim: [3, 2, 4] } as const
      const byQform = yield* parseNifti(nifti({ shape: [2, 2, 1], data: int16([1, 2, 3, 4]), qform, bigEndian: true }))
      byQform.affine.flat().forEach((value, n) => assert.closeTo(value, rows.flat()[n]!, 1e-5))
      assert.deepStrictEqual([...byQform.voxels], [1, 2, 3, 4])
    }),
  )

  it.effect("refuses time series, foreign files and files that end early", () =>
    Effect.gen(function* () {
      const whole = nifti({ shape: [2, 2, 1], data: int16([1, 2, 3, 4]) })
      assert.strictEqual(yield* refused(nifti({ shape: [1, 1, 1, 2], data: int16([1, 2]) })), "unsupported")
      assert.strictEqual(yield* refused(whole.slice(0, whole.length - 1)), "truncated")
      assert.strictEqual(yield* refused(new Uint8Array(500)), "not-nifti")
    }),
  )
})

describe("stored values", () => {
  it.effect("keep integers, and floats within half a step; NaN is background", () =>
    Effect.gen(function* () {
      const whole = storedValues(
        yield* parseNifti(nifti({ shape: [2, 2, 1], data: int16([-1024, 0, 7, 3000]), slope: 2, inter: 5 })),
      )
      assert.deepInclude(whole, { RescaleSlope: 2, RescaleIntercept: 5, PixelRepresentation: 1 })
      assert.deepStrictEqual([...whole.plane(0)], [-1024, 0, 7, 3000])
      const values = [-0.25, Number.NaN, 3.5, 1e4 + 0.125]
      const floats = storedValues(yield* parseNifti(nifti({ shape: [2, 2, 1], data: float32(values) })))
      const back = [...floats.plane(0)].map((value) => value * floats.RescaleSlope + floats.RescaleIntercept)
      ;[-0.25, -0.25, 3.5, 1e4 + 0.125].forEach((value, n) =>
        assert.closeTo(back[n]!, value, floats.RescaleSlope * 0.51),
      )
    }),
  )
})

describe("segmentation", () => {
  it.effect("marks each label's pixels in its planes, bits packed across frames", () =>
    Effect.gen(function* () {
      const shape = [3, 3, 2] as const
      const image = yield* parseNifti(nifti({ shape, data: int16(Array.from({ length: 18 }, (_, n) => n)) }))
      const marks = [0, 5, 0, 0, 9, 0, 0, 0, 0, /* */ 0, 0, 0, 0, 9, 9, 0, 0, 0]
      const labels = yield* parseNifti(nifti({ shape, data: int16(marks) }))
      const identity = identify(image.digest, "P", { StudyDescription: "", SeriesDescription: "" })
      const series = imageSeries(image, "CT", identity)
      if (typeof series === "string") return assert.fail(series)
      const seg = segmentation(labels, image, "CT", series, identity, new Map([[9, "liver"]]))
      if (typeof seg !== "object") return assert.fail(String(seg))
      assert.strictEqual(seg.NumberOfFrames, "3")
      const bits = new Uint8Array(seg.PixelData as ArrayBuffer)
      const set = Array.from({ length: 27 }, (_, n) => n).filter((n) => (bits[n >> 3]! >> (n & 7)) & 1)
      assert.deepStrictEqual(set, [1, 9 + 4, 18 + 4, 18 + 5])
      const segments = seg.SegmentSequence as ReadonlyArray<{ readonly SegmentLabel: string }>
      assert.deepStrictEqual(
        segments.map(({ SegmentLabel }) => SegmentLabel),
        ["label 5", "liver"],
      )
      const elsewhere = yield* parseNifti(nifti({ shape: [3, 3, 1], data: int16(marks.slice(0, 9)) }))
      assert.match(String(segmentation(elsewhere, image, "CT", series, identity, new Map())), /another grid/)
    }),
  )
})
