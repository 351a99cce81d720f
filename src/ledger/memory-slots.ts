// Memory that parts are gathered in, shared with the threads that write them and used again: no copy changes hands, and
// a busy gateway does not ask the kernel for fresh pages.

export interface Slots {
  /** None is free: the caller does without. */
  readonly take: () => SharedArrayBuffer | undefined
  readonly give: (slot: SharedArrayBuffer) => void
  readonly taken: () => number
}

/** At most `count` slots of `bytes` each, made when they are needed. */
export const makeSlots = ({ count, bytes }: { readonly count: number; readonly bytes: number }): Slots => {
  const free: Array<SharedArrayBuffer> = []
  let made = 0
  return {
    take: () => {
      const slot = free.pop()
      if (slot !== undefined || made === count) return slot
      made++
      return new SharedArrayBuffer(bytes)
    },
    give: (slot) => void free.push(slot),
    taken: () => made - free.length,
  }
}
