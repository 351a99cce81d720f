// The open channels of this process: who is to be woken, and how far each subscriber has got.

/** Open at a time; of one subscriber, of all. */
const maxPerSubscriber = 16
const maxOpen = 512

interface OpenChannel {
  readonly wake: () => void
  delivered: number
}

export const makeChannels = () => {
  const open = new Map<number, Set<OpenChannel>>()
  let count = 0
  return {
    /** Undefined when there are too many. */
    add: (subscriber: number, wake: () => void): OpenChannel | undefined => {
      const channels = open.get(subscriber) ?? new Set()
      if (channels.size >= maxPerSubscriber || count >= maxOpen) return undefined
      const channel: OpenChannel = { wake, delivered: 0 }
      open.set(subscriber, channels.add(channel))
      count++
      return channel
    },
    remove: (subscriber: number, channel: OpenChannel) => {
      const channels = open.get(subscriber)
      if (channels?.delete(channel) !== true) return
      count--
      if (channels.size === 0) open.delete(subscriber)
    },
    wake: (subscribers: Iterable<number>) => {
      for (const subscriber of subscribers) for (const { wake } of open.get(subscriber) ?? []) wake()
    },
    /** What every open channel of the subscriber has delivered. */
    deliveredByAll: (subscriber: number) =>
      Math.min(...Array.from(open.get(subscriber) ?? [], ({ delivered }) => delivered)),
    connected: (): ReadonlyArray<number> => [...open.keys()],
  }
}
