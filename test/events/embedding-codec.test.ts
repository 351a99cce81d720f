// The binary message keeps every number, and refuses what is not one.
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decodeEmbeddings, encodeEmbeddings, maxSlicesPerMessage } from "../../src/events/embedding-codec.ts"
import { axialGeometry, instanceRef } from "../support/domain.ts"

const slices = (count: number, dimension: number, locals: number) =>
  Array.from({ length: count }, (_, n) => ({
    instance: instanceRef(n + 1),
    FrameNumber: n + 1,
    geometry: axialGeometry(n * 5),
    vector: Float32Array.from({ length: dimension }, (_, i) => Math.sin(n * 31 + i)),
    locals: Int8Array.from({ length: locals }, (_, i) => ((n + i) % 255) - 127),
  }))

describe("embedding codec", () => {
  it.effect.each([
    [1, 4, 0],
    [3, 5, 7],
    [16, 256, 49 * 256],
  ] as const)("round trips %j", ([count, dimension, locals]) =>
    Effect.gen(function* () {
      const message = { model: "m-1", dimension, NumberOfFrames: 99, slices: slices(count, dimension, locals) }
      // An odd offset, as a broker's buffer may have.
      const bytes = encodeEmbeddings(message)
      const shifted = new Uint8Array(bytes.length + 1)
      shifted.set(bytes, 1)
      assert.deepStrictEqual(yield* decodeEmbeddings(shifted.subarray(1)), message)
      // What the client library hands over is a Buffer in a shared pool.
      const pooled = yield* decodeEmbeddings(Buffer.from(bytes))
      assert.deepStrictEqual(pooled, message)
      assert.strictEqual(pooled.slices[0]?.vector.buffer.byteLength, dimension * 4)
    }),
  )

  it.effect("refuses every truncation and foreign bytes", () =>
    Effect.gen(function* () {
      const bytes = encodeEmbeddings({ model: "m", dimension: 3, NumberOfFrames: 1, slices: slices(1, 3, 2) })
      for (let length = 0; length < bytes.length; length++) {
        const error = yield* Effect.flip(decodeEmbeddings(bytes.subarray(0, length)))
        assert.strictEqual(error._tag, "EmbeddingsUnreadable")
      }
      yield* Effect.flip(decodeEmbeddings(new Uint8Array(200).fill(255)))
    }),
  )

  it("keeps messages below a broker's usual limit", () => {
    const count = maxSlicesPerMessage(256, 7)
    assert.isAtLeast(count, 16)
    const bytes = encodeEmbeddings({
      model: "m",
      dimension: 256,
      NumberOfFrames: count,
      slices: slices(count, 256, 49 * 256),
    })
    assert.isBelow(bytes.length, 1024 * 1024)
    assert.strictEqual(maxSlicesPerMessage(60_000, 14), 1)
  })
})
