// Grey samples to 8 bits for people to look at: modality values, then a window (PS3.3 §C.11.1, §C.11.2).
import type { FrameAttributes } from "./frame-attributes.ts"
import type { Samples } from "../domain/samples.ts"

export interface Window {
  readonly center: number
  readonly width: number
}

/** Values at 1 % and 99 % of a sample of the pixels: what is shown when no window is given. */
const percentileWindow = (samples: Samples, slope: number, intercept: number): Window => {
  const step = Math.max(1, Math.floor(samples.length / 50_000))
  const picked = new Float64Array(Math.ceil(samples.length / step))
  let count = 0
  for (let i = 0; i < samples.length; i += step) {
    const value = samples[i]! * slope + intercept
    if (Number.isFinite(value)) picked[count++] = value
  }
  const sorted = picked.subarray(0, count).sort()
  const low = sorted[Math.floor(count * 0.01)] ?? 0
  const high = sorted[Math.min(count - 1, Math.floor(count * 0.99))] ?? 1
  return { center: (low + high) / 2 + 0.5, width: Math.max(high - low + 1, 1) }
}

const storedWindow = ({ WindowCenter, WindowWidth }: FrameAttributes): Window | undefined => {
  const [center, width] = [WindowCenter[0], WindowWidth[0]]
  return center !== undefined && width !== undefined && Number.isFinite(center) && width >= 1
    ? { center, width }
    : undefined
}

/** One byte per pixel; `inverse` for MONOCHROME1. The linear function of PS3.3 §C.11.2.1.2.1. */
export const toGrey = (
  samples: Samples,
  frame: FrameAttributes,
  inverse: boolean,
  given: Window | undefined,
): Uint8Array => {
  const { RescaleSlope, RescaleIntercept } = frame
  const { center, width } = given ?? storedWindow(frame) ?? percentileWindow(samples, RescaleSlope, RescaleIntercept)
  const span = Math.max(width - 1, 1e-6)
  const scale = (255 * RescaleSlope) / span
  const offset = (255 * (RescaleIntercept - (center - 0.5))) / span + 127.5
  const out = new Uint8ClampedArray(samples.length)
  for (let i = 0; i < samples.length; i++) out[i] = samples[i]! * scale + offset
  if (inverse) for (let i = 0; i < out.length; i++) out[i] = 255 - out[i]!
  return new Uint8Array(out.buffer)
}
