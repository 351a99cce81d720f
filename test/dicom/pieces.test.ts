// Parts of what is sent in pieces are the same parts of the whole.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { bytesPiece, slicePieces, totalLength, type Piece, type Pieces } from "../../src/dicom/pieces.ts"
import { swapWords } from "../../src/dicom/value-representation.ts"

const file = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i))
const frame = Buffer.from(Uint8Array.from({ length: 40 }, (_, i) => 255 - i))

const sent = (pieces: Pieces): Buffer =>
  Buffer.concat(
    pieces.map((piece) => {
      if (piece._tag === "Bytes") return piece.bytes
      if (piece._tag === "Frame") return frame.subarray(piece.offset, piece.offset + piece.length)
      if (piece._tag === "Inflated") throw new Error("of unknown length")
      return swapWords(Buffer.from(file.subarray(piece.offset, piece.offset + piece.length)), piece.swap)
    }),
  )

const stored = fc.record({
  _tag: fc.constant("Stored" as const),
  offset: fc.nat(100),
  length: fc.nat(150),
  swap: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
})
const whole: fc.Arbitrary<Piece> = fc.oneof(
  stored,
  fc.uint8Array({ maxLength: 20 }).map(bytesPiece),
  fc.nat(40).map((length) => ({ _tag: "Frame" as const, frame: 1, offset: 0, length })),
)

describe("pieces", () => {
  it("in part are the same bytes", () => {
    fc.assert(
      fc.property(fc.array(whole, { maxLength: 5 }), fc.nat(400), fc.nat(400), (pieces, from, length) => {
        const all = sent(pieces)
        assert.strictEqual(totalLength(pieces), all.length)
        assert.isTrue(sent(slicePieces(pieces, from, length)).equals(all.subarray(from, from + length)))
      }),
    )
  })

  it("have no length where only inflating tells", () => {
    assert.isUndefined(totalLength([{ _tag: "Inflated", offset: 0 }]))
  })
})
