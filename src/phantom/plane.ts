// One axial plane of a patient, organ by organ from the skin inwards, then blurred and made noisy as a scanner does.
import { type Body, skinAt } from "./body.ts"
import { paintPelvis, paintRibs, paintShoulders, paintSpine } from "./bones.ts"
import { Canvas, type Grid } from "./canvas.ts"
import { paintHead, paintNeck } from "./head.ts"
import { paintBelly, paintBladder, paintBowel, paintChest, paintLungs } from "./trunk.ts"

const paintTable = (canvas: Canvas, y: number) => {
  canvas.disc({ x: 0, y: y - 360, rx: 420, ry: 400 }, (r, x, _y, old) =>
    Math.abs(x) > 205 || old > -900 ? undefined : r > 0.965 ? (r > 0.992 || r < 0.973 ? -60 : -880) : undefined,
  )
}

/** HU and organ of every pixel; `table` is the y of the couch (mm), or absent. */
export const paintPlane = (body: Body, grid: Grid, height: number, table: number | undefined): Canvas => {
  const canvas = new Canvas(grid)
  const z = height / body.scale
  const skin = skinAt(body, z)
  if (skin !== undefined) {
    const fat = 3 + (body.fat - 3) * skin.trunk
    const disc = { x: 0, y: skin.y, rx: skin.rx, ry: skin.ry, power: 2 + 0.35 * skin.trunk }
    if (body.arms && z < 690) {
      for (const side of [-1, 1]) {
        const arm = { x: side * (skin.rx + 46), y: 12, rx: 38 + z / 60, ry: 40 + z / 60 }
        canvas.disc(arm, (r) => (r > 0.97 ? -10 : r > 0.84 ? -100 : 55))
        canvas.disc({ ...arm, rx: 12, ry: 12 }, (r) => (r > 0.65 ? 1000 : 50))
      }
    }
    canvas.disc(disc, (r, x, y) => (r > 0.985 ? -10 : -102 + 8 * body.noise(x / 8, y / 8, z / 8)))
    const muscle = { ...disc, rx: skin.rx - fat, ry: skin.ry - fat }
    canvas.disc(muscle, (_r, x, y) => (Math.abs(body.noise(x / 13, y / 13, z / 30)) < 0.05 ? -40 : 55))
    const chest = { rx: muscle.rx - 6, ry: muscle.ry - 6, y: skin.y }
    if (z > 60 && z < 700) {
      const belly = { x: 0, y: skin.y - 8, rx: muscle.rx - (z < 230 ? 52 : 18), ry: muscle.ry - (z < 230 ? 34 : 17) }
      if (z < 470) canvas.disc(belly, (_r, x, y) => -98 + 10 * body.noise(x / 7, y / 7, z / 7))
      paintLungs(canvas, body, z, chest)
      paintChest(canvas, body, z)
      paintBowel(canvas, body, z)
      paintBelly(canvas, body, z)
      for (const side of [-1, 1]) {
        if (z > 150 && z < 380)
          canvas.disc(
            { x: side * (38 + (260 - z) * 0.12), y: 42 - (260 - z) * 0.15, rx: 14 + (300 - z) * 0.04, ry: 18 },
            58,
          )
        if (z > 180 && z < 690) canvas.disc({ x: side * 33, y: 74, rx: 27, ry: 16 }, 55)
      }
      paintRibs(canvas, z, chest)
    } else if (z >= 600) paintChest(canvas, body, Math.min(z, 800))
    paintShoulders(canvas, body, z)
    if (z < 160) paintBladder(canvas, body, z)
    paintPelvis(canvas, body, z)
    paintNeck(canvas, z, skin)
    paintSpine(canvas, body, z)
    paintHead(canvas, body, z)
  }
  if (table !== undefined) paintTable(canvas, table)
  return canvas
}

/** Blurs over 3 × 3 pixels and adds `sigma` HU of noise; returns stored values with intercept -1024. */
export const expose = (canvas: Canvas, sigma: number, random: () => number): Int16Array<ArrayBuffer> => {
  const { columns, rows } = canvas.grid
  const across = new Float32Array(columns * rows)
  const { hu } = canvas
  for (let at = 1; at < across.length - 1; at++) across[at] = 0.25 * hu[at - 1]! + 0.5 * hu[at]! + 0.25 * hu[at + 1]!
  const stored = new Int16Array(columns * rows)
  for (let at = 0; at < stored.length; at++) {
    const value = 0.25 * (across[at - columns] ?? -1000) + 0.5 * across[at]! + 0.25 * (across[at + columns] ?? -1000)
    // The sum of three uniform numbers has variance 1/4: near enough to a normal one.
    const noise = (random() + random() + random() - 1.5) * 2 * sigma
    stored[at] = Math.max(0, Math.min(4095, Math.round(value + noise + 1024)))
  }
  return stored
}
