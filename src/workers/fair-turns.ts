// Turns at what is scarce, shared by caller: of those who wait, whoever has had least goes next (start-time fair queueing).
import * as Effect from "effect/Effect"

interface Waiting {
  readonly cost: number
  readonly grant: () => void
}

export interface FairTurns {
  /** Runs the effect in the caller's turn. `cost`: its size, in any unit that all use. Who is interrupted while waiting has had nothing. */
  readonly turn: (caller: string, cost: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Callers' tasks that wait. */
  readonly waiting: () => number
}

/** At most `places` tasks at a time. One caller's tasks keep their order; a caller who was away has saved nothing up. */
export const makeFairTurns = (places: number): FairTurns => {
  let running = 0
  let waiting = 0
  /** What the one who was served last had had by then: where newcomers start. */
  let level = 0
  const had = new Map<string, number>()
  const queues = new Map<string, Array<Waiting>>()

  const charge = (caller: string, cost: number) => {
    const before = Math.max(level, had.get(caller) ?? 0)
    level = before
    had.set(caller, before + cost)
  }
  const poorest = (): string | undefined => {
    let least: string | undefined
    for (const caller of queues.keys()) {
      if (least === undefined || (had.get(caller) ?? 0) < (had.get(least) ?? 0)) least = caller
    }
    return least
  }
  const leave = (caller: string, queue: Array<Waiting>, one: Waiting) => {
    queue.splice(queue.indexOf(one), 1)
    waiting--
    if (queue.length === 0) queues.delete(caller)
  }
  const next = () => {
    while (running < places) {
      const caller = poorest()
      if (caller === undefined) {
        // Nobody is kept waiting any more, so nobody owes anything.
        if (running === 0) had.clear()
        return
      }
      const queue = queues.get(caller)!
      const one = queue[0]!
      leave(caller, queue, one)
      running++
      charge(caller, one.cost)
      one.grant()
    }
  }
  const release = Effect.sync(() => {
    running--
    next()
  })
  const take = (caller: string, cost: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (running < places && waiting === 0) {
        running++
        charge(caller, cost)
        return Effect.void
      }
      return Effect.callback<void>((resume) => {
        const one: Waiting = { cost, grant: () => resume(Effect.void) }
        const queue = queues.get(caller) ?? []
        if (queue.length === 0) {
          queues.set(caller, queue)
          had.set(caller, Math.max(level, had.get(caller) ?? 0))
        }
        queue.push(one)
        waiting++
        return Effect.sync(() => {
          // Granted at the moment of the interruption: the turn goes on to the next.
          if (queue.includes(one)) leave(caller, queue, one)
          else {
            running--
            next()
          }
        })
      })
    })

  return {
    turn: (caller, cost) => (effect) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(take(caller, cost)), () => Effect.ensuring(restore(effect), release)),
      ),
    waiting: () => waiting,
  }
}
