// kill -9 of the gateway, its broker, both, and its threads, at random moments; SIGTERM too; and again during recovery.
import { type Dice, dice, wait } from "./dice.ts"
import { type Campaign, type Fault, type Outcome, outcomeOf } from "./fault.ts"
import { makeScene, type Scene } from "./scene.ts"

export type Kill = "gateway" | "nats-server" | "both" | "decode worker" | "index worker" | "SIGTERM"

/** How many of twenty. */
const shares: Readonly<Record<Kill, number>> = {
  gateway: 6,
  "nats-server": 4,
  both: 3,
  "decode worker": 3,
  "index worker": 3,
  SIGTERM: 1,
}
const kinds = Object.entries(shares).flatMap(([kind, share]) => Array.from({ length: share }, () => kind as Kill))

/** False when there was nothing to kill at that moment. */
const strike = async (scene: Scene, kind: Kill, throws: Dice): Promise<boolean> => {
  switch (kind) {
    case "nats-server":
      return scene.killNats()
    case "decode worker":
    case "index worker":
      return await scene.killWorker(kind === "index worker" ? "index" : "decode", throws.between(0, 999))
    case "both":
      scene.killNats()
      await scene.stop("SIGKILL")
      scene.start()
      return true
    default:
      await scene.stop(kind === "SIGTERM" ? "SIGTERM" : "SIGKILL")
      scene.start()
      return true
  }
}

const ends = (kind: Kill) => kind === "gateway" || kind === "both" || kind === "SIGTERM"

/** One to three kills, some of them of a gateway that has not yet recovered from the one before. */
const burst = async (scene: Scene, throws: Dice, struck: (kind: Kill, recovering: boolean) => void) => {
  await wait(throws.between(50, 1200))
  let recovering = false
  for (let left = throws.pick([1, 1, 1, 2, 2, 3]); left > 0; left--) {
    const kind: Kill = recovering && throws.chance(0.6) ? "gateway" : throws.pick(kinds)
    if (await strike(scene, kind, throws)) struck(kind, recovering)
    // Half of those that follow hit before it answers or right after, the others when it works again.
    recovering = ends(kind) && throws.chance(0.5)
    if (!recovering) await scene.url()
    await wait(throws.between(50, recovering ? 1500 : 1000))
  }
}

/** Each kind once, for the short form. */
const inTurn = async (scene: Scene, throws: Dice, struck: (kind: Kill, recovering: boolean) => void) => {
  for (const kind of ["decode worker", "index worker", "nats-server", "gateway", "both"] as const) {
    await wait(throws.between(100, 500))
    if (await strike(scene, kind, throws)) struck(kind, false)
    await scene.url()
  }
}

interface Budget {
  left: number
}

/** Rounds of kills on one archive until the budget, shared with other archives, is used up. All is checked after each. */
const attack = async (
  { seed, undisturbed, say }: Campaign,
  name: string,
  budget: Budget,
  blows: typeof burst,
): Promise<Outcome> => {
  const scene = makeScene({ name, seed, undisturbed })
  const broken: Record<string, number> = {}
  const note = (what: string) => (broken[what] = (broken[what] ?? 0) + 1)
  let rounds = 0
  try {
    await scene.begin()
    while (budget.left > 0 && scene.promises.violations.length === 0) {
      const throws = dice(seed).of(`${name} kills ${++rounds}`)
      const done: Array<string> = []
      await scene.underFire(`round ${rounds}`, () =>
        blows(scene, throws, (kind, recovering) => {
          done.push(kind)
          note(kind)
          if (recovering) note("of these during recovery")
          if (kind !== "SIGTERM") budget.left--
        }),
      )
      const seconds = ((scene.times.searchable.at(-1) ?? 0) / 1000).toFixed(1)
      say(`${name}, round ${rounds}: ${done.join(", ") || "nothing to kill"}; all searchable after ${seconds} s`)
    }
  } catch (error) {
    scene.promises.violate("stuck", `round ${rounds}: ${String(error)}`)
  }
  await scene.close()
  return outcomeOf(name, scene, { rounds, broken })
}

export const kills: Fault = {
  name: "kills",
  run: async (campaign) => {
    const budget = { left: campaign.kills }
    return await Promise.all(
      Array.from({ length: campaign.lanes }, (_, n) => attack(campaign, `kills, archive ${n + 1}`, budget, burst)),
    )
  },
}

export const someKills: Fault = {
  name: "some-kills",
  run: async (campaign) => [await attack(campaign, "some kills", { left: 5 }, inTurn)],
}
