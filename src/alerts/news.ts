// What of a study's version is news to a standing region: places that meet a slice which no version matched before had,
// and that it has not told of. A place told of stays told when a late slice fills it up and its score grows.
import type { Hit } from "../domain/hit.ts"
import type { StudyView } from "../query/RegionQuery.ts"

/** How much of the smaller of two boxes the other covers for both to be one place. */
const sameShare = 0.5

const shareAlong = (a: Hit["box"], b: Hit["box"], axis: 0 | 1 | 2): number => {
  const overlap = Math.min(a.max[axis], b.max[axis]) - Math.max(a.min[axis], b.min[axis])
  const smaller = Math.min(a.max[axis] - a.min[axis], b.max[axis] - b.min[axis])
  if (smaller <= 0) return overlap >= 0 ? 1 : 0
  return Math.max(0, overlap / smaller)
}

export const isSamePlace = (a: Hit, b: Hit): boolean =>
  a.SeriesInstanceUID === b.SeriesInstanceUID &&
  shareAlong(a.box, b.box, 0) * shareAlong(a.box, b.box, 1) * shareAlong(a.box, b.box, 2) >= sameShare

/**
 * Where to look. A series answers with its best place only, and that may be an old one: so the new slices are looked at
 * by themselves too. `upTo`: receipts of all that the version has, `fresh`: of what is new in it.
 */
export const viewsOf = (upTo: Float64Array, fresh: Float64Array): ReadonlyArray<StudyView> => {
  if (fresh.length === 0) return []
  return fresh.length === upTo.length ? [{ only: upTo }] : [{ only: upTo, meeting: fresh }, { only: fresh }]
}
