// One axial plane being painted, in Hounsfield units, with the organ each pixel belongs to.

export const organs = [
  "brain",
  "trachea",
  "lung_left",
  "lung_right",
  "heart",
  "liver",
  "spleen",
  "stomach",
  "kidney_left",
  "kidney_right",
  "bladder",
  "spine",
  "pelvis",
] as const
export type Organ = (typeof organs)[number]

/** mm in the patient's own frame: +x left, +y posterior. */
export interface Grid {
  readonly columns: number
  readonly rows: number
  readonly spacing: number
  readonly x0: number
  readonly y0: number
}

/** A disc stretched to `rx` × `ry` mm, turned by `angle`; `power` above 2 makes it boxier. */
export interface Disc {
  readonly x: number
  readonly y: number
  readonly rx: number
  readonly ry: number
  readonly angle?: number
  readonly power?: number
}

/** HU at a pixel, given its distance from the centre (0..1) and mm coordinates; `undefined` leaves it as it is. */
export type Paint = number | ((r: number, x: number, y: number, old: number) => number | undefined)

export class Canvas {
  readonly hu: Float32Array
  readonly organ: Uint8Array
  readonly grid: Grid

  constructor(grid: Grid) {
    this.grid = grid
    this.hu = new Float32Array(grid.columns * grid.rows).fill(-1000)
    this.organ = new Uint8Array(grid.columns * grid.rows)
  }

  /** Fills the disc; it takes over the pixels from whatever organ had them. */
  disc(shape: Disc, paint: Paint, organ?: Organ): void {
    const { x, y, rx, ry, angle = 0, power = 2 } = shape
    if (!(rx > 0.5 && ry > 0.5)) return
    const { columns, rows, spacing, x0, y0 } = this.grid
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
    const reachX = Math.hypot(rx * cos, ry * sin) * (power > 2 ? 1.2 : 1)
    const reachY = Math.hypot(rx * sin, ry * cos) * (power > 2 ? 1.2 : 1)
    const mark = organ === undefined ? 0 : organs.indexOf(organ) + 1
    const firstRow = Math.max(0, Math.ceil((y - reachY - y0) / spacing))
    const lastRow = Math.min(rows - 1, Math.floor((y + reachY - y0) / spacing))
    const firstColumn = Math.max(0, Math.ceil((x - reachX - x0) / spacing))
    const lastColumn = Math.min(columns - 1, Math.floor((x + reachX - x0) / spacing))
    for (let row = firstRow; row <= lastRow; row++) {
      const py = y0 + row * spacing
      for (let column = firstColumn; column <= lastColumn; column++) {
        const px = x0 + column * spacing
        const u = ((px - x) * cos + (py - y) * sin) / rx
        const v = ((py - y) * cos - (px - x) * sin) / ry
        const r = power === 2 ? Math.sqrt(u * u + v * v) : (Math.abs(u) ** power + Math.abs(v) ** power) ** (1 / power)
        if (r > 1) continue
        const at = row * columns + column
        const value = typeof paint === "number" ? paint : paint(r, px, py, this.hu[at]!)
        if (value === undefined) continue
        this.hu[at] = value
        this.organ[at] = mark
      }
    }
  }

  /** Cross-section at height z of an ellipsoid with centre (x, y, cz) and half-axes (rx, ry, rz). */
  ball(
    z: number,
    { cz, rz, ...disc }: Disc & { readonly cz: number; readonly rz: number },
    paint: Paint,
    organ?: Organ,
  ): void {
    const h = 1 - ((z - cz) / rz) ** 2
    if (h <= 0) return
    const s = Math.sqrt(h)
    this.disc({ ...disc, rx: disc.rx * s, ry: disc.ry * s }, paint, organ)
  }
}
