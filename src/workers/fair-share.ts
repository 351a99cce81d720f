// Places that are held for as long as somebody likes, shared so that there is always one for whoever has none.

/**
 * One may hold so many times what is free: alone three quarters of all places, two at once three sevenths each (dynamic
 * thresholds, Choudhury and Hahne 1998).
 */
const greed = 3

/** Whether one who holds `mine` of the places that are taken may take another. */
export const mayTake = (total: number, taken: number, mine: number): boolean =>
  taken < total && mine < Math.max(1, greed * (total - taken))

/** So many places, counted by holder. */
export const makeShares = (total: number) => {
  const held = new Map<string, number>()
  let taken = 0
  return {
    /** False where the holder has its share, or nothing is free. */
    begin: (holder: string): boolean => {
      const mine = held.get(holder) ?? 0
      if (!mayTake(total, taken, mine)) return false
      held.set(holder, mine + 1)
      taken++
      return true
    },
    end: (holder: string): void => {
      const left = (held.get(holder) ?? 1) - 1
      if (left > 0) held.set(holder, left)
      else held.delete(holder)
      taken--
    },
  }
}
