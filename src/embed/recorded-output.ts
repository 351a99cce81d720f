// What the source network of the builtin model computes for one made-up picture; a test computes it again from the source.

/** RGB of 224 × 224 pixels: slow ramps, edges and fine texture. */
export const recordedImage = (): Uint8Array =>
  Uint8Array.from({ length: 224 * 224 * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3)
    const [row, column] = [Math.floor(pixel / 224), pixel % 224]
    const disc = (row - 90) ** 2 + (column - 130) ** 2 < 3600 ? 120 : 0
    return (row + column * (1 + (i % 3)) + disc + ((row ^ column) & 15) * 4) & 255
  })

/** Index and value of some of the 256 outputs, before scaling to unit length. */
export const recordedVector: ReadonlyArray<readonly [number, number]> = [
  [2, 0.20294],
  [19, 1.06305],
  [49, 0.27806],
  [65, 0.29983],
  [81, 0.93688],
  [99, 0.86068],
  [125, 1.76841],
  [139, 1.16028],
  [154, 3.49748],
  [186, 2.5751],
  [211, 0.37482],
  [225, 0.67376],
]
