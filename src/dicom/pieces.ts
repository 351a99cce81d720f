// A representation of a stored object or value as what to send, in order: computed once where the file is read, sent
// elsewhere without ever holding all of it.

export type Piece =
  | { readonly _tag: "Bytes"; readonly bytes: Uint8Array }
  /** A stretch of the stored file; the bytes of each word reversed where `swap` says how wide they are. */
  | { readonly _tag: "Stored"; readonly offset: number; readonly length: number; readonly swap: 1 | 2 | 4 | 8 }
  /** Some of a frame's native bytes, to be decoded when its turn comes. */
  | { readonly _tag: "Frame"; readonly frame: number; readonly offset: number; readonly length: number }
  /** What the raw deflate stream from this offset of the stored file on holds. */
  | { readonly _tag: "Inflated"; readonly offset: number }

export type Pieces = ReadonlyArray<Piece>

export const bytesPiece = (bytes: Uint8Array): Piece => ({ _tag: "Bytes", bytes })

const pieceLength = (piece: Piece): number | undefined =>
  piece._tag === "Bytes" ? piece.bytes.length : piece._tag === "Inflated" ? undefined : piece.length

/** Bytes in all; undefined when only sending tells. */
export const totalLength = (pieces: Pieces): number | undefined => {
  let total = 0
  for (const piece of pieces) {
    const length = pieceLength(piece)
    if (length === undefined) return undefined
    total += length
  }
  return total
}

/** The part of a stretch that lies from `from` on, `length` bytes; the pieces' total length must be known. */
export const slicePieces = (pieces: Pieces, from: number, length: number): Pieces => {
  const taken: Array<Piece> = []
  let at = 0
  for (const piece of pieces) {
    const size = pieceLength(piece) ?? 0
    const [start, end] = [Math.max(from - at, 0), Math.min(from + length - at, size)]
    at += size
    if (start >= end) continue
    if (piece._tag === "Bytes") taken.push(bytesPiece(piece.bytes.subarray(start, end)))
    else if (piece._tag === "Frame") taken.push({ ...piece, offset: piece.offset + start, length: end - start })
    else if (piece._tag === "Stored") taken.push(...storedSlice(piece, start, end))
  }
  return taken
}

/** Words are cut between their bytes by the ranges of RFC 9110: such a word is fetched whole. */
const storedSlice = (piece: Extract<Piece, { readonly _tag: "Stored" }>, start: number, end: number): Pieces => {
  const { swap, offset } = piece
  if (swap === 1) return [{ ...piece, offset: offset + start, length: end - start }]
  const parts: Array<Piece> = []
  const whole = piece.length - (piece.length % swap)
  // A reversed word is its bytes one by one, from the last to the first.
  const single = (at: number) => {
    const from = at >= whole ? at : at - (at % swap) + swap - 1 - (at % swap)
    parts.push({ _tag: "Stored", offset: offset + from, length: 1, swap: 1 })
  }
  const [first, last] = [Math.min(Math.ceil(start / swap) * swap, end), Math.max(end - (end % swap), start)]
  for (let at = start; at < first; at++) single(at)
  if (last > first) parts.push({ ...piece, offset: offset + first, length: last - first })
  for (let at = Math.max(last, first); at < end; at++) single(at)
  return parts
}
