// One of several concurrent senders: single and many instances, duplicates, deletes, deleted ones sent again.
import { type Dice, wait } from "./dice.ts"
import { families, study, type Study } from "./instances.ts"
import { remove, type Sending, storeSlices } from "./requests.ts"

export interface SenderOptions extends Sending {
  readonly name: string
  readonly seed: number
  /** Core studies that only this sender touches. */
  readonly core: ReadonlyArray<Study>
}

/** Transient studies a sender has at a time: the archive stays small, so that all of it can be checked after each fault. */
const maxTransient = 6

export const makeSender = (options: SenderOptions) => {
  const { name, seed, core, promises } = options
  const held: Array<Study> = []
  const gone: Array<Study> = []
  const generations = new Map<Study, number>()
  let made = 0
  const next = (of: Study) => {
    const generation = (generations.get(of) ?? 0) + 1
    generations.set(of, generation)
    return generation
  }
  const all = (of: Study) => of.SOPInstanceUIDs.map((_, slice) => slice)
  const missing = (of: Study) => all(of).filter((slice) => !promises.stored.has(of.SOPInstanceUIDs[slice]!))
  /** In requests of one to all instances. */
  const send = async (of: Study, slices: ReadonlyArray<number>, generation: number, dice: Dice) => {
    for (let at = 0; at < slices.length;) {
      const size = dice.chance(0.4) ? 1 : dice.between(1, slices.length)
      await storeSlices(options, of, slices.slice(at, at + size), generation)
      at += size
    }
  }
  const arrive = async (dice: Dice) => {
    const slices = dice.chance(0.3) ? 1 : dice.between(2, 10)
    const family = String(dice.between(0, families))
    const fresh = study({ seed, name: `${name} ${made++}`, family, slices, core: false })
    held.push(fresh)
    await send(fresh, all(fresh), next(fresh), dice)
  }
  const leave = async (dice: Dice) => {
    const victim = dice.pick(held)
    if (dice.chance(0.3)) return await remove(options, victim, dice.pick(all(victim)))
    held.splice(held.indexOf(victim), 1)
    gone.push(victim)
    await remove(options, victim)
  }
  /** With other bytes under the same UIDs: a correction. */
  const comeBack = async (dice: Dice) => {
    const [again] = gone.splice(dice.between(0, gone.length - 1), 1)
    if (again === undefined) return
    held.push(again)
    await send(again, all(again), next(again), dice)
  }
  const replaceCore = async (dice: Dice) => {
    const one = dice.pick(core)
    const slice = dice.chance(0.5) ? dice.pick(all(one)) : undefined
    await remove(options, one, slice)
    await send(one, slice === undefined ? all(one) : [slice], next(one), dice)
  }
  /** The same bytes again, sometimes twice at once. */
  const repeat = async (dice: Dice) => {
    const one = dice.pick([...held, ...core])
    const generation = generations.get(one)
    const present = all(one).filter(
      (slice) => promises.stored.get(one.SOPInstanceUIDs[slice]!)?.generation === generation,
    )
    if (generation === undefined || present.length === 0) return
    const again = () => storeSlices(options, one, present, generation)
    await Promise.all(dice.chance(0.5) ? [again(), again()] : [again()])
  }

  return {
    /** Brings the core studies there, before the first fault. */
    fill: async (dice: Dice) => {
      for (const one of core) if (missing(one).length > 0) await send(one, missing(one), next(one), dice)
    },
    /** Sends until told to stop, and then leaves nothing but the core studies. */
    run: async (dice: Dice, isOver: () => boolean) => {
      while (!isOver()) {
        const roll = dice.roll()
        if (held.length < maxTransient && (roll < 0.4 || held.length === 0)) await arrive(dice)
        else if (roll < 0.58 && held.length > 0) await leave(dice)
        else if (roll < 0.67 && gone.length > 0) await comeBack(dice)
        else if (roll < 0.86 && core.length > 0) await replaceCore(dice)
        else await repeat(dice)
        await wait(dice.between(0, 40))
      }
      for (const one of held.splice(0)) {
        await remove(options, one)
        gone.push(one)
      }
      gone.splice(0, Math.max(0, gone.length - 50))
      for (const one of core) if (missing(one).length > 0) await send(one, missing(one), next(one), dice)
    },
  }
}
export type Sender = ReturnType<typeof makeSender>
