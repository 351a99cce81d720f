// Rectangles in the plane of slices: found where they were drawn, whatever the crop, and given back in the patient.
import { assert, describe, it } from "@effect/vitest"
import type { SliceGeometry, Vec3 } from "../../src/domain/slice.ts"
import { findRectangle } from "../../src/rerank/find-rectangle.ts"
import { bodyRectangle, boxAround, cellWeights, type Rectangle, viewRectangle } from "../../src/rerank/plane.ts"
import { seeded } from "./vectors.fixture.ts"

/** A picture of 200 × 100 mm (columns × rows, 1 mm); the view: 100 pixels of `step` mm from `origin` on. */
const slice = (origin: Vec3, step: number, orientation = "axial" as "axial" | "coronal"): SliceGeometry => ({
  stack: "a",
  position: orientation === "axial" ? origin[2] : -origin[1],
  ImagePositionPatient: orientation === "axial" ? [0.5, 0.5, origin[2]] : [0.5, origin[1], -0.5],
  ImageOrientationPatient: orientation === "axial" ? [1, 0, 0, 0, 1, 0] : [1, 0, 0, 0, 0, -1],
  PixelSpacing: [1, 1],
  SliceThickness: 4,
  Rows: 100,
  Columns: 200,
  view: { origin, right: [step, 0, 0], down: orientation === "axial" ? [0, step, 0] : [0, 0, -step], size: 100 },
  blank: false,
})
const close = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>, tolerance = 1e-6) => {
  assert.strictEqual(actual.length, expected.length)
  expected.forEach((value, at) => assert.closeTo(actual[at] ?? Number.NaN, value, tolerance))
}
const sides = ({ left, right, top, bottom }: Rectangle) => [left, right, top, bottom]

describe("planes", () => {
  it("leave out what lies beyond the picture", () => {
    // The square view of 200 mm hangs 50 mm over the picture at either side.
    close(sides(viewRectangle(slice([1, -49, 0], 2).view)), [0, 200, -50, 150])
    close(sides(bodyRectangle(slice([1, -49, 0], 2))), [0, 200, 0, 100])
  })

  it("give boxes in patient millimetres, half a thickness beyond both ends, for any orientation", () => {
    const rectangle = { left: 40, right: 80, top: 20, bottom: 50 }
    const axial = [10, 14, 18].map((z) => ({ geometry: slice([1, 1, z], 2), rectangle }))
    const box = boxAround(axial)
    close([...box.min, ...box.max], [40, 20, 8, 80, 50, 20])
    // Down in the coronal plane is towards the feet: 20..50 mm down are −50..−20 mm of z.
    const coronal = [14, 10].map((y) => ({ geometry: slice([1, y, -1], 2, "coronal"), rectangle }))
    const upright = boxAround(coronal)
    close([...upright.min, ...upright.max], [40, 8, -50, 80, 16, -20])
  })

  it("weigh cells by the share that is covered: all of them together make up the rectangle", () => {
    const random = seeded(3)
    for (let run = 0; run < 200; run++) {
      const side = 1 + Math.floor(random() * 9)
      const { view } = slice([1 - random() * 30, 1 - random() * 30, 0], 1.5 + random())
      const seen = viewRectangle(view)
      const at = (from: number, to: number) => from + random() * (to - from)
      const [a, b, c, d] = [
        at(seen.left, seen.right),
        at(seen.left, seen.right),
        at(seen.top, seen.bottom),
        at(seen.top, seen.bottom),
      ]
      const rectangle = {
        left: Math.min(a, b),
        right: Math.max(a, b),
        top: Math.min(c, d),
        bottom: Math.max(c, d),
      }
      const weights = cellWeights(view, side, rectangle)
      const cell = ((seen.right - seen.left) / side) * ((seen.bottom - seen.top) / side)
      const area = (rectangle.right - rectangle.left) * (rectangle.bottom - rectangle.top)
      assert.closeTo(weights.reduce((sum, weight) => sum + weight, 0) * cell, area, area * 1e-4 + 1e-3)
      assert.isTrue(weights.every((weight) => weight >= 0 && weight <= 1 + 1e-6))
    }
  })
})

describe("findRectangle", () => {
  it("finds a patch drawn into maps of slices that were cropped differently", () => {
    const side = 10
    const random = seeded(8)
    for (let run = 0; run < 100; run++) {
      const [width, height] = [40 + random() * 40, 30 + random() * 30]
      const [left, top] = [10 + random() * (180 - width), 5 + random() * (90 - height)]
      const patch = { left, right: left + width, top, bottom: top + height }
      const maps = [0, 1, 2].map(() => {
        const { view } = slice([1 - random() * 20, 1 - random() * 20, 0], 2.2)
        const noise = () => (random() - 0.5) * 0.2
        return { view, cells: cellWeights(view, side, patch).map((share) => share * 0.7 + noise()) }
      })
      const found = findRectangle(maps, side, [width, height], { left: 0, right: 200, top: 0, bottom: 100 })
      assert.isDefined(found)
      if (found === undefined) continue
      const shared =
        Math.max(0, Math.min(found.right, patch.right) - Math.max(found.left, patch.left)) *
        Math.max(0, Math.min(found.bottom, patch.bottom) - Math.max(found.top, patch.top))
      const area = (found.right - found.left) * (found.bottom - found.top)
      assert.isAbove(shared / (area + width * height - shared), 0.5, `run ${run}`)
    }
  })

  it("finds nothing where no map reaches", () => {
    const map = { view: slice([1, 1, 0], 1).view, cells: new Float32Array(4) }
    assert.isUndefined(findRectangle([map], 2, [10, 10], { left: 500, right: 600, top: 0, bottom: 10 }))
    assert.isUndefined(findRectangle([], 2, [10, 10], { left: 0, right: 100, top: 0, bottom: 100 }))
  })
})
