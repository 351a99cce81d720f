// Regions by slices, box and segment, in axial, sagittal and oblique stacks.
import { assert, describe, it } from "@effect/vitest"
import type { Vec3 } from "../../src/domain/slice.ts"
import { SOPInstanceUID } from "../../src/domain/uid.ts"
import { type Choice, slicesBetween, slicesInBox, slicesOfSegment, wholeSeries } from "../../src/query/region-slices.ts"
import { axial, type Layout, oblique, sagittal, stackOf } from "./stacks.fixture.ts"

const indices = (choice: Choice) => ("missing" in choice ? choice.missing : choice.slices.map(({ index }) => index))
const uid = (text: string) => SOPInstanceUID.make(text)
const to = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe("slices", () => {
  const stacks = [
    stackOf({ stack: "small", slices: 4 }),
    stackOf({ slices: 10 }),
    stackOf({ stack: "multi", slices: 6, multiFrame: true }),
  ]

  it.each([
    ["indices", 2, 4, to(2, 4)],
    ["either order", 4, 2, to(2, 4)],
    ["one slice", 9, 9, [9]],
    ["UIDs", uid("1.2.4.7"), uid("1.2.4.5"), to(5, 7)],
    ["UID of the smaller stack and an index in it", uid("1.2.5.1"), 3, to(1, 3)],
    ["UID of a multi-frame instance: all its frames", uid("1.2.5.0"), uid("1.2.5.0"), to(0, 5)],
    ["beyond the end", 2, 10, "slice 10 is outside the volume: it has slices 0 to 9"],
    ["unknown UID", uid("1.2.3.4.5"), 1, "instance 1.2.3.4.5 has no searchable slice in this series"],
    ["two stacks", uid("1.2.4.7"), uid("1.2.5.1"), "the two ends lie in different volumes of the series"],
  ] as const)("%s", (name, from, until, expected) => {
    // The multi-frame and the small stack share a name length, and so their UIDs: one of them at a time.
    const own = name.startsWith("UID of a multi") ? stacks.slice(1) : stacks.slice(0, 2)
    assert.deepStrictEqual<unknown>(indices(slicesBetween(own, from, until)), expected)
  })

  it("nothing named is the whole of the largest stack", () => {
    assert.deepStrictEqual(indices(wholeSeries(stacks)), to(0, 9))
    assert.deepStrictEqual(indices(wholeSeries([])), "the series has no searchable slice")
  })
})

const place = ({ right, down, normal }: Layout, u: number, v: number, n: number): Vec3 =>
  [0, 1, 2].map((axis) => right[axis]! * u + down[axis]! * v + normal[axis]! * n) as unknown as Vec3

