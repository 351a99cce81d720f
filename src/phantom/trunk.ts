// The soft organs of chest, belly and pelvis in one axial plane.
import type { Body } from "./body.ts"
import { spineY } from "./bones.ts"
import type { Canvas, Organ, Paint } from "./canvas.ts"

type Ellipsoid = readonly [x: number, y: number, z: number, rx: number, ry: number, rz: number]

/** Paints an ellipsoid as this patient has it. */
const place = (
  canvas: Canvas,
  body: Body,
  z: number,
  name: string,
  [x, y, cz, rx, ry, rz]: Ellipsoid,
  paint: Paint,
  organ?: Organ,
  angle = 0,
) => {
  const { dx, dy, dz, size } = body.vary(name)
  const across = size * body.width
  canvas.ball(
    z,
    { x: x * body.width + dx, y: y + dy, cz: cz + dz, rx: rx * across, ry: ry * size, rz: rz * size, angle },
    paint,
    organ,
  )
}

/** Tissue with a fine grain, and brighter veins where contrast medium flows. */
const tissue =
  (body: Body, z: number, hu: number, veins = 0) =>
  (_r: number, x: number, y: number) => {
    const branch = Math.abs(body.noise(x / 15, y / 15, z / 19))
    return hu + 7 * body.noise(x / 6, y / 6, z / 6) + (branch < 0.07 ? veins : 0)
  }

export const paintLungs = (canvas: Canvas, body: Body, z: number, chest: { rx: number; ry: number; y: number }) => {
  const air: Paint = (r, x, y) => {
    const vessel = Math.abs(body.noise(x / 9, y / 9, z / 12) + 0.5 * body.noise(x / 4, y / 4, z / 6))
    const hilum = Math.max(0, 1 - Math.abs(Math.abs(x) - 35) / 70)
    return vessel < 0.05 + 0.11 * hilum ? -120 - 350 * r : -865 + 45 * body.noise(x / 3, y / 3, z / 3) + 25 * (y / 100)
  }
  const t = Math.min(1, Math.max(0, (705 - z) / 95))
  if (t <= 0 || z < 400) return
  const s = Math.sqrt(1 - (1 - t) ** 2)
  for (const [side, organ] of [
    [1, "lung_left"],
    [-1, "lung_right"],
  ] as const) {
    const inner = 13 + (z < 620 && z > 480 && side === 1 ? 8 : 0)
    const half = (chest.rx * 0.87 - inner) / 2
    canvas.disc(
      {
        x: side * (inner + half),
        y: chest.y + 4,
        rx: half * s,
        ry: chest.ry * 0.83 * s,
        power: 2.5,
        angle: side * -0.12,
      },
      air,
      organ,
    )
  }
  // The mediastinum parts them.
  if (z > 470) canvas.disc({ x: 2, y: 2, rx: 24, ry: chest.ry * 0.72 }, tissue(body, z, 25), undefined)
}

export const paintChest = (canvas: Canvas, body: Body, z: number) => {
  const blood = 45 + body.contrast * 1.5
  place(canvas, body, z, "heart", [22, -32, 545, 62, 52, 62], tissue(body, z, -60), undefined, 0.5)
  place(canvas, body, z, "heart", [22, -32, 545, 57, 47, 58], tissue(body, z, 55 + body.contrast * 0.6), "heart", 0.5)
  place(canvas, body, z, "heart", [38, -30, 540, 24, 20, 36], blood, "heart", 0.5)
  place(canvas, body, z, "heart", [-6, -42, 548, 22, 24, 38], blood, "heart", 0.3)
  place(canvas, body, z, "heart", [8, -2, 568, 28, 15, 22], blood, "heart")
  if (z > 180 && z < 622)
    canvas.disc({ x: z > 480 ? 20 : 8, y: spineY(z) - (z > 480 ? 18 : 30), rx: 11, ry: 11 }, blood)
  if (z > 560 && z < 625) canvas.disc({ x: -10, y: -18, rx: 14, ry: 14 }, blood)
  if (z > 608 && z < 632) canvas.disc({ x: 5, y: 2, rx: 15, ry: 38, angle: -0.55 }, blood)
  if (z > 570 && z < 690) canvas.disc({ x: -27, y: -10, rx: 8, ry: 9 }, blood)
  if (z > 180 && z < 500) canvas.disc({ x: -20, y: spineY(z) - 28, rx: 12, ry: 9 }, 40 + body.contrast)
  if (z > 600)
    canvas.disc(
      { x: 0, y: 12 - Math.max(0, z - 680) * 0.22, rx: 9.5, ry: 8.5 },
      (r) => (r > 0.85 ? 20 : -990),
      "trachea",
    )
  else if (z > 572) {
    for (const side of [-1, 1])
      canvas.disc({ x: side * (6 + (600 - z) * 0.9), y: 13, rx: 8, ry: 7 }, (r) => (r > 0.85 ? 20 : -990), "trachea")
  }
}

