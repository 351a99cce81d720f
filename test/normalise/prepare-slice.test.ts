// What the model is shown: upright in the patient, cut to the body, in intensities that mean the same everywhere.
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import type { PreparedSlice, Vec3 } from "../../src/domain/slice.ts"
import { type DecodedFrame, prepareSlice } from "../../src/normalise/prepare-slice.ts"
import { axial, type Cosines, draw, mark, markedBody, turned } from "./frames.fixture.ts"

const inputSize = 96
const prepare = (frame: DecodedFrame): PreparedSlice => prepareSlice({ ...frame, inputSize })

const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const minus = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
const isBlank = (frame: DecodedFrame) => prepare(frame).geometry.blank
/** The largest difference of two pictures. */
const apart = (a: PreparedSlice, b: PreparedSlice) =>
  a.pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - b.pixels[i]!)), 0)
const channel = ({ pixels }: PreparedSlice, which: number) => pixels.filter((_, i) => i % 3 === which)
const centreOf = ({ pixels }: PreparedSlice): Vec3 =>
  [0, 1, 2].map((c) => pixels[((inputSize >> 1) * inputSize + (inputSize >> 1)) * 3 + c]!) as [number, number, number]

/** Input pixel (column, row) of a point of the patient, by the view alone. */
const pixelOf = ({ geometry: { view } }: PreparedSlice, point: Vec3): readonly [number, number] => {
  const away = minus(point, view.origin)
  return [dot(away, view.right) / dot(view.right, view.right), dot(away, view.down) / dot(view.down, view.down)]
}

/** Middle of the pixels that only bone reaches. */
const brightest = (slice: PreparedSlice): readonly [number, number] => {
  let [count, x, y] = [0, 0, 0]
  channel(slice, 2).forEach((value, i) => {
    if (value < 200) return
    count++
    x += i % inputSize
    y += Math.floor(i / inputSize)
  })
  assert.isAbove(count, 10)
  return [x / count, y / count]
}

const planes = [
  {
    plane: "axial",
    axes: [
      [1, 0, 0],
      [0, 1, 0],
    ],
    at: [mark[0], mark[1], 0],
    right: [1, 0, 0],
    down: [0, 1, 0],
  },
  {
    plane: "sagittal",
    axes: [
      [0, 1, 0],
      [0, 0, 1],
    ],
    at: [0, mark[1], mark[2]],
    right: [0, 1, 0],
    down: [0, 0, -1],
  },
  {
    plane: "coronal",
    axes: [
      [1, 0, 0],
      [0, 0, 1],
    ],
    at: [mark[0], 0, mark[2]],
    right: [1, 0, 0],
    down: [0, 0, -1],
  },
] as const satisfies ReadonlyArray<{ plane: string; axes: readonly [Vec3, Vec3]; at: Vec3; right: Vec3; down: Vec3 }>

describe.each(planes)("$plane frames", ({ axes, at, right, down }) => {
  const centre: Vec3 = [13, -40, 250]
  const where: Vec3 = [at[0] + centre[0], at[1] + centre[1], at[2] + centre[2]]

  it.each(turned(axes[0], axes[1]))(
    "stored as %d %d %d %d %d %d are shown upright, each pixel where the view says",
    (...c) => {
      const slice = prepare(draw({ body: markedBody, cosines: c as unknown as Cosines, Rows: 150, spacing: [1.5, 2] }))
      const { view } = slice.geometry
      assert.isAbove(dot(view.right, right) / Math.hypot(...view.right), 0.999)
      assert.isAbove(dot(view.down, down) / Math.hypot(...view.down), 0.999)
      assert.approximately(Math.hypot(...view.right), Math.hypot(...view.down), 1e-9)
      const [x, y] = pixelOf(slice, where)
      const [foundX, foundY] = brightest(slice)
      assert.approximately(foundX, x, 0.6)
      assert.approximately(foundY, y, 0.6)
    },
  )

  it("differ in no byte for being stored turned", () => {
    const pictures = turned(axes[0], axes[1]).map((cosines) => prepare(draw({ body: markedBody, cosines })).pixels)
    for (const picture of pictures) {
      let most = 0
      picture.forEach((value, i) => (most = Math.max(most, Math.abs(value - pictures[0]![i]!))))
      assert.isAtMost(most, 1)
    }
  })
})

