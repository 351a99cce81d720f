// Studies whose pixels nobody else has, and what of them may be found in a data folder.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { ctSlice, type Identity } from "../support/volumes.ts"

/** A slice whose pixels are of this seed alone. */
export const distinctSlice = (of: Identity, slice: number, seed: number, changes: object = {}): Buffer => {
  let state = seed * 2_654_435_761 + slice
  const noise = Int16Array.from({ length: 64 * 64 }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const inside = Math.hypot((i % 64) - 32, Math.floor(i / 64) - 32) < 14 + slice + (seed % 9)
    return (inside ? 150 : -200) + (state >>> 24)
  })
  return ctSlice(of, slice, { PixelData: noise.buffer, ...changes })
}

export const distinctVolume = (of: Identity, seed: number, changes: object = {}, slices = 6): ReadonlyArray<Buffer> =>
  Array.from({ length: slices }, (_, slice) => distinctSlice(of, slice, seed, changes))

/** A stretch of the pixel data: files end with it. */
export const pixelsOf = (file: Buffer): Buffer => file.subarray(file.length - 4096, file.length - 2048)

/** Vectors of a study as the journals hold them. */
export const vectorsOf = (data: string, StudyInstanceUID: string): ReadonlyArray<Buffer> =>
  readdirSync(join(data, "index"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("journal.db"))
    .flatMap((name) => {
      const db = new DatabaseSync(join(data, "index", name), { readOnly: true })
      const rows = db
        .prepare(
          "SELECT vector FROM vector WHERE stack IN (SELECT id FROM stack WHERE StudyInstanceUID = ?) UNION ALL SELECT locals FROM local JOIN slice USING (sequence) WHERE slice.stack IN (SELECT id FROM stack WHERE StudyInstanceUID = ?)",
        )
        .all(StudyInstanceUID, StudyInstanceUID)
      db.close()
      // Their middles: zeros at an end are everywhere.
      return rows.map((row) => Buffer.from(row["vector"] as Uint8Array))
    })

/** Single values to half precision, as the index saves them. */
export const halved = (vector: Buffer): Buffer => {
  const bits = new Uint32Array(vector.buffer.slice(vector.byteOffset, vector.byteOffset + vector.byteLength))
  const half = Uint16Array.from(bits, (word) => {
    const exponent = ((word >> 23) & 0xff) - 112
    if (exponent <= 0) return 0
    return ((word >> 16) & 0x8000) | ((exponent << 10) + ((word & 0x7fffff) >> 13) + ((word >> 12) & 1))
  })
  return Buffer.from(half.buffer)
}

/** Files below the folder that hold one of the needles. */
export const holding = (dir: string, needles: ReadonlyArray<Buffer | string>): ReadonlyArray<string> =>
  readdirSync(dir, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path)
      return needles.some((needle) => bytes.includes(needle))
    })
    .map((path) => path.slice(dir.length + 1))
