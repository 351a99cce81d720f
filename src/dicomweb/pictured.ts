// Which instance, and what of it, stands for an address when a picture is asked for.
import * as Effect from "effect/Effect"
import type { DicomJson } from "../domain/instance.ts"
import { type Held, Ledger } from "../ledger/Ledger.ts"
import { Refused } from "./answers.ts"

export interface Pictured {
  readonly held: Held
  readonly attributes: DicomJson
  readonly width: number
  readonly height: number
  readonly frames: number
}

/** Instances that are looked at for one with a picture. */
const most = 32

const natural = (attributes: DicomJson, tag: string): number | undefined => {
  const value = Number(attributes[tag]?.Value?.[0])
  return Number.isInteger(value) && value > 0 ? value : undefined
}

/** Undefined for what is no image. */
export const pictureOf = (held: Held, attributes: DicomJson | undefined): Pictured | undefined => {
  if (attributes === undefined) return undefined
  const [width, height] = [natural(attributes, "00280011"), natural(attributes, "00280010")]
  return width === undefined || height === undefined
    ? undefined
    : { held, attributes, width, height, frames: natural(attributes, "00280008") ?? 1 }
}

/** Of a series, the middle is more telling than its ends. */
export const representative = Effect.fnUntraced(function* (instances: ReadonlyArray<Held>) {
  const middle = (instances.length - 1) / 2
  const nearest = instances
    .map((held, index) => ({ held, distance: Math.abs(index - middle) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
  const known = yield* (yield* Ledger).attributes(nearest.map(({ held }) => held.receipt))
  for (const { held } of nearest) {
    const found = pictureOf(held, known.get(held.receipt))
    if (found !== undefined) return found
  }
  return yield* new Refused({ status: 406, error: "there is no image under this address that could be a picture" })
})