const positionAt = (z: number, cosines: Cosines) =>
  prepare(draw({ body: markedBody, cosines, centre: [0, 0, z] })).geometry.position
const stackWith = (change: Partial<Parameters<typeof draw>[0]>) =>
  prepare(draw({ body: markedBody, cosines: axial, ...change })).geometry.stack
const onTable = (x: number, y: number, z: number) =>
  y > 96 && y < 104 && Math.abs(x) < 110 ? 300 : markedBody(x, y, z)
const inArbitraryUnits = (x: number, y: number, z: number) => Math.max(0, 100 + markedBody(x, y, z) / 4)

const mrOf = (change: (value: number) => number, frame: Partial<DecodedFrame> = {}) =>
  prepare(
    draw({
      body: (x, y, z) => change(inArbitraryUnits(x, y, z)),
      cosines: axial,
      frame: { Modality: "MR", ...frame },
    }),
  )

describe("stacks", () => {
  it.each([[axial], [[1, 0, 0, 0, -1, 0]], [[0, 1, 0, 1, 0, 0]]] as ReadonlyArray<[Cosines]>)(
    "are ordered from feet to head whichever way the normal of %o points",
    (cosines) => {
      assert.approximately(positionAt(30, cosines) - positionAt(25, cosines), 5, 1e-9)
    },
  )
  it("hold slices whose cosines differ by noise, not those of another matrix, spacing or orientation", () => {
    assert.strictEqual(
      stackWith({}),
      stackWith({ cosines: [0.99999, 0.0004, 0, -0.0004, 0.99999, 0], centre: [1, 2, 3] }),
    )
    const others = [{ Rows: 127 }, { spacing: [2, 2.1] as const }, { cosines: [0, 1, 0, 0, 0, -1] as Cosines }]
    assert.strictEqual(new Set([{}, ...others].map(stackWith)).size, 4)
  })
  it("of a tilted gantry stay axial and map to the patient by their own cosines", () => {
    const tilt = (20 * Math.PI) / 180
    const cosines: Cosines = [1, 0, 0, 0, Math.cos(tilt), Math.sin(tilt)]
    const { view } = prepare(draw({ body: markedBody, cosines })).geometry
    assert.approximately(view.down[2] / view.down[1], Math.tan(tilt), 1e-9)
  })
})

describe("CT", () => {
  it("shows soft tissue, lung and bone windows of Hounsfield units", () => {
    const [red, green, blue] = centreOf(prepare(draw({ body: markedBody, cosines: axial })))
    assert.approximately(red, (255 * (40 + 160)) / 400, 1)
    assert.approximately(green, (255 * (40 + 1350)) / 1500, 1)
    assert.approximately(blue, (255 * (40 + 500)) / 1800, 1)
  })
  it("is the same in any storage of the same Hounsfield units", () => {
    const plain = prepare(draw({ body: markedBody, cosines: axial })).pixels
    const rescaled = prepare(
      draw({ body: markedBody, cosines: axial, frame: { RescaleSlope: 0.5, RescaleIntercept: -1024 } }),
    ).pixels
    assert.deepStrictEqual(rescaled, plain)
  })
  it("is cut to the body, without the table below it", () => {
    const [alone, lying] = [markedBody, onTable].map((body) => prepare(draw({ body, cosines: axial })).geometry.view)
    assert.deepStrictEqual(lying, alone)
    const side = Math.hypot(...alone!.right) * inputSize
    assert.isAtLeast(side, 160)
    assert.isAtMost(side, 190)
  })
  it("takes padding for background, not for a value", () => {
    const frame = draw({ body: markedBody, cosines: axial, frame: { PixelPaddingValue: 3000 } })
    const padded = frame.samples.map((value, i) => (i % 128 < 8 ? 3000 : value))
    assert.deepStrictEqual(prepare({ ...frame, samples: padded as Int16Array }).pixels, prepare(frame).pixels)
  })
})

