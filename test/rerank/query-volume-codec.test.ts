// Query volumes as bytes: what goes in comes out, and nothing else is let in.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { decodeQueryVolume, encodeQueryVolume } from "../../src/rerank/query-volume-codec.ts"
import type { QueryVolume } from "../../src/rerank/Reranker.ts"

const query = (boxes: boolean): QueryVolume => ({
  dimension: 3,
  vectors: Float32Array.from([1, 0, 0, 0, 1, 0]),
  boxVectors: boxes ? Float32Array.from([0, 0, 1, 0, 1, 0]) : new Float32Array(0),
  positions: Float32Array.from([-2.5, 4]),
  indices: Int32Array.from([7, 9]),
  spacing: 3.25,
  extent: boxes ? [30.5, 12] : [0, 0],
})
const refused = (bytes: Uint8Array) => Effect.map(Effect.flip(decodeQueryVolume(bytes)), (error) => error.message)
const changed = (change: (view: DataView) => void) => {
  const bytes = encodeQueryVolume(query(true))
  change(new DataView(bytes.buffer))
  return bytes
}

describe("query volumes as bytes", () => {
  it.effect("come back as they went, also from bytes aligned to nothing", () =>
    Effect.gen(function* () {
      for (const boxes of [true, false]) {
        const bytes = encodeQueryVolume(query(boxes))
        const shifted = new Uint8Array(bytes.length + 1)
        shifted.set(bytes, 1)
        assert.deepStrictEqual(yield* decodeQueryVolume(shifted.subarray(1)), query(boxes))
      }
    }),
  )
  it.effect("are refused when cut, padded or made by another version", () =>
    Effect.gen(function* () {
      const bytes = encodeQueryVolume(query(true))
      for (let length = 0; length < bytes.length; length++)
        assert.match(yield* refused(bytes.subarray(0, length)), /shorter|length/)
      assert.match(yield* refused(new Uint8Array([...bytes, 0])), /length/)
      assert.match(yield* refused(changed((view) => view.setUint8(3, 2))), /version 2/)
      assert.match(yield* refused(changed((view) => view.setUint8(0, 0))), /not a query volume/)
    }),
  )
  it.effect("are refused when their numbers cannot be", () =>
    Effect.gen(function* () {
      assert.match(yield* refused(changed((view) => view.setUint32(4, 0xffffffff, true))), /out of range/)
      assert.match(yield* refused(changed((view) => view.setFloat64(16, Number.NaN, true))), /extent/)
      assert.match(yield* refused(changed((view) => view.setFloat64(32, -1, true))), /spacing/)
      assert.match(yield* refused(changed((view) => view.setFloat32(56, Number.NaN, true))), /finite/)
      assert.match(yield* refused(changed((view) => view.setFloat32(40, 5, true))), /positions/)
      assert.match(yield* refused(changed((view) => view.setInt32(52, 7, true))), /indices/)
    }),
  )
  it("are not made of arrays that differ in slices", () => {
    assert.throws(() => encodeQueryVolume({ ...query(true), indices: new Int32Array(1) }), RangeError)
  })
})
