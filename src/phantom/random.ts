// Seeded randomness: the same seed draws the same anatomy on every machine.

/** Uniform numbers in [0, 1), by the mulberry32 recurrence: 32 bits of state, plenty for a picture. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Smooth noise in about [-1, 1] over space, by interpolating a random 32³ lattice that repeats. */
export const latticeNoise = (random: () => number): ((x: number, y: number, z: number) => number) => {
  const lattice = Float32Array.from({ length: 32 ** 3 }, () => random() * 2 - 1)
  return (x, y, z) => {
    const [i, j, k] = [Math.floor(x), Math.floor(y), Math.floor(z)]
    const [u, v, w] = [x - i, y - j, z - k]
    const [i0, i1] = [i & 31, (i + 1) & 31]
    const [j0, j1] = [(j & 31) << 5, ((j + 1) & 31) << 5]
    const [k0, k1] = [(k & 31) << 10, ((k + 1) & 31) << 10]
    const at = (jk: number) => lattice[jk + i0]! * (1 - u) + lattice[jk + i1]! * u
    return (at(j0 + k0) * (1 - v) + at(j1 + k0) * v) * (1 - w) + (at(j0 + k1) * (1 - v) + at(j1 + k1) * v) * w
  }
}