export const paintBelly = (canvas: Canvas, body: Body, z: number) => {
  const perfused = body.contrast
  // The diaphragm's domes push the liver, stomach and spleen up between the lungs.
  place(canvas, body, z, "liver", [-66, 2, 410, 84, 88, 98], -20)
  place(canvas, body, z, "dome", [72, 4, 400, 68, 84, 88], -75)
  place(canvas, body, z, "spleen", [100, 42, 425, 27, 42, 52], tissue(body, z, 50 + perfused * 0.8), "spleen", -0.35)
  place(
    canvas,
    body,
    z,
    "stomach",
    [58, -36, 428, 46, 36, 52],
    (r, _x, y) => (r > 0.88 ? 50 : y < -44 ? -930 : 25),
    "stomach",
    0.3,
  )
  place(canvas, body, z, "liver", [-2, -48, 450, 66, 36, 38], tissue(body, z, 55 + perfused * 0.55, 35), "liver")
  place(
    canvas,
    body,
    z,
    "liver",
    [-70, 0, 412, 77, 82, 92],
    (r, x, y) => (x > 12 || (x > -35 && y > 30) ? undefined : tissue(body, z, 55 + perfused * 0.55, 45)(r, x, y)),
    "liver",
  )
  place(canvas, body, z, "gallbladder", [-48, -52, 358, 15, 19, 28], 8)
  for (const [side, name, lift] of [
    [1, "kidney_left", 12],
    [-1, "kidney_right", 0],
  ] as const) {
    const kidney = (x: number, y: number, r: number, h: number): Ellipsoid => [side * x, y, 318 + lift, r * 1.15, r, h]
    place(canvas, body, z, name, kidney(66, 44, 42, 74), -95)
    place(
      canvas,
      body,
      z,
      name,
      kidney(66, 44, 28, 58),
      (r) => (r > 0.62 ? 35 + perfused * 1.5 : 32 + perfused * 0.8),
      name,
      side * 0.6,
    )
    place(canvas, body, z, name, kidney(54, 41, 12, 26), -60, name)
  }
  if (z > 330 && z < 400)
    canvas.disc({ x: 10, y: -8, rx: 52, ry: 12, angle: 0.3 }, tissue(body, z, 40 + perfused * 0.4))
}

/** Colon along the flanks, small bowel before the spine: loops with gas, stool and fluid. */
export const paintBowel = (canvas: Canvas, body: Body, z: number) => {
  if (z < 95 || z > 350) return
  const wall = 45 + body.contrast * 0.4
  for (const side of [-1, 1]) {
    const { dx, dy } = body.vary(`colon${side}`)
    canvas.disc(
      { x: side * 98 * body.width + dx, y: 8 + dy + 7 * Math.sin(z / 17), rx: 22 + 5 * Math.sin(z / 9), ry: 24 },
      (r, x, y) => (r > 0.86 ? wall : body.noise(x / 9, y / 9, z / 9) > 0.1 - (y < 2 ? 0.3 : 0) ? -850 : 25),
    )
  }
  for (let loop = 0; loop < 11; loop++) {
    const { dx, dy, dz, size } = body.vary(`loop${loop}`)
    const cx = (-70 + (loop % 4) * 46 + dx * 3) * body.width
    const cy = -58 + Math.floor(loop / 4) * 30 + dy * 2 + 6 * Math.sin(z / 14 + loop)
    const phase = Math.sin(z / (21 + loop) + loop * 2 + dz)
    canvas.disc({ x: cx + 14 * phase, y: cy, rx: (21 + 6 * phase) * size, ry: 14 * size, angle: phase }, (r, _x, y) =>
      r > 0.8 ? wall : loop % 4 === 0 && y < cy - 2 ? -800 : 22,
    )
  }
}

export const paintBladder = (canvas: Canvas, body: Body, z: number) => {
  if (z < 150) canvas.disc({ x: 0, y: 42, rx: 19, ry: 15 }, (r) => (r > 0.75 ? 45 : r < 0.45 ? -700 : 20))
  place(canvas, body, z, "bladder", [0, -18, 78, 46, 36, 38], (r) => (r > 0.92 ? 40 : 6), "bladder")
  place(canvas, body, z, "prostate", [0, 8, 38, 22, 17, 18], 42)
}
