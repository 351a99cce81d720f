// Reads numbers at any offset of a file through a small window, so that walking an object never loads its values.

export interface ByteWindow {
  /** Bytes of the whole. */
  readonly total: number
  /** False when the whole ends before. */
  readonly has: (offset: number, count: number) => boolean
  readonly u16: (offset: number, littleEndian: boolean) => number
  readonly u32: (offset: number, littleEndian: boolean) => number
  /** Two characters. */
  readonly pair: (offset: number) => string
}

const windowBytes = 4096

/** `first`: the beginning of the whole, as far as it is at hand; `read` fetches any other part of it. */
export const makeWindow = (
  total: number,
  first: Buffer,
  read: (offset: number, length: number) => Buffer,
): ByteWindow => {
  let window = first
  let from = 0
  const at = (offset: number, count: number): number => {
    if (offset < from || offset + count > from + window.length) {
      window = read(offset, Math.min(windowBytes, total - offset))
      from = offset
    }
    return offset - from
  }
  return {
    total,
    has: (offset, count) => offset + count <= total,
    u16: (offset, littleEndian) => {
      const index = at(offset, 2)
      return littleEndian ? window.readUInt16LE(index) : window.readUInt16BE(index)
    },
    u32: (offset, littleEndian) => {
      const index = at(offset, 4)
      return littleEndian ? window.readUInt32LE(index) : window.readUInt32BE(index)
    },
    pair: (offset) => {
      const index = at(offset, 2)
      return String.fromCharCode(window[index]!, window[index + 1]!)
    },
  }
}
