// One synthetic patient's build: how large, how fat, and where its organs lie (mm, +x left, +y posterior, z from the perineum up).
import { latticeNoise, randomOf } from "./random.ts"

export interface Body {
  readonly scale: number
  readonly width: number
  readonly fat: number
  readonly arms: boolean
  /** Contrast medium in blood and well-perfused organs, HU added. */
  readonly contrast: number
  readonly noise: (x: number, y: number, z: number) => number
  /** One organ's own deviation: a shift in mm and a factor of its size, the same for every slice. */
  readonly vary: (organ: string) => {
    readonly dx: number
    readonly dy: number
    readonly dz: number
    readonly size: number
  }
}

export const bodyOf = (seed: number): Body => {
  const random = randomOf(seed)
  const between = (low: number, high: number) => low + random() * (high - low)
  const deviations = new Map<string, ReturnType<Body["vary"]>>()
  return {
    scale: between(0.85, 0.95),
    width: between(0.9, 1.12),
    fat: between(7, 26),
    arms: random() < 0.4,
    contrast: random() < 0.6 ? between(50, 110) : 0,
    noise: latticeNoise(random),
    vary: (organ) => {
      const known = deviations.get(organ)
      if (known !== undefined) return known
      // Drawn from the organ's name, so that the order of asking does not matter.
      const own = randomOf(seed ^ [...organ].reduce((hash, char) => Math.imul(hash, 31) + char.charCodeAt(0), 7))
      const shift = (mm: number) => (own() * 2 - 1) * mm
      const made = { dx: shift(6), dy: shift(5), dz: shift(12), size: 1 + shift(0.12) }
      deviations.set(organ, made)
      return made
    },
  }
}

// z, half width, half depth, y of the centre; from a grown person's outline.
const outline: ReadonlyArray<readonly [number, number, number, number]> = [
  [-20, 165, 95, 5],
  [60, 182, 108, 5],
  [140, 178, 108, 3],
  [220, 158, 100, 0],
  [290, 146, 98, 0],
  [360, 152, 106, 0],
  [450, 162, 116, 0],
  [560, 166, 116, 0],
  [640, 172, 108, 2],
  [685, 178, 92, 5],
  [712, 130, 76, 8],
  [740, 66, 63, 10],
  [790, 60, 66, 4],
  [815, 65, 84, -8],
  [850, 72, 95, -8],
  [900, 76, 98, -5],
  [940, 68, 86, 0],
  [965, 44, 56, 4],
  [980, 4, 4, 4],
]

export const bodyHeight = 978

/** Skin at height z: half width, half depth and centre y; `undefined` above the vertex. */
export const skinAt = (body: Body, z: number) => {
  const above = outline.findIndex(([height]) => height > z)
  if (above < 1) return undefined
  const [z0, a0, b0, c0] = outline[above - 1]!
  const [z1, a1, b1, c1] = outline[above]!
  const linear = (z - z0) / (z1 - z0)
  const t = linear * linear * (3 - 2 * linear)
  const trunk = Math.min(1, Math.max(0, (735 - z) / 40))
  const thick = 1 + (body.width - 1) * trunk
  const padding = (body.fat - 12) * 0.8 * trunk
  return {
    rx: (a0 + (a1 - a0) * t) * thick + padding,
    ry: (b0 + (b1 - b0) * t) * thick + padding,
    y: c0 + (c1 - c0) * t,
    trunk,
  }
}
