// The query parameters of rendered pictures (PS3.18 §8.3.5), checked against the picture where that is known.
import type { RenderJob } from "../decode/render.ts"
import { Refused } from "./answers.ts"

const maxSide = 8192
const functions = ["linear", "linear-exact", "sigmoid"] as const
const profiles = new Set(["no", "yes", "srgb", "adobergb", "rommrgb"])

export interface RenderParameters {
  readonly job: Pick<RenderJob, "window" | "viewport" | "quality">
  /** What was asked for and is left out, as Warning values. */
  readonly warnings: ReadonlyArray<string>
}

const bad = (name: string) => new Refused({ status: 400, error: `bad value of the query parameter ${name}` })

/** Undefined where a part is empty. */
const numbersOf = (text: string): ReadonlyArray<number | undefined> =>
  text.split(",").map((part) => (part.trim() === "" ? undefined : Number(part)))

const isFinite = (value: number | undefined): value is number => value !== undefined && Number.isFinite(value)
const isSide = (side: number | undefined): side is number => Number.isInteger(side) && side! >= 1 && side! <= maxSide

const windowOf = (text: string): RenderJob["window"] | undefined => {
  const [middle = "", wide = "", name = "linear", ...more] = text.split(",").map((part) => part.trim())
  const [center, width] = [Number(middle || "x"), Number(wide || "x")]
  const shape = functions.find((one) => one === name.toLowerCase())
  const least = shape === "linear" ? 1 : 1e-6
  return isFinite(center) && isFinite(width) && width >= least && shape !== undefined && more.length === 0
    ? { center, width, function: shape }
    : undefined
}

/** Size, and the part of the picture that is shown; a negative size flips (PS3.18 §8.3.5.1.3). */
const viewportOf = (text: string, picture: { readonly width: number; readonly height: number } | undefined) => {
  const parts = numbersOf(text)
  const [width, height, x = 0, y = 0, across = picture?.width, down = picture?.height] = parts
  if (!isSide(width) || !isSide(height) || parts.length > 6) return undefined
  if (parts.length === 2 || picture === undefined) return parts.length === 2 ? { width, height } : undefined
  const source = [x, y, across, down].every(isFinite) && across !== 0 && down !== 0
  const inside = x >= 0 && y >= 0 && x < picture.width && y < picture.height
  return source && inside ? { width, height, source: { x, y, width: across!, height: down! } } : undefined
}

/** A Refused names the parameter at fault. Parameters of other services are left alone. */
export const renderParameters = (
  parameters: URLSearchParams,
  picture: { readonly width: number; readonly height: number } | undefined,
): RenderParameters | Refused => {
  const given = {
    window: parameters.get("window"),
    viewport: parameters.get("viewport"),
    quality: parameters.get("quality"),
  }
  const window = given.window === null ? undefined : windowOf(given.window)
  if (given.window !== null && window === undefined) return bad("window")
  const viewport = given.viewport === null ? undefined : viewportOf(given.viewport, picture)
  if (given.viewport !== null && viewport === undefined) return bad("viewport")
  const quality = given.quality === null || given.quality.trim() === "" ? Number.NaN : Number(given.quality)
  if (given.quality !== null && !(Number.isInteger(quality) && quality >= 1 && quality <= 100)) return bad("quality")
  if (parameters.has("annotation")) {
    return new Refused({ status: 400, error: "the query parameter annotation is not supported: nothing is burned in" })
  }
  const profile = parameters.get("iccprofile")?.toLowerCase()
  if (profile !== undefined && !profiles.has(profile)) return bad("iccprofile")
  return {
    job: {
      ...(window === undefined ? {} : { window }),
      ...(viewport === undefined ? {} : { viewport }),
      ...(Number.isNaN(quality) ? {} : { quality }),
    },
    warnings:
      profile === undefined || profile === "no" ? [] : ['299 - "iccprofile is not supported; no profile is included"'],
  }
}
