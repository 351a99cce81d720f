// Chosen slices as a query: blanks out, local vectors pooled by the share of each cell.
import { assert, describe, it } from "@effect/vitest"
import { queryVolumeOf } from "../../src/query/query-volume.ts"
import { stackOf } from "./stacks.fixture.ts"

/** 2 × 2 grid of 100 mm cells: upper left [127, 0], upper right [0, 127], the lower ones zero. */
const locals = (slices: number) =>
  Int8Array.from({ length: slices * 8 }, (_, i) => [127, 0, 0, 127, 0, 0, 0, 0][i % 8]!)

describe("query volume", () => {
  it("leaves blank slices out and keeps the others' indices and places", () => {
    const stack = stackOf({ slices: 6, first: 100, blank: (index) => index === 0 || index === 3 })
    const query = queryVolumeOf({ stack, slices: [0, 1, 2, 3, 4].map((index) => ({ index })) })
    assert.deepStrictEqual([...query!.indices], [1, 2, 4])
    assert.deepStrictEqual([...query!.positions], [105, 110, 120])
    assert.strictEqual(query!.vectors.length, 6)
    assert.strictEqual(query!.spacing, 5)
    assert.deepStrictEqual(query!.extent, [0, 0])
  })

  it("is none when all are blank", () => {
    const stack = stackOf({ slices: 3, blank: () => true })
    assert.isUndefined(queryVolumeOf({ stack, slices: [{ index: 0 }, { index: 1 }] }))
  })

  it("pools the cells under the box", () => {
    const stack = stackOf({ slices: 2, locals: locals(2) })
    // 30 mm of the upper left cell, 40 mm of the upper right.
    const rectangle = { left: -30, right: 40, top: -50, bottom: 0 }
    const query = queryVolumeOf({
      stack,
      slices: [
        { index: 0, rectangle },
        { index: 1, rectangle },
      ],
    })
    assert.deepStrictEqual(
      [...query!.boxVectors].map((value) => Math.round(value * 1000)),
      [600, 800, 600, 800],
    )
    assert.deepStrictEqual(query!.extent, [70, 50])
  })

  it("takes the nearest slice's where there is nothing under the box", () => {
    const stack = stackOf({ slices: 2, locals: locals(2) })
    const query = queryVolumeOf({
      stack,
      slices: [
        { index: 0, rectangle: { left: -50, right: 0, top: 50, bottom: 90 } },
        { index: 1, rectangle: { left: 10, right: 60, top: -50, bottom: 0 } },
      ],
    })
    assert.deepStrictEqual([...query!.boxVectors], [0, 1, 0, 1])
  })

  it("a box around the whole body, or a model without grid, is a full-plane query", () => {
    const rectangle = { left: -99, right: 99, top: -99, bottom: 99 }
    const whole = queryVolumeOf({ stack: stackOf({ slices: 1, locals: locals(1) }), slices: [{ index: 0, rectangle }] })
    assert.strictEqual(whole!.boxVectors.length, 0)
    const gridless = queryVolumeOf({
      stack: stackOf({ slices: 1 }),
      slices: [{ index: 0, rectangle: { ...rectangle, right: 0 } }],
    })
    assert.strictEqual(gridless!.boxVectors.length, 0)
    assert.deepStrictEqual(gridless!.extent, [0, 0])
  })
})
