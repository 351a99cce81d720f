// Skull, brain, face and neck in one axial plane.
import type { Body } from "./body.ts"
import type { Canvas } from "./canvas.ts"

export const paintNeck = (canvas: Canvas, z: number, skin: { rx: number; ry: number; y: number }) => {
  if (z < 715 || z > 830) return
  for (const side of [-1, 1]) {
    canvas.disc({ x: side * skin.rx * 0.62, y: 2, rx: 12, ry: 22, angle: side * 0.4 }, 60)
    canvas.disc({ x: side * 27, y: -4, rx: 5, ry: 5 }, 120)
    canvas.disc({ x: side * 24, y: 44, rx: 22, ry: 15 }, 58)
    if (z < 745) canvas.ball(z, { x: side * 20, y: -18, cz: 728, rx: 10, ry: 14, rz: 20 }, 130)
  }
  if (z > 770) {
    // The lower jaw: an open arch.
    const y = -40
    canvas.disc({ x: 0, y, rx: 47, ry: 50 }, (r, _x, py) =>
      r > 0.82 && py < y + 30 ? (r > 0.94 || r < 0.87 ? 950 : 400) : undefined,
    )
    if (z > 796)
      canvas.disc({ x: 0, y, rx: 36, ry: 40 }, (r, x, py) =>
        r > 0.82 && py < y && Math.abs(x * 7 + py * 5) % 50 < 32 ? 1600 : undefined,
      )
    canvas.disc({ x: 0, y: -12, rx: 13, ry: 7 }, -950)
  }
}

const paintFace = (canvas: Canvas, z: number) => {
  if (z < 822 || z > 872) return
  for (const side of [-1, 1]) {
    canvas.ball(z, { x: side * 27, y: -58, cz: 838, rx: 17, ry: 19, rz: 16 }, (r) => (r > 0.88 ? 500 : -950))
    canvas.ball(z, { x: side * 32, y: -76, cz: 862, rx: 16, ry: 17, rz: 14 }, -60)
    canvas.ball(z, { x: side * 32, y: -80, cz: 862, rx: 12, ry: 12, rz: 12 }, (r) => (r > 0.85 ? 60 : 12))
    canvas.disc({ x: side * 55, y: 12, rx: 15, ry: 24, angle: side * 0.7 }, (r, x, y) =>
      Math.abs(Math.sin(x / 3) * Math.cos(y / 3)) < 0.45 ? 900 - 200 * r : -500,
    )
  }
  canvas.disc({ x: 0, y: -68, rx: 11, ry: 30 }, (r, x) =>
    Math.abs(x) < 1.5 || r > 0.9 ? 250 : Math.abs(x) > 5 ? 40 : -900,
  )
}

export const paintHead = (canvas: Canvas, body: Body, z: number) => {
  const { size } = body.vary("brain")
  const inside = { x: 0, y: 2, cz: 880, rx: 64 * (0.94 + 0.06 * size), ry: 84 * (0.94 + 0.06 * size), rz: 84 }
  if (z < 812) return
  const skull = { ...inside, rx: inside.rx + 7, ry: inside.ry + 7, rz: inside.rz + 8 }
  if (z > 828) {
    canvas.ball(z, skull, (r) => (r > 0.97 || r < 0.935 ? 1150 : 650))
    canvas.ball(z, inside, 12, "brain")
    canvas.ball(
      z,
      { ...inside, rx: inside.rx - 2.5, ry: inside.ry - 2.5, rz: inside.rz - 2 },
      (r, x, y) => {
        const folds = body.noise(x / 9, y / 9, z / 11)
        if (Math.abs(x) < 1.3 && (y > 40 || y < -35)) return 60
        if (r > 0.8 && Math.abs(folds) < 0.09) return 12
        return (r > 0.78 + 0.12 * folds ? 40 : 29) + 2 * folds
      },
      "brain",
    )
    for (const side of [-1, 1]) {
      canvas.ball(z, { x: side * 10, y: -22, cz: 905, rx: 6 * size, ry: 21, rz: 18, angle: side * -0.35 }, 7, "brain")
      canvas.ball(z, { x: side * 17, y: 26, cz: 898, rx: 7 * size, ry: 20, rz: 20, angle: side * 0.4 }, 7, "brain")
      canvas.ball(z, { x: side * 13, y: 2, cz: 893, rx: 8, ry: 14, rz: 12 }, 38, "brain")
    }
    canvas.ball(z, { x: 0, y: 8, cz: 888, rx: 2.5, ry: 14, rz: 12 }, 8, "brain")
  } else {
    canvas.ball(z, { x: 0, y: 36, cz: 828, rx: 56, ry: 48, rz: 40 }, (r) => (r > 0.9 ? 900 : 36), "brain")
    canvas.disc({ x: 0, y: 22, rx: 12, ry: 10 }, 34)
  }
  paintFace(canvas, z)
}
