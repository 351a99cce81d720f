// A range of dates with a range of times is one range of moments (PS3.4 §C.2.2.2.5, PS3.18 §8.3.4.1.1).
import { keywordTag, tagKeyword } from "../dicom/json-dictionary.ts"
import type { Key } from "../ledger/matching.ts"
import type { ValueTest } from "../ledger/value-test.ts"

/** StudyTime of StudyDate, also at the end of a path. */
const timeOf = (tag: string): string | undefined => {
  const keyword = tagKeyword(tag.slice(-8))
  const time = keyword?.endsWith("Date") ? keywordTag(keyword.replace(/Date$/, "Time")) : undefined
  return time === undefined ? undefined : tag.slice(0, -8) + time
}

const spanOf = ({ tests }: Key): Extract<ValueTest, { readonly kind: "range" }> | undefined => {
  const [test, ...more] = tests
  return test?.kind === "range" && more.length === 0 ? test : undefined
}

/** Joins the pairs among the keys whose values were written as ranges. */
export const pairMoments = (keys: ReadonlyArray<Key>, isRange: (tag: string) => boolean): ReadonlyArray<Key> => {
  const byTag = new Map(keys.map((key) => [key.tag, key]))
  const paired = new Set<string>()
  const joined = keys.map((key): Key => {
    const time = timeOf(key.tag)
    const date = spanOf(key)
    const second = time === undefined ? undefined : byTag.get(time)
    const clock = second === undefined ? undefined : spanOf(second)
    if (time === undefined || date === undefined || clock === undefined || !isRange(key.tag) || !isRange(time))
      return key
    paired.add(time)
    return {
      tag: key.tag,
      vr: key.vr,
      time: time.slice(-8),
      tests: [
        {
          kind: "range",
          from: date.from === "" ? "" : date.from + clock.from,
          to: date.to === "" ? "" : date.to + (clock.to === "" ? "235959.999999" : clock.to),
        },
      ],
    }
  })
  return joined.filter(({ tag }) => !paired.has(tag))
}