describe("MR", () => {
  it("looks the same whatever the scanner's scale", () => {
    assert.isAtMost(
      apart(
        mrOf((v) => v * 10),
        mrOf((v) => v * 50 + 700),
      ),
      3,
    )
  })
  it("is not darkened by a few hot pixels", () => {
    const frame = draw({ body: (x, y, z) => inArbitraryUnits(x, y, z) * 10, cosines: axial, frame: { Modality: "MR" } })
    const hot = frame.samples.map((value, i) => (i === 5000 || i === 9001 ? 32_000 : value)) as Int16Array
    const [plain, spoilt] = [prepare(frame), prepare({ ...frame, samples: hot })]
    const [before] = centreOf(plain)
    const [after] = centreOf(spoilt)
    assert.isAbove(before, 30)
    assert.approximately(after, before, 20)
  })
  it("turns MONOCHROME1 over", () => {
    const straight = mrOf((v) => v * 10)
    const inverse = mrOf((v) => 5000 - v * 10, { PhotometricInterpretation: "MONOCHROME1" })
    assert.isAtMost(apart(straight, inverse), 2)
  })
})

describe("blank", () => {
  const noise = (() => {
    let seed = 7
    return () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff
  })()
  it.each([
    ["a CT of air", draw({ body: () => -1000, cosines: axial })],
    ["a CT of noisy air", draw({ body: () => -1000 + 60 * noise(), cosines: axial })],
    ["a constant MR", draw({ body: () => 7, cosines: axial, frame: { Modality: "MR" } })],
    ["an MR of noise", draw({ body: () => 20 * noise(), cosines: axial, frame: { Modality: "MR" } })],
  ])("is %s", (_, frame) => {
    assert.isTrue(isBlank(frame))
  })
  it.each(["CT", "MR"])("is not a body in %s", (Modality) => {
    assert.isFalse(
      isBlank(draw({ body: (...at) => markedBody(...at) + noise() * 30, cosines: axial, frame: { Modality } })),
    )
  })
})

const finite = (numbers: ReadonlyArray<number>) => numbers.every(Number.isFinite)
const side = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
const millimetres = Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 20 }))

it.prop(
  "gives a whole picture and a finite view for frames of any size, spacing and value",
  {
    Rows: side,
    Columns: Schema.Union([side, Schema.Literal(700)]),
    values: Schema.Array(
      Schema.Union([
        Schema.Int.check(Schema.isBetween({ minimum: -40_000, maximum: 70_000 })),
        Schema.Literals([0, 3e38, -3e38, 1e-30]),
        Schema.Number,
      ]),
    ).check(Schema.isMinLength(1), Schema.isMaxLength(60)),
    PixelSpacing: Schema.Tuple([millimetres, millimetres]),
    Modality: Schema.Literals(["CT", "MR", "PT"]),
    RescaleSlope: Schema.Literals([1, 0, -2, 1e-6]),
  },
  ({ values, ...attributes }) => {
    const { Rows, Columns } = attributes
    const samples = Float32Array.from({ length: Rows * Columns }, (_, i) => values[(i * 7) % values.length]!)
    const one = draw({ body: () => 0, cosines: axial, Rows: 1, Columns: 1 })
    const { pixels, geometry } = prepare({ ...one, ...attributes, samples })
    assert.strictEqual(pixels.length, inputSize * inputSize * 3)
    const { origin, right, down } = geometry.view
    assert.isTrue(finite([...origin, ...right, ...down, geometry.position]))
    assert.isAbove(Math.hypot(...right), 0)
  },
)
