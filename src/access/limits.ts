// How much one caller may ask for: a token bucket and a count of requests under way, in bounded memory.

export interface BucketOptions {
  readonly perSecond: number
  readonly burst: number
  /** Callers remembered; the one not seen for longest is forgotten, which gives it a full bucket. */
  readonly most?: number
}

interface Bucket {
  readonly left: number
  readonly at: number
}

/** Takes one of the caller's places: 0, or the seconds after which to come again. `now`: milliseconds. */
export const makeBuckets = ({ perSecond, burst, most = 10_000 }: BucketOptions) => {
  const buckets = new Map<string, Bucket>()
  return (caller: string, now: number): number => {
    const { left, at } = buckets.get(caller) ?? { left: burst, at: now }
    const filled = Math.min(burst, left + (Math.max(0, now - at) / 1000) * perSecond)
    const taken = filled >= 1
    // The last of the map is the latest seen.
    buckets.delete(caller)
    buckets.set(caller, { left: taken ? filled - 1 : filled, at: now })
    if (buckets.size > most) buckets.delete(buckets.keys().next().value ?? "")
    return taken ? 0 : Math.max(1, Math.ceil((1 - filled) / perSecond))
  }
}

/** Requests under way of each caller; a caller without any is not remembered. */
export const makeUnderWay = (most: number) => {
  const counts = new Map<string, number>()
  return {
    /** False when the caller has as many as are allowed. */
    begin: (caller: string): boolean => {
      const count = counts.get(caller) ?? 0
      if (count >= most) return false
      counts.set(caller, count + 1)
      return true
    },
    end: (caller: string): void => {
      const count = (counts.get(caller) ?? 1) - 1
      if (count > 0) counts.set(caller, count)
      else counts.delete(caller)
    },
  }
}
