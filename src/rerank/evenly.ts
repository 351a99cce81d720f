// Some of many, spread evenly, first and last among them.

/** At most `most` ascending indices of 0..count−1. */
export const evenly = (count: number, most: number): ReadonlyArray<number> =>
  count <= most
    ? Array.from({ length: count }, (_, i) => i)
    : most === 1
      ? [count >> 1]
      : Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)))
