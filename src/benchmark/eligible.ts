// Which volumes may answer for a structure, and what each would be worth: a missing label is not absence.
import type { LabelledVolume } from "./collection.ts"
import type { Structure, Truth } from "./truth.ts"

export type Level = "fine" | "coarse"

export interface Known {
  readonly volume: LabelledVolume
  readonly truth: Truth
}

/** Words that name neighbouring parts of the trunk: a volume of one of them shows organs of the others. */
const trunk = new Set(["chest", "thorax", "abdomen", "pelvis", "lumbar", "torso", "trunk"])

/** `head+neck` → head, neck; what stands in brackets says how it was cut, not where. */
export const regionWords = (region: string | undefined): ReadonlySet<string> =>
  new Set(
    (region ?? "")
      .toLowerCase()
      .replace(/\(.*?\)/g, "")
      .split(/[^a-z]+/)
      .filter((word) => word.length > 2 && word !== "and" && word !== "spine")
      .map((word) => (trunk.has(word) ? "torso" : word)),
  )

export const structureOf = (truth: Truth, level: Level, name: string): Structure | undefined =>
  truth[level].find((structure) => structure.name === name)

/** Words of all regions in which somebody labelled the structure. */
export const labelledRegions = (collection: ReadonlyArray<Known>, level: Level): ReadonlyMap<string, Set<string>> => {
  const regions = new Map<string, Set<string>>()
  for (const { volume, truth } of collection) {
    const words = regionWords(volume.region)
    for (const { name } of truth[level]) regions.set(name, (regions.get(name) ?? new Set<string>()).union(words))
  }
  return regions
}

/** `unknown`: not labelled here, though volumes of this part of the body show it. */
export const verdict = (
  { volume, truth }: Known,
  level: Level,
  name: string,
  labelled: ReadonlyMap<string, ReadonlySet<string>>,
): "shows" | "lacks" | "unknown" => {
  if (structureOf(truth, level, name) !== undefined) return "shows"
  if (volume.exhaustive) return "lacks"
  const words = regionWords(volume.region)
  // Nothing is known of where it lies: then its silence says nothing.
  if (words.size === 0) return "unknown"
  return words.isDisjointFrom(labelled.get(name) ?? new Set()) ? "lacks" : "unknown"
}
