// Unit vectors that change slowly from slice to slice, as a body does.

export const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}

const unit = (row: Float32Array): Float32Array => {
  const length = Math.hypot(...row)
  return row.map((value) => value / length)
}

/** slices × dimension; all share a direction, as slices of any body do. */
export const volume = (random: () => number, slices: number, dimension: number): Float32Array => {
  const out = new Float32Array(slices * dimension)
  let row = new Float32Array(dimension).map(() => random() - 0.5)
  for (let slice = 0; slice < slices; slice++) {
    row = row.map((value) => value * 0.9 + (random() - 0.5) * 0.5)
    out.set(unit(row.map((value) => value + 0.6)), slice * dimension)
  }
  return out
}

export const meanOf = (matrices: ReadonlyArray<Float32Array>, dimension: number): Float32Array => {
  const mean = new Float32Array(dimension)
  const rows = matrices.reduce((sum, { length }) => sum + length, 0) / dimension
  for (const matrix of matrices) matrix.forEach((value, at) => (mean[at % dimension]! += value / rows))
  return mean
}