describe("box", () => {
  it.each([
    ["axial", axial, { min: [-20, -30, 9] as const, max: [40, 10, 21] as const }, to(2, 4), [-20, 40, -30, 10]],
    // Sagittal: x chooses the slices, y runs right, −z runs down.
    ["sagittal", sagittal, { min: [9, -30, -40] as const, max: [21, 10, 60] as const }, to(2, 4), [-30, 10, -60, 40]],
    [
      "ends in either order",
      axial,
      { min: [40, 10, 21] as const, max: [-20, -30, 9] as const },
      to(2, 4),
      [-20, 40, -30, 10],
    ],
    [
      "half a thickness reaches the plane",
      axial,
      { min: [0, 0, 12.6] as const, max: [10, 10, 17.4] as const },
      [3],
      [0, 10, 0, 10],
    ],
    [
      "clipped to the image",
      axial,
      { min: [50, 50, 0] as const, max: [900, 900, 1] as const },
      [0],
      [50, 100, 50, 100],
    ],
  ] as const)("%s", (_name, layout, box, expected, [left, right, top, bottom]) => {
    const choice = slicesInBox([stackOf({ slices: 10, layout })], box)
    assert.deepStrictEqual<unknown>(indices(choice), expected)
    if ("missing" in choice) return assert.fail(choice.missing)
    for (const { rectangle } of choice.slices) {
      assert.closeTo(rectangle!.left, left, 1e-6)
      assert.closeTo(rectangle!.right, right, 1e-6)
      assert.closeTo(rectangle!.top, top, 1e-6)
      assert.closeTo(rectangle!.bottom, bottom, 1e-6)
    }
  })

  it("in an oblique stack is cut where the slice passes through it", () => {
    const stack = stackOf({ slices: 21, layout: oblique, first: -50 })
    // A tall, thin column around the y–z origin: each slice meets it in a short stretch, not in all of its height.
    const choice = slicesInBox([stack], { min: [-10, -1, -60], max: [10, 1, 60] })
    if ("missing" in choice) return assert.fail(choice.missing)
    assert.isAbove(choice.slices.length, 15)
    for (const { index, rectangle } of choice.slices) {
      assert.closeTo(rectangle!.left, -10, 1e-6)
      const height = rectangle!.bottom - rectangle!.top
      // 2 mm of y, stretched by the tilt, and what half a thickness on either side adds.
      assert.isBelow(height, 2 / Math.cos(0.5) + 5 * Math.tan(0.5) + 1e-6, `slice ${index}`)
      // The column crosses slice n (normal offset n) at v = n tan(0.5).
      const n = -50 + index * 5
      if (Math.abs(n) < 40) assert.closeTo((rectangle!.top + rectangle!.bottom) / 2, n * Math.tan(0.5), 1e-6)
    }
  })

  it.each([
    ["above", { min: [0, 0, 60] as const, max: [1, 1, 70] as const }],
    ["beside", { min: [300, 0, 0] as const, max: [400, 10, 10] as const }],
  ])("%s the volume is said to be outside", (_name, box) => {
    assert.strictEqual(
      indices(slicesInBox([stackOf({ slices: 10 })], box)),
      "the box lies outside the volume, or has no extent in its planes",
    )
  })

  it("takes the stack with most slices in it", () => {
    const stacks = [
      stackOf({ stack: "thick", slices: 10, spacing: 10 }),
      stackOf({ stack: "thin", slices: 8, spacing: 2 }),
    ]
    const choice = slicesInBox(stacks, { min: [-50, -50, 0], max: [50, 50, 12] })
    assert.strictEqual("missing" in choice ? "" : choice.stack.stack, "thin")
  })
})

/** Corners of a square about the normal, n mm along it. */
const frame = (layout: Layout, n: number, half: number) =>
  [
    [-half, -half],
    [half, -half],
    [half, half],
    [-half, half],
  ].map(([u = 0, v = 0]) => place(layout, u, v, n))

describe("segment", () => {
  it.each([
    ["axial", axial],
    ["sagittal", sagittal],
    ["oblique", oblique],
  ] as const)("%s: slices and rectangle of each frame", (_name, layout) => {
    const stack = stackOf({ slices: 10, layout })
    const choice = slicesOfSegment([stack], [frame(layout, 20.4, 12), frame(layout, 15, 10), frame(layout, 25, 8)])
    assert.deepStrictEqual<unknown>(indices(choice), [3, 4, 5])
    if ("missing" in choice) return
    assert.deepStrictEqual(
      choice.slices.map(({ rectangle }) => Math.round(rectangle!.right - rectangle!.left)),
      [20, 24, 16],
    )
  })

  it("drawn in other planes counts as the box it spans", () => {
    const frames = [frame(sagittal, -10, 15), frame(sagittal, 10, 15)]
    const choice = slicesOfSegment([stackOf({ slices: 10, first: -20 })], frames)
    assert.deepStrictEqual<unknown>(indices(choice), to(1, 7))
    if ("missing" in choice) return
    const { rectangle } = choice.slices[3]!
    assert.deepStrictEqual(
      [rectangle!.left, rectangle!.right, rectangle!.top, rectangle!.bottom].map(Math.round),
      [-10, 10, -15, 15],
    )
  })

  it("says what is wrong", () => {
    const stack = stackOf({ slices: 10 })
    assert.strictEqual(indices(slicesOfSegment([stack], [])), "the segment is empty")
    assert.strictEqual(indices(slicesOfSegment([stack], [frame(axial, 500, 5)])), "the segment lies outside the volume")
  })
})
