// Grey samples to 8 bits for people to look at: modality values, then a window or a table (PS3.3 §C.11.1, §C.11.2).
import type { FrameAttributes } from "./frame-attributes.ts"
import type { Samples } from "../domain/samples.ts"
import { lookUp, type Lut } from "./lut.ts"

export type WindowFunction = "linear" | "linear-exact" | "sigmoid"

export interface Window {
  readonly center: number
  readonly width: number
  readonly function?: WindowFunction
}

export interface GreyTables {
  readonly modality: Lut | undefined
  readonly voi: Lut | undefined
  /** Stored value that is no part of the picture. */
  readonly padding: number | undefined
}

type Modality = (stored: number) => number

/** Values at 1 % and 99 % of a sample of the pixels: what is shown when no window is given. */
const percentileWindow = (samples: Samples, modality: Modality, padding: number | undefined): Window => {
  const step = Math.max(1, Math.floor(samples.length / 50_000))
  const picked = new Float64Array(Math.ceil(samples.length / step))
  let count = 0
  for (let i = 0; i < samples.length; i += step) {
    const value = modality(samples[i]!)
    if (Number.isFinite(value) && samples[i] !== padding) picked[count++] = value
  }
  const sorted = picked.subarray(0, count).sort()
  const low = sorted[Math.floor(count * 0.01)] ?? 0
  const high = sorted[Math.min(count - 1, Math.floor(count * 0.99))] ?? 1
  return { center: (low + high) / 2 + 0.5, width: Math.max(high - low + 1, 1) }
}

const functions: Readonly<Record<string, WindowFunction>> = {
  LINEAR: "linear",
  LINEAR_EXACT: "linear-exact",
  SIGMOID: "sigmoid",
}

const storedWindow = ({ WindowCenter, WindowWidth, VOILUTFunction }: FrameAttributes): Window | undefined => {
  const [center, width] = [WindowCenter[0], WindowWidth[0]]
  const shape = functions[VOILUTFunction ?? ""] ?? "linear"
  return center !== undefined &&
    width !== undefined &&
    Number.isFinite(center) &&
    width >= (shape === "linear" ? 1 : 1e-9)
    ? { center, width, function: shape }
    : undefined
}

/** Modality value to 0..255 (PS3.3 §C.11.2.1.2.1, §C.11.2.1.3). */
const windowed = ({ center, width, function: shape = "linear" }: Window): ((value: number) => number) => {
  if (shape === "sigmoid") return (value) => 255 / (1 + Math.exp((-4 * (value - center)) / width))
  const [middle, span] = shape === "linear" ? [center - 0.5, Math.max(width - 1, 1e-6)] : [center, width]
  return (value) => ((value - middle) / span) * 255 + 127.5
}

const tabled = (voi: Lut): ((value: number) => number) => {
  // Some writers say more bits than their entries have.
  let most = 0
  for (let i = 0; i < voi.values.length; i++) most = Math.max(most, voi.values[i]!)
  const full = Math.max(2 ** voi.bits - 1, 1)
  const scale = 255 / (most > full || most * 16 < full ? Math.max(most, 1) : full)
  return (value) => lookUp(voi, value) * scale
}

/** Tables of 8- and 16-bit samples are made once instead of computing each pixel. */
const mapped = (samples: Samples, shade: (stored: number) => number): Uint8ClampedArray => {
  const out = new Uint8ClampedArray(samples.length)
  const offset = samples instanceof Int16Array ? 32_768 : samples instanceof Int8Array ? 128 : 0
  const entries = samples.BYTES_PER_ELEMENT === 1 ? 256 : samples.BYTES_PER_ELEMENT === 2 ? 65_536 : 0
  if (entries === 0 || samples.length < entries) {
    for (let i = 0; i < samples.length; i++) out[i] = shade(samples[i]!)
    return out
  }
  const table = new Uint8ClampedArray(entries)
  for (let i = 0; i < entries; i++) table[i] = shade(i - offset)
  for (let i = 0; i < samples.length; i++) out[i] = table[samples[i]! + offset]!
  return out
}

/** One byte per pixel; `inverse` for MONOCHROME1. A given window goes before the object's own table and window. */
export const toGrey = (
  samples: Samples,
  frame: FrameAttributes,
  inverse: boolean,
  given: Window | undefined,
  { modality: table, voi, padding }: GreyTables,
): Uint8Array => {
  const { RescaleSlope, RescaleIntercept } = frame
  const modality: Modality =
    table === undefined ? (stored) => stored * RescaleSlope + RescaleIntercept : (stored) => lookUp(table, stored)
  const shade =
    given === undefined && voi !== undefined
      ? tabled(voi)
      : windowed(given ?? storedWindow(frame) ?? percentileWindow(samples, modality, padding))
  const out = mapped(samples, inverse ? (stored) => 255 - shade(modality(stored)) : (stored) => shade(modality(stored)))
  return new Uint8Array(out.buffer)
}
