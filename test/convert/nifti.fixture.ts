// NIfTI-1 files made in memory (nifti1.h: a header of 348 bytes, voxels from byte 352 on).
import type { Affine } from "../../src/convert/geometry.ts"

interface Data {
  readonly datatype: number
  readonly size: number
  readonly values: ReadonlyArray<number>
}
export const int16 = (values: ReadonlyArray<number>): Data => ({ datatype: 4, size: 2, values })
export const float32 = (values: ReadonlyArray<number>): Data => ({ datatype: 16, size: 4, values })

export const nifti = (options: {
  readonly shape: ReadonlyArray<number>
  readonly data: Data
  readonly sform?: Affine
  readonly qform?: {
    readonly quaternion: ReadonlyArray<number>
    readonly offset: ReadonlyArray<number>
    readonly pixdim: ReadonlyArray<number>
  }
  readonly slope?: number
  readonly inter?: number
  readonly bigEndian?: boolean
}): Uint8Array<ArrayBuffer> => {
  const { shape, data, sform, qform, slope = 0, inter = 0, bigEndian = false } = options
  const little = !bigEndian
  const view = new DataView(new ArrayBuffer(352 + data.values.length * data.size))
  const floats = (at: number, values: ReadonlyArray<number>) =>
    values.forEach((value, n) => view.setFloat32(at + n * 4, value, little))
  view.setInt32(0, 348, little)
  ;[shape.length, ...shape].forEach((value, n) => view.setInt16(40 + n * 2, value, little))
  view.setInt16(70, data.datatype, little)
  view.setInt16(72, data.size * 8, little)
  floats(76, [1, ...(qform?.pixdim ?? [1, 1, 1])])
  floats(108, [352, slope, inter])
  view.setUint8(123, 2)
  view.setInt16(252, qform === undefined ? 0 : 1, little)
  view.setInt16(254, sform === undefined ? 0 : 1, little)
  if (qform !== undefined) floats(256, [...qform.quaternion, ...qform.offset])
  if (sform !== undefined) floats(280, sform.flat())
  ;[0x6e, 0x2b, 0x31, 0].forEach((byte, n) => view.setUint8(344 + n, byte))
  data.values.forEach((value, n) =>
    data.size === 2 ? view.setInt16(352 + n * 2, value, little) : view.setFloat32(352 + n * 4, value, little),
  )
  return new Uint8Array(view.buffer)
}
