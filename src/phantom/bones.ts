// Spine, ribs, pelvis and limbs in one axial plane.
import type { Body } from "./body.ts"
import type { Canvas } from "./canvas.ts"

const cortical = 700

/** Denser at the rim than inside, as bones are. */
const bone = (rim: number, marrow: number, core: number) => (r: number) =>
  r > rim ? cortical : marrow + (r < 0.4 ? core : 0)

/** y of the vertebral bodies' centre: lordosis in neck and loin, kyphosis in the chest. */
export const spineY = (z: number) =>
  42 + 9 * Math.sin(((z - 250) / 480) * Math.PI * 2 - 0.5) - (z > 700 ? (z - 700) * 0.3 : 0)

export const paintSpine = (canvas: Canvas, body: Body, z: number) => {
  if (z < 165 || z > 815) return
  const y = spineY(z)
  const period = z > 700 ? 17 : z > 380 ? 25 : 34
  const size = z > 700 ? 0.62 : z > 380 ? 0.85 : 1.1
  const phase = ((z / period) % 1) * period
  const disc = phase < period * 0.2
  canvas.disc(
    { x: 0, y, rx: 22 * size, ry: 17 * size, power: 2.4 },
    disc ? 85 : (r, x, py) => (r > 0.86 ? 520 : 190 + 60 * body.noise(x / 5, py / 5, z / 5)),
    "spine",
  )
  const back = y + 17 * size
  canvas.disc({ x: 0, y: back + 9 * size, rx: 15 * size, ry: 13 * size }, disc ? 60 : 420, "spine")
  canvas.disc({ x: 0, y: back + 7 * size, rx: 9 * size, ry: 8 * size }, 35, "spine")
  if (disc) return
  canvas.disc({ x: 0, y: back + 27 * size, rx: 4.5, ry: 11 * size }, 450, "spine")
  if (phase > period * 0.4 && phase < period * 0.75) {
    for (const side of [-1, 1])
      canvas.disc({ x: side * 27 * size, y: back + 6, rx: 15 * size, ry: 5, angle: side * 0.25 }, 430, "spine")
  }
}

/** Ribs run down from back to front, so that a plane cuts each of them as a short piece. */
export const paintRibs = (canvas: Canvas, z: number, chest: { rx: number; ry: number; y: number }) => {
  if (z < 375 || z > 700) return
  canvas.disc({ x: 0, ...chest }, (r, x, y) => {
    if (r < 0.88) return undefined
    const front = Math.atan2(chest.y - y, Math.abs(x)) // -π/2 at the back, π/2 in front
    if (front > 1.25 || (z < 470 && front > 0.2 + (z - 375) / 90)) return undefined
    const turn = (((z + front * 52) % 27) + 27) % 27
    if (turn > 11) return undefined
    return r > 0.97 || r < 0.905 ? 620 : 260
  })
  if (z > 500 && z < 680) canvas.disc({ x: 0, y: chest.y - chest.ry * 0.95, rx: 19, ry: 6 }, bone(0.7, 180, 0))
}

export const paintPelvis = (canvas: Canvas, body: Body, z: number) => {
  const w = body.width
  if (z > 88 && z < 190) {
    const t = (z - 88) / 102
    canvas.disc({ x: 0, y: 62 - 12 * t, rx: 22 + 24 * t, ry: 15 + 6 * t }, bone(0.85, 200, -60), "pelvis")
    canvas.disc({ x: 0, y: 66 - 10 * t, rx: 7, ry: 6 }, 40, "pelvis")
  }
  for (const side of [-1, 1]) {
    if (z > 95 && z < 228) {
      const t = (z - 95) / 133
      const blade = { x: side * (92 + 24 * t) * w, y: 22 - 30 * t, rx: 9, ry: 58 * Math.sqrt(Math.max(0, 1 - t ** 4)) }
      canvas.disc({ ...blade, angle: side * (0.5 + 0.25 * t) }, bone(0.72, 230, 0), "pelvis")
    }
    canvas.ball(
      z,
      { x: side * 96 * w, y: 8, cz: 68, rx: 38, ry: 36, rz: 38 },
      (r, x) => (r > 0.72 && side * x < 108 * w ? 560 : undefined),
      "pelvis",
    )
    canvas.ball(z, { x: side * 98 * w, y: 8, cz: 66, rx: 25, ry: 25, rz: 27 }, bone(0.9, 300, 60), "pelvis")
    if (z < 62)
      canvas.disc({ x: side * (102 + (62 - z) * 0.6) * w, y: 12, rx: 20, ry: 17 }, bone(0.8, 150, -80), "pelvis")
    if (z < 62 && z > 2)
      canvas.disc(
        { x: side * 30, y: -48 + (62 - z) * 0.8, rx: 27, ry: 8, angle: side * 0.35 },
        bone(0.7, 240, 0),
        "pelvis",
      )
    if (z < 45) canvas.disc({ x: side * 58, y: 42, rx: 13, ry: 19 }, bone(0.75, 240, 0), "pelvis")
  }
}

/** Shoulder blades, collar bones and the heads of the upper arms. */
export const paintShoulders = (canvas: Canvas, body: Body, z: number) => {
  for (const side of [-1, 1]) {
    if (z > 560 && z < 690)
      canvas.disc({ x: side * 102 * body.width, y: 62, rx: 40, ry: 5, angle: side * -0.55 }, bone(0.6, 250, 0))
    if (z > 690 && z < 712)
      canvas.disc({ x: side * 75, y: -42 + (z - 690) * 0.6, rx: 62, ry: 6, angle: side * 0.35 }, bone(0.6, 250, 0))
    canvas.ball(z, { x: side * 158 * body.width, y: 16, cz: 668, rx: 24, ry: 24, rz: 26 }, bone(0.88, 250, 40))
  }
}
